"""Minting and reading JWTs (simplejwt encodes and verifies; rotation is ours, see services/sessions.py)."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from backend.identity.errors import TokenRefused


@dataclass(frozen=True, slots=True)
class Claims:
    user_id: int
    sid: str
    jti: str
    expires_at: datetime


def lifetime(door: str, kind: str) -> Any:
    return settings.TOKEN_LIFETIMES.get(door, settings.TOKEN_LIFETIMES["default"])[kind]


def mint_access(*, user_id: int, sid: str, door: str, now: datetime, claims: dict[str, Any] | None = None) -> str:
    token = AccessToken()
    token.payload.update(claims or {})
    return _minted(token, user_id=user_id, sid=sid, now=now, seconds=lifetime(door, "access"))


def mint_refresh(*, user_id: int, sid: str, door: str, jti: str, now: datetime) -> str:
    """Mint the family's refresh token. The same arguments give the same token, to the byte: a race has one winner
    and two bearers of its prize."""
    token = RefreshToken()
    token["jti"] = jti
    return _minted(token, user_id=user_id, sid=sid, now=now, seconds=lifetime(door, "refresh"))


def successor_of(jti: str) -> str:
    """Return the id of the refresh token that follows. Derived with the secret, so nobody can compute it ahead."""
    return hmac.digest(settings.SECRET_KEY.encode(), b"refresh:" + jti.encode(), "sha256").hex()[:32]


def read_access(raw: str) -> Claims:
    """Return the claims of a valid access token. Raises: TokenRefused."""
    return _read(AccessToken, raw)


def read_refresh(raw: str) -> Claims:
    """Return the claims of a valid refresh token. Raises: TokenRefused, for an empty one too (V-1)."""
    return _read(RefreshToken, raw)


def _minted(token: Token, *, user_id: int, sid: str, now: datetime, seconds: Any) -> str:
    token.set_iat(at_time=now)
    token.set_exp(from_time=now, lifetime=seconds)
    token["user_id"] = user_id
    token["sid"] = sid
    return str(token)


def _read(kind: type[Token], raw: str) -> Claims:
    if not raw or not isinstance(raw, str):
        raise TokenRefused
    try:
        token = kind(raw)  # type: ignore[arg-type]  # simplejwt's stubless signature says Token; it takes the text
    except (TokenError, UnicodeError) as fault:
        raise TokenRefused from fault
    user_id, sid, jti = token.get("user_id"), token.get("sid"), token.get("jti")
    if type(user_id) is not int or not isinstance(jti, str) or not _is_uuid(sid):
        raise TokenRefused
    return Claims(user_id, sid, jti, datetime.fromtimestamp(token["exp"], tz=UTC))


def _is_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False
