"""Locking out whoever guesses, without letting a stranger lock the owner out (design.md section 3).

Five failures in a row lock an identifier for 30 min, whether an account has it or not, with the same answers and the
same work. A device that signed in within 30 days carries a signed token; it has a counter of its own and passes the
account's lock. A device is known by that token only, never by address or agent.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import connection
from django.db.models import Q

from backend.audit import services as audit
from backend.common import request_context
from backend.common.ratelimit import hashed
from backend.identity.models import LoginLog, SignInCounter, User

DEVICE_SALT = "ease.device"


@dataclass(frozen=True, slots=True)
class Gate:
    """Which counter an attempt counts on, and whether that one is locked now."""

    key: str
    is_locked: bool


def gate_of(*, identifier: str, user: User | None, device_token: str) -> Gate:
    """Return the counter for this attempt: the known device's own, else the account's, else the unknown name's."""
    if user is None:
        key = f"name:{hashed(identifier.strip().lower())}"
    else:
        device = device_of(device_token, user)
        key = f"device:{user.pk}:{device}" if device else f"user:{user.pk}"
    return Gate(key, is_locked(key))


def is_locked(key: str) -> bool:
    until = SignInCounter.objects.filter(pk=key).values_list("locked_until", flat=True).first()
    return until is not None and until > datetime.now(UTC)


def count_failure(*, gate: Gate, user: User | None) -> None:
    """Count a failed attempt; the fifth in a row locks (S2-B24). A lock that has run out starts the count anew.

    One statement, so that attempts at once are all counted (E-AUTH-3). Raises security events: FAILED_LOGIN each
    time, ACCOUNT_LOCKED at the lock, SUSPICIOUS_ACTIVITY when the failures came from several addresses (E-RATE-1).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO identity_signincounter AS c (key, failures, locked_until, updated_at)
               VALUES (%(key)s, 1, NULL, now())
               ON CONFLICT (key) DO UPDATE SET
                   failures = CASE WHEN c.locked_until <= now() THEN 1 ELSE c.failures + 1 END,
                   locked_until = CASE
                       WHEN c.locked_until > now() THEN c.locked_until
                       WHEN c.locked_until IS NULL AND c.failures + 1 >= %(after)s
                           THEN now() + make_interval(secs => %(lock_s)s) END,
                   updated_at = now()
               RETURNING failures""",
            {"key": gate.key, "after": settings.LOCK_AFTER, "lock_s": settings.LOCK_FOR.total_seconds()},
        )
        failures = int(cursor.fetchone()[0])
    user_id = user.pk if user else None
    audit.raise_security_event(
        event_type="FAILED_LOGIN",
        user_id=user_id,
        severity="LOW",
        description="A sign-in failed.",
        metadata={"failures_in_a_row": failures},
    )
    if failures == settings.LOCK_AFTER:
        _raise_lock_alarm(user_id)


def forget_failures(*, gate: Gate) -> None:
    """Reset the counter after the right password."""
    SignInCounter.objects.filter(pk=gate.key).delete()


def unlock(*, user: User, by_id: int) -> None:
    """Lift the account's lock and those of its known devices. Joins the caller's unit of work."""
    own = Q(pk=f"user:{user.pk}") | Q(pk__startswith=f"device:{user.pk}:")
    was_locked = SignInCounter.objects.filter(own, locked_until__gt=datetime.now(UTC)).exists()
    SignInCounter.objects.filter(own).delete()
    if was_locked:
        audit.record(actor_id=by_id, action="account.unlocked", target=user)


def new_device_token(user: User, earlier: str) -> str:
    """Return a token by which this device is known for 30 days, under the id it already had."""
    device = device_of(earlier, user) or uuid.uuid4().hex
    return signing.dumps({"u": user.pk, "d": device}, salt=DEVICE_SALT, compress=False)


def device_of(token: str, user: User) -> str | None:
    """Return the id of a device that signed in as this user within 30 days; None for anything else."""
    try:
        facts = signing.loads(token, salt=DEVICE_SALT, max_age=settings.DEVICE_KNOWN_FOR)
    except signing.BadSignature:
        return None
    return str(facts["d"]) if facts.get("u") == user.pk else None


def _raise_lock_alarm(user_id: int | None) -> None:
    audit.raise_security_event(
        event_type="ACCOUNT_LOCKED",
        user_id=user_id,
        severity="HIGH",
        description="Five sign-ins in a row failed: locked for 30 minutes.",
    )
    if user_id is None:
        return
    audit.record(actor_id=None, action="account.locked", subject_id=user_id)
    since = datetime.now(UTC) - timedelta(minutes=30)
    addresses = set(
        LoginLog.objects.filter(user_id=user_id, successful=False, at__gt=since).values_list("ip_address", flat=True)
    )
    addresses.add(request_context.current().ip)
    if len(addresses - {None}) > 1:
        audit.raise_security_event(
            event_type="SUSPICIOUS_ACTIVITY",
            user_id=user_id,
            severity="HIGH",
            description="One account was attacked from several addresses.",
            metadata={"kind": "many_addresses", "addresses": len(addresses - {None})},
        )
