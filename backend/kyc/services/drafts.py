"""Unfinished forms, saved as they are typed and found again on another device (E-UX-1, E-UX-3).

Passwords and the SSN are never part of a draft: whoever comes back types them again.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from backend.audit import services as audit
from backend.common.encryption import Damaged, KeyMissing
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity import limits
from backend.kyc.errors import DraftStale, DraftUnknown
from backend.kyc.models import Draft
from backend.kyc.sealing import address_envelopes

KEPT_FOR = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Saved:
    """A draft as its owner sees it. `token` opens it where nobody is signed in; shown once, when it is made."""

    step: str
    values: dict[str, str]
    version: int
    updated_at: datetime
    expires_at: datetime
    token: str = ""


def save_draft(
    *, actor: Principal | None, token: str = "", step: str, values: dict[str, str], version: int | None = None
) -> Saved:
    """Store what was typed so far, in place of what was stored before, and return it.

    Without an actor and without a token a new draft is made, and its token returned. `version` is the one the caller
    has seen: another device that saved meanwhile is not overwritten.
    Raises: DraftUnknown, DraftStale, TooMany. Locks: the draft.
    """
    if actor is None:
        limits.take_for_address("draft")
    now = datetime.now(UTC)
    fresh = "" if actor is not None or token else secrets.token_urlsafe(32)
    with unit_of_work():
        draft = _to_save_in(actor, token, fresh, now)
        if version is not None and version != draft.version:
            raise DraftStale(version=draft.version)
        draft.step, draft.version = step, draft.version + 1
        draft.sealed = address_envelopes().seal(orjson.dumps(values).decode(), bound_to=_place(draft))
        draft.updated_at, draft.expires_at = now, now + KEPT_FOR
        _save(draft)
    return Saved(step, values, draft.version, now, draft.expires_at, fresh)


def read_draft(*, actor: Principal | None, token: str = "") -> Saved:
    """Return what was saved. One that cannot be opened any more is thrown away, and kept as a security event.

    Raises: DraftUnknown, TooMany.
    """
    if actor is None:
        limits.take_for_address("draft")
    draft = _owned(actor, token).first()
    if draft is None:
        raise DraftUnknown
    try:
        values: dict[str, str] = orjson.loads(address_envelopes().open(bytes(draft.sealed), bound_to=_place(draft)))
    except (Damaged, KeyMissing) as fault:
        _give_up(draft, fault)
        raise DraftUnknown from fault
    return Saved(draft.step, values, draft.version, draft.updated_at, draft.expires_at)


def discard_draft(*, actor: Principal | None, token: str = "") -> None:
    """Throw the draft away. Repeating it changes nothing. Raises: TooMany."""
    if actor is None:
        limits.take_for_address("draft")
    _owned(actor, token).delete()


def discard(*, token: str) -> None:
    """Throw away the draft that became a registration, in its unit of work."""
    _owned(None, token).delete()


def prune_drafts() -> int:
    """Delete drafts past their time; return how many there were."""
    deleted, _ = Draft.objects.filter(expires_at__lte=datetime.now(UTC)).delete()
    return deleted


def _owned(actor: Principal | None, token: str) -> QuerySet[Draft]:
    alive = Draft.objects.filter(expires_at__gt=datetime.now(UTC))
    return alive.filter(user_id=actor.id) if actor is not None else alive.filter(token_hash=_hash(token))


def _to_save_in(actor: Principal | None, token: str, fresh: str, now: datetime) -> Draft:
    """Return the draft, locked, or a new one: for a fresh token, and for a person without one or with an expired one.

    Raises: DraftUnknown.
    """
    if fresh:
        return Draft(token_hash=_hash(fresh), version=0)
    locked = Draft.objects.select_for_update(no_key=True)
    if actor is None:
        held = locked.filter(token_hash=_hash(token), expires_at__gt=now).first()
        if held is None:
            raise DraftUnknown
        return held
    held = locked.filter(user_id=actor.id).first() or Draft(user_id=actor.id, version=0)
    if held.version and held.expires_at <= now:
        held.version = 0
    return held


def _save(draft: Draft) -> None:
    """Two devices that save a person's first draft at once meet in the unique index: one is told to read again."""
    try:
        with transaction.atomic():
            draft.save()
    except IntegrityError as fault:
        raise DraftStale(version=1) from fault


def _place(draft: Draft) -> str:
    return f"kyc.draft:{draft.user_id or draft.token_hash}"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _give_up(draft: Draft, fault: Exception) -> None:
    with unit_of_work():
        Draft.objects.filter(pk=draft.pk).delete()
        audit.raise_security_event(
            event_type="DATA_CORRUPTION",
            user_id=draft.user_id,
            severity="HIGH",
            description="A draft could not be opened and was thrown away.",
            metadata={"fault": type(fault).__name__},
        )
