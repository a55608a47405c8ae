"""From an access token to a principal, without a database query (design.md section 3).

Asked in this order: the signature and expiry; this process's memory of sessions ended and of people changed in the
last two minutes (fed by the durable topic `sessions`); one cache read. Only without a cached value is the database
asked, once. An old or refilled cache revives nothing: values are signed, expire by their own clock, and are older
than the memory. What was found out about a token's bearer is good for half a second without asking anybody again, and
for longer while the memory is known to be complete: see `JustNow`.
"""

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock
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
    """What ended or changed lately, so that no cache can say otherwise. Bounded by time: 120 s outlive any cache.

    Told by the event loop and by every thread that commits; asked without a lock, since one lookup is whole.
    """

    def __init__(self) -> None:
        self._ended: dict[str, float] = {}
        self._versions: dict[int, tuple[int, float]] = {}
        self._lock = Lock()

    def end(self, sids: list[str]) -> None:
        with self._lock:
            self._ended.update(dict.fromkeys(sids, self._forgetful_now() + MEMORY_SECONDS))

    def raise_version(self, user_id: int, version: int) -> None:
        with self._lock:
            now = self._forgetful_now()
            newest = max(version, self.least_version(user_id))  # Notices of two changes can overtake each other.
            self._versions[user_id] = (newest, now + MEMORY_SECONDS)

    def is_ended(self, sid: str) -> bool:
        return sid in self._ended

    def least_version(self, user_id: int) -> int:
        return self._versions.get(user_id, (0, 0.0))[0]

    def _forgetful_now(self) -> float:
        """Drop what no cache can contradict any more; return the moment."""
        now = time.monotonic()
        _forget_old(self._ended, lambda deadline: deadline <= now)
        _forget_old(self._versions, lambda known: known[1] <= now)
        return now


def _forget_old(memory: dict[Any, Any], is_old: Callable[[Any], bool]) -> None:
    """Drop what is old; stops at the first one that is still needed, since the oldest stand first."""
    for key in list(memory):
        if not is_old(memory[key]):
            return
        del memory[key]


class JustNow:
    """Who bore which token, as this process has found out: an app asks for many things at once, and again.

    Never against `recent`: what this process has heard counts at once. What it may have failed to hear, since rings
    can be lost, counts within `PRINCIPAL_NEAR_SECONDS`: after that an entry is good only if since then everything
    stored on the topic `sessions` was seen to be in `recent` (`confirm`; identity/sockets.py reads the topic's head
    a few times a second while somebody asks). Nothing is kept for longer than a cached value. Bounded: it starts anew
    when it is full.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[Principal, float, float]] = {}
        self._confirmed_at = 0.0
        self.was_asked = False

    def find(self, raw: str) -> Principal | None:
        self.was_asked = True
        found = self._known.get(raw)
        if found is None:
            return None
        principal, asked_at, until = found
        now = time.monotonic()
        if now >= until or now - max(asked_at, self._confirmed_at) > settings.PRINCIPAL_NEAR_SECONDS:
            return None
        if recent.is_ended(principal.sid) or recent.least_version(principal.id) > principal.version:
            return None
        return principal

    def keep(self, raw: str, principal: Principal, *, asked_at: float) -> None:
        """Remember an answer that cache and database gave after `asked_at`."""
        if not settings.PRINCIPAL_NEAR_SECONDS or principal.expires_at is None:
            return
        if len(self._known) >= NEAR_MAX:
            self._known.clear()
        lasts = min((principal.expires_at - datetime.now(UTC)).total_seconds(), CACHE_SECONDS)
        self._known[raw] = (principal, asked_at, asked_at + lasts)

    def confirm(self, at: float) -> None:
        """Everything that was stored on the topic `sessions` at this moment is in `recent`."""
        self._confirmed_at = at


recent = RecentChanges()
just_now = JustNow()


def principal_from_token(raw: str) -> Principal:
    """Return who bears this access token. Raises: TokenRefused."""
    return just_now.find(raw) or _asked_about(raw, _bearer_of_jwt)


def principal_from_credential(raw: str) -> Principal:
    """Return who bears a token of either kind: 40 hexadecimal characters, or else a JWT (K-11, K-12).

    Raises: TokenRefused.
    """
    return just_now.find(raw) or _asked_about(raw, _bearer_of_opaque if _OPAQUE.fullmatch(raw) else _bearer_of_jwt)


def _asked_about(raw: str, bearer_of: Callable[[str], Principal]) -> Principal:
    asked_at = time.monotonic()
    principal = bearer_of(raw)
    just_now.keep(raw, principal, asked_at=asked_at)
    return principal


def _bearer_of_jwt(raw: str) -> Principal:
    claims = tokens.read_access(raw)
    return principal_of_session(claims.sid, claims.user_id, claims.expires_at)


def _bearer_of_opaque(token: str) -> Principal:
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
