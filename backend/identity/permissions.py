"""Who may call a view: by role, by flag, or by API key."""

import hashlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.models import Q
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework_api_key.models import APIKey

from backend.common.shapes import principal_of
from backend.identity import limits
from backend.identity.services import api_keys

NEAR_MAX = 10_000

_near: dict[tuple[bytes, tuple[str, ...]], tuple[APIKey, float]] = {}


def roles(*names: str) -> type[BasePermission]:
    """Return a permission for signed-in people who hold one of the roles."""

    class HasRole(BasePermission):
        def has_permission(self, request: Request, view: APIView) -> bool:
            principal = principal_of(request)
            return principal is not None and principal.has_role(*names)

    return HasRole


class IsStaff(BasePermission):
    """Staff or superuser: the flags of S1's desk. They open no bank, KYC or chat data of others."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        principal = principal_of(request)
        return principal is not None and (principal.is_staff or principal.is_superuser)


def api_key(scope: str, *, reads: Sequence[str] = ()) -> type[BasePermission]:
    """Return a permission for partner systems: a valid key in `X-Api-Key` that may do `scope`.

    For views with empty `authentication_classes`, so that a missing key is 403 (K-13). The key is `request.auth`;
    `reads` names what of a higher slice belongs to it and is read in the same query.
    """

    class HasApiKey(BasePermission):
        is_for_api_keys = True

        def has_permission(self, request: Request, view: APIView) -> bool:
            key = usable_key(request.META.get("HTTP_X_API_KEY", ""), reads=reads)
            if key is None or not may(key, scope):
                limits.share_for_address("credential")  # Whoever has no key is anybody, and guesses no faster.
                return False
            limits.show(limits.share_for_key("api_key", key.prefix), view)
            request.auth = key
            api_keys.note_use(key)
            return True

    return HasApiKey


def usable_key(raw: str, *, reads: Sequence[str] = ()) -> APIKey | None:
    """Return the key if it is known, neither revoked nor expired, and right to the last character. One query.

    What was found is good for `PRINCIPAL_NEAR_SECONDS`, as what was found out about a token's bearer is: partners ask
    for many things at once, and the hash is not computed for each (BUG-S4-20). Being revoked counts after that.
    """
    if not raw or not raw.isascii() or "\x00" in raw:
        return None
    name, now = (hashlib.sha256(raw.encode()).digest(), tuple(reads)), time.monotonic()
    known = _near.get(name)
    if known is not None and known[1] > now and _is_alive(known[0]):
        return known[0]
    key = _looked_up(raw, reads)
    if key is not None and settings.PRINCIPAL_NEAR_SECONDS:
        if len(_near) >= NEAR_MAX:
            _near.clear()
        _near[name] = key, now + settings.PRINCIPAL_NEAR_SECONDS
    return key


def _looked_up(raw: str, reads: Sequence[str]) -> APIKey | None:
    alive = Q(expiry_date=None) | Q(expiry_date__gt=datetime.now(UTC))
    keys = APIKey.objects.filter(alive, prefix=raw.partition(".")[0], revoked=False).select_related("grant", *reads)
    key: Any = keys.first()
    return key if key is not None and key.is_valid(raw) else None


def _is_alive(key: APIKey) -> bool:
    return key.expiry_date is None or key.expiry_date > datetime.now(UTC)


def scopes_of(key: APIKey) -> list[str]:
    """Return what the key is narrowed to; an empty list is everything."""
    grant = getattr(key, "grant", None)
    return list(grant.scopes) if grant is not None and isinstance(grant.scopes, list) else []


def may(key: APIKey, scope: str) -> bool:
    """Whether the key is not narrowed, or narrowed to this too. Scopes that are no list allow nothing."""
    grant = getattr(key, "grant", None)
    if grant is None or grant.scopes == []:
        return True
    return isinstance(grant.scopes, list) and scope in grant.scopes
