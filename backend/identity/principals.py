"""From an access token to a principal, without a database query (design.md section 3).

Asked in this order: the signature and expiry; this process's memory of sessions ended and of people changed in the
last two minutes (fed by the durable topic `sessions`); one cache read. Only without a cached value is the database
asked, once. An old or refilled cache revives nothing: values are signed, expire by their own clock, and are older
than the memory. Within half a second of a token's last use its signature and the cache are not asked again.
"""

import hashlib
import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet

from backend.common.fastcache import fastcache
from backend.common.principal import Principal
from backend.identity import tokens
from backend.identity.errors import TokenRefused
from backend.identity.models import Session, User, UserRole

_OPAQUE = re.compile(r"[0-9a-f]{40}")
CACHE_SECONDS = 60
MEMORY_SECONDS = 120
NEAR_MAX = 20_000

# The durable topic on which sessions end and principals change. Every server process follows it.
SESSIONS_TOPIC = "sessions"


class RecentChanges:
    """What ended or changed lately, so that no cache can say otherwise. Bounded by time: 120 s outlive any cache."""

    def __init__(self) -> None:
        self._ended: dict[str, float] = {}
        self._versions: dict[int, tuple[int, float]] = {}

    def end(self, sids: list[str]) -> None:
        self._forget_old()
        deadline = time.monotonic() + MEMORY_SECONDS
        self._ended.update(dict.fromkeys(sids, deadline))

    def raise_version(self, user_id: int, version: int) -> None:
        self._forget_old()
        newest = max(version, self.least_version(user_id))  # Notices of two changes can overtake each other.
        self._versions[user_id] = (newest, time.monotonic() + MEMORY_SECONDS)

    def is_ended(self, sid: str) -> bool:
        return sid in self._ended

    def least_version(self, user_id: int) -> int:
        return self._versions.get(user_id, (0, 0.0))[0]

    def _forget_old(self) -> None:
        now = time.monotonic()
        for memory in (self._ended, self._versions):
            # Oldest first, so this stops at the first one that is still needed.
            for key in list(memory):
                value = memory[key]  # type: ignore[index]
                if (value if isinstance(value, float) else value[1]) > now:
                    break
                memory.pop(key)  # type: ignore[call-overload]


class JustNow:
    """Who bore which token within the last moments, in this process: an app opens with a burst of requests.

    Never older than `PRINCIPAL_NEAR_SECONDS`, so what a lost ring would have told is heard within that time; never
    against `recent`, so what this process knows counts at once. Bounded: it starts anew when it is full.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[Principal, float]] = {}

    def find(self, raw: str) -> Principal | None:
        found = self._known.get(raw)
        if found is None or found[1] <= time.monotonic():
            return None
        principal = found[0]
        if recent.is_ended(principal.sid) or recent.least_version(principal.id) > principal.version:
            return None
        return principal if principal.expires_at is None or principal.expires_at > datetime.now(UTC) else None

    def keep(self, raw: str, principal: Principal) -> None:
        if settings.PRINCIPAL_NEAR_SECONDS:
            if len(self._known) >= NEAR_MAX:
                self._known.clear()
            self._known[raw] = (principal, time.monotonic() + settings.PRINCIPAL_NEAR_SECONDS)


recent = RecentChanges()
just_now = JustNow()


def principal_from_token(raw: str) -> Principal:
    """Return who bears this access token. Raises: TokenRefused."""
    known = just_now.find(raw)
    if known is not None:
        return known
    claims = tokens.read_access(raw)
    principal = principal_of_session(claims.sid, claims.user_id, claims.expires_at)
    just_now.keep(raw, principal)
    return principal


def principal_from_opaque(token: str) -> Principal:
    """Return who bears this 40-hex token of the S3 door: a session like any other. Raises: TokenRefused."""
    digest = opaque_hash(token)
    (known,) = fastcache().get_many([f"opaque:{digest}"])
    if known is None:
        found = Session.objects.filter(token_hash=digest).values("id", "user_id", "expires_at").first()
        if found is None:
            raise TokenRefused
        until = found["expires_at"]
        known = {"sid": str(found["id"]), "user_id": found["user_id"], "until": until.timestamp()}
        fastcache().set(f"opaque:{digest}", known, seconds=CACHE_SECONDS)
    expires_at = datetime.fromtimestamp(known["until"], tz=UTC)
    if expires_at <= datetime.now(UTC):
        raise TokenRefused
    return principal_of_session(known["sid"], known["user_id"], expires_at)


def opaque_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def principal_from_credential(raw: str) -> Principal:
    """Return who bears a token of either kind: 40 hexadecimal characters, or else a JWT (K-11, K-12)."""
    return principal_from_opaque(raw) if _OPAQUE.fullmatch(raw) else principal_from_token(raw)


def principal_of_session(sid: str, user_id: int, expires_at: datetime) -> Principal:
    """Return the session's principal from cache, else from one query. Raises: TokenRefused."""
    if recent.is_ended(sid):
        raise TokenRefused
    cached, changed = fastcache().get_many([f"principal:{sid}", f"version:{user_id}"])
    least = max(recent.least_version(user_id), changed["version"] if changed else 0)
    if cached and cached["id"] == user_id and cached["version"] >= least:
        return _thawed(cached, expires_at)
    found = _loaded(sid, user_id)
    fastcache().set(f"principal:{sid}", _frozen(found), seconds=CACHE_SECONDS)
    return replace(found, expires_at=expires_at)


def principal_of(user: User, *, sid: str = "") -> Principal:
    """Return the principal of a user at hand: for services called outside a request. Costs one query for the roles."""
    return _of_row(user, sid, list(_role_names(user.pk)))


def announce_change(user_id: int, version: int) -> None:
    """Make every cached principal of the user that is older than `version` worthless. Called after commit."""
    recent.raise_version(user_id, version)
    fastcache().set(f"version:{user_id}", {"version": version}, seconds=MEMORY_SECONDS)


def announce_end(sids: list[str]) -> None:
    """Make the sessions' cached principals worthless, here at once and in the shared cache. Called after commit."""
    recent.end(sids)
    fastcache().delete([f"principal:{sid}" for sid in sids])


def hear(kind: str, payload: dict[str, Any]) -> list[str]:
    """Take in an event of the topic `sessions`; return the ids of the sessions that ended by it."""
    if kind == "principal.changed":
        recent.raise_version(payload["user_id"], payload["version"])
        return []
    recent.end(payload["sids"])
    return list(payload["sids"])


def _role_names(user_id: Any) -> QuerySet[UserRole, Any]:
    return UserRole.objects.filter(user_id=user_id, is_active=True, role__is_active=True).values_list(
        "role__name", flat=True
    )


def _loaded(sid: str, user_id: int) -> Principal:
    session = (
        Session.objects.filter(pk=sid, user_id=user_id, user__is_active=True, revoked_at=None)
        .filter(expires_at__gt=datetime.now(UTC))
        .select_related("user")
        .annotate(roles=ArraySubquery(_role_names(OuterRef("user_id"))))
        .first()
    )
    if session is None:
        raise TokenRefused
    return _of_row(session.user, sid, session.roles)


def _of_row(user: User, sid: str, roles: list[str]) -> Principal:
    return Principal(
        id=user.pk,
        sid=sid,
        email=user.email,
        first_name=user.get_short_name(),
        is_staff=user.is_staff,
        is_superuser=user.is_superuser,
        roles=frozenset(roles),
        kyc_status=user.kyc_status,
        version=user.auth_version,
    )


def _frozen(principal: Principal) -> dict[str, Any]:
    names = ("id", "sid", "email", "first_name", "is_staff", "is_superuser", "kyc_status", "version")
    return {**{name: getattr(principal, name) for name in names}, "roles": sorted(principal.roles)}


def _thawed(value: dict[str, Any], expires_at: datetime) -> Principal:
    fields = {name: item for name, item in value.items() if name not in {"exp", "roles"}}
    return Principal(**fields, roles=frozenset(value["roles"]), expires_at=expires_at)
