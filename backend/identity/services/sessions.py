"""Opening, refreshing and ending sessions."""

import secrets
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from backend.audit import services as audit
from backend.common import request_context
from backend.common.principal import CUSTOMER, Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.identity import principals, tokens
from backend.identity.errors import SessionUnknown, TokenRefused
from backend.identity.models import Session, User, UserRole
from backend.notifications import services as notifications
from backend.notifications.notices import SessionRevoked

GRACE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class TokenPair:
    access: str
    refresh: str
    sid: str
    opaque: str = ""  # the S3 door's 40-hex token, when that door opened the session


def open_session(*, user: User, door: str, platform: str = "") -> TokenPair:
    """Sign a device in and return its tokens. A customer's older sessions beyond the allowed number end.

    Locks: the user row, so that two sign-ins at once cannot both count the other out.
    After commit: `session.revoked` to the person for each session that ended.
    """
    context = request_context.current()
    now = datetime.now(UTC)
    opaque = secrets.token_hex(20) if door == "s3" else ""
    with unit_of_work() as unit:
        User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)
        session = Session.objects.create(
            user=user,
            door=door,
            platform=platform[:50],
            ip_address=context.ip,
            user_agent=context.user_agent,
            created_at=now,
            seen_at=now,
            rotated_at=now,
            expires_at=now + tokens.lifetime(door, "refresh"),
            refresh_jti=uuid.uuid4().hex,
            token_hash=principals.opaque_hash(opaque) if opaque else None,
        )
        if _is_only_a_customer(user):
            _end_oldest(unit, user=user, keep=settings.CUSTOMER_SESSIONS_MAX)
    return replace(_pair(session, refresh_jti=session.refresh_jti, now=now), opaque=opaque)


def list_sessions(*, actor: Principal) -> QuerySet[Session]:
    """The caller's open sessions, newest first."""
    now = datetime.now(UTC)
    return Session.objects.filter(user_id=actor.id, revoked_at=None, expires_at__gt=now).order_by("-created_at", "id")


def rename_session(*, actor: Principal, session_id: uuid.UUID, name: str) -> Session:
    """Give one of the caller's open sessions a name. Raises: SessionUnknown."""
    session = list_sessions(actor=actor).filter(pk=session_id).first()
    if session is None:
        raise SessionUnknown
    with unit_of_work():
        old, session.name = session.name, name
        session.save(update_fields=["name"])
        values = {"old": {"name": old}, "new": {"name": name}}
        audit.record(actor_id=actor.id, action="session.renamed", target=session, subject_id=actor.id, **values)
    return session


def revoke_session(*, actor: Principal, session_id: uuid.UUID) -> None:
    """Sign one of the caller's devices out. Raises: SessionUnknown."""
    if not list_sessions(actor=actor).filter(pk=session_id).exists():
        raise SessionUnknown
    end_session(user_id=actor.id, sid=str(session_id), reason="revoked")


def revoke_other_sessions(*, actor: Principal) -> int:
    """Sign all other devices of the caller out; return how many there were."""
    with unit_of_work() as unit:
        others = list_sessions(actor=actor).exclude(pk=actor.sid)
        sids = [str(pk) for pk in others.values_list("pk", flat=True)]
        _end(unit, user_id=actor.id, sids=sids, reason="revoked")
    return len(sids)


def refresh_session(*, refresh_token: str) -> TokenPair:
    """Rotate the family's refresh token and return a new pair.

    Repeating: whoever presents the token before the newest within 30 s of its rotation gets the same successor,
    so two requests at once are both served and the family stays one (anchors 3.4).
    Raises: TokenRefused; presenting an older token also ends the family and raises a security event.
    """
    claims = tokens.read_refresh(refresh_token)
    now = datetime.now(UTC)
    successor = tokens.successor_of(claims.jti)
    with unit_of_work() as unit:
        rotated = (
            Session.objects.filter(pk=claims.sid, user_id=claims.user_id, refresh_jti=claims.jti, revoked_at=None)
            .filter(user__is_active=True, expires_at__gt=now)
            .update(refresh_jti=successor, previous_jti=claims.jti, rotated_at=now, seen_at=now)
        )
        session = Session.objects.select_related("user").filter(pk=claims.sid, user_id=claims.user_id).first()
        if session is None or session.revoked_at or not session.user.is_active or session.expires_at <= now:
            raise TokenRefused
        if rotated or (session.previous_jti == claims.jti and now - session.rotated_at <= GRACE):
            # The winner moves the session's end; the loser repeats the winner's token, minted at the same instant.
            if rotated:
                session.expires_at = now + tokens.lifetime(session.door, "refresh")
                session.save(update_fields=["expires_at"])
            return _pair(session, refresh_jti=session.refresh_jti, now=session.rotated_at)
        _raise_reuse_alarm(unit, session)
    raise TokenRefused  # Outside the unit: the alarm must be kept.


def is_newest(claims: tokens.Claims) -> bool:
    """Whether this refresh token is its family's newest and the session is open."""
    return Session.objects.filter(
        pk=claims.sid, user_id=claims.user_id, refresh_jti=claims.jti, revoked_at=None, user__is_active=True
    ).exists()


def end_session(*, user_id: int, sid: str, reason: str) -> None:
    """Sign one device out. Repeating it does nothing.

    After commit: its tokens are refused and its sockets closed 4001, on every process, under a second.
    """
    with unit_of_work() as unit:
        _end(unit, user_id=user_id, sids=[sid], reason=reason)


def end_all_sessions(*, user_id: int, reason: str) -> None:
    """Sign every device of a person out, as `end_session` does."""
    with unit_of_work() as unit:
        open_sids = Session.objects.filter(user_id=user_id, revoked_at=None).values_list("pk", flat=True)
        _end(unit, user_id=user_id, sids=[str(sid) for sid in open_sids], reason=reason)


def principal_changed(unit: UnitOfWork, *, user_id: int) -> None:
    """Raise the person's version: from the next request and event on, the new roles, flags or names count.

    Ends no session. Locks: the user row.
    """
    User.objects.filter(pk=user_id).update(auth_version=F("auth_version") + 1, updated_at=Now())
    version = User.objects.values_list("auth_version", flat=True).get(pk=user_id)
    unit.emit(
        topics=[principals.SESSIONS_TOPIC], kind="principal.changed", payload={"user_id": user_id, "version": version}
    )
    transaction.on_commit(lambda: principals.announce_change(user_id, version))


def _is_only_a_customer(user: User) -> bool:
    if user.is_staff or user.is_superuser:
        return False
    roles = UserRole.objects.filter(user=user, is_active=True, role__is_active=True)
    return not roles.exclude(role__name=CUSTOMER).exists()


def _end_oldest(unit: UnitOfWork, *, user: User, keep: int) -> None:
    newest_first = Session.objects.filter(user=user, revoked_at=None).order_by("-created_at", "-id")
    surplus = [str(pk) for pk in newest_first.values_list("pk", flat=True)[keep:]]
    _end(unit, user_id=user.pk, sids=surplus, reason="newer_sign_in")


def _end(unit: UnitOfWork, *, user_id: int, sids: list[str], reason: str) -> list[str]:
    """End those of the sessions that are still open, and return them."""
    still_open = Session.objects.select_for_update(no_key=True).filter(pk__in=sids, user_id=user_id, revoked_at=None)
    ended = [str(pk) for pk in still_open.order_by("pk").values_list("pk", flat=True)]
    if not ended:
        return []
    Session.objects.filter(pk__in=ended).update(revoked_at=datetime.now(UTC), revoked_reason=reason)
    facts = {"sids": ended, "reason": reason}
    audit.record(actor_id=user_id, action="session.revoked", subject_id=user_id, facts=facts)
    unit.emit(topics=[principals.SESSIONS_TOPIC], kind="session.revoked", payload={"sids": ended, "user_id": user_id})
    for sid in ended:
        notice = SessionRevoked(session_id=sid, reason=reason)
        notifications.tell(unit, topics=[notifications.inbox_of(user_id)], notice=notice)
    transaction.on_commit(lambda: principals.announce_end(ended))
    return ended


def _raise_reuse_alarm(unit: UnitOfWork, session: Session) -> None:
    if not _end(unit, user_id=session.user_id, sids=[str(session.pk)], reason="refresh_reuse"):
        return  # Another request was faster with the same alarm.
    audit.raise_security_event(
        event_type="SUSPICIOUS_ACTIVITY",
        user_id=session.user_id,
        severity="HIGH",
        description="A refresh token was used again after its successor: the session was ended.",
        metadata={"session_id": str(session.pk), "kind": "refresh_reuse"},
    )


def _claims(session: Session) -> dict[str, Any]:
    """What the S2 clients read from the access token, true at every minting (BUG-S2-22). We never trust it back."""
    if session.door != "s2":
        return {}
    user = session.user
    names = UserRole.objects.filter(user=user, is_active=True, role__is_active=True).values_list(
        "role__name", flat=True
    )
    return {"username": user.username, "kyc_status": user.kyc_status, "roles": sorted(names)}


def _pair(session: Session, *, refresh_jti: str, now: datetime) -> TokenPair:
    sid, door, user_id = str(session.pk), session.door, session.user_id
    return TokenPair(
        access=tokens.mint_access(user_id=user_id, sid=sid, door=door, now=now, claims=_claims(session)),
        refresh=tokens.mint_refresh(user_id=user_id, sid=sid, door=door, jti=refresh_jti, now=now),
        sid=sid,
    )
