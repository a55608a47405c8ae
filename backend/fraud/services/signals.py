"""Signals from elsewhere: security events that a bank admin must look at become alerts without a transfer.

A flood makes no flood of rows: equal signals about one person within a window are one alert that counts them
(`repeats`), signals about nobody are one alert of their kind, and beyond some persons of one kind within the window a
single alert stands for all further ones (BUG-S2-28). Each event itself is kept by audit.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import transaction
from django.db.models import F

from backend.audit import services as audit
from backend.common import hooks
from backend.common.unit_of_work import unit_of_work
from backend.fraud.models import FraudAlert
from backend.fraud.services.telling import tell_alert

PERSONS_MAX = 50
Type, Severity = FraudAlert.Type, FraudAlert.Severity


@dataclass(frozen=True, slots=True)
class Signal:
    alert_type: str
    severity: str
    score: int
    title: str
    description: str


# By an event's `metadata.kind`, or its type where it has none.
_SIGNALS = {
    "refresh_reuse": Signal(
        Type.REFRESH_REUSE,
        Severity.HIGH,
        75,
        "A stolen session",
        "A refresh token was used after its successor: somebody else may hold this person's session.",
    ),
    "many_addresses": Signal(
        Type.MANY_ADDRESSES,
        Severity.HIGH,
        75,
        "An account under attack",
        "Sign-ins to this account failed from several addresses until it was locked.",
    ),
    "MALICIOUS_FILE": Signal(
        Type.MALICIOUS_FILE,
        Severity.HIGH,
        75,
        "A malicious file",
        "This person sent a document that is not what it pretends to be.",
    ),
    "honeypot": Signal(
        Type.HONEYPOT,
        Severity.MEDIUM,
        50,
        "Somebody at the honeypot",
        "Somebody tried to sign in on the page that only pretends to be an admin site.",
    ),
}


def note_security_event(notice: hooks.SecurityNotice) -> None:
    """Open an alert for a security event that is a signal, or count it on the open one. In the event's transaction.

    Locks: the alert it counts on, if nobody else has it; never waits for a reviewer.
    After commit: `fraud.alert` to the desks, for a new alert.
    """
    signal = _SIGNALS.get(str(notice.metadata.get("kind", "")) or notice.event_type)
    if signal is None:
        return
    now = datetime.now(UTC)
    key = _key_of(signal, notice.user_id, now)
    if _count_on(key, now):
        return
    if notice.user_id is not None and _is_flood(signal, now):
        key, notice = _key_of(signal, None, now), _of_nobody(notice)
        if _count_on(key, now):
            return
    _open(signal, notice, key, now)


def _key_of(signal: Signal, user_id: int | None, now: datetime) -> str:
    window = int(now.timestamp() // (settings.FRAUD_SIGNAL_MINUTES * 60))
    return f"{signal.alert_type}:{'all' if user_id is None else user_id}:{window}"


def _of_nobody(notice: hooks.SecurityNotice) -> hooks.SecurityNotice:
    return hooks.SecurityNotice(notice.event_id, notice.event_type, notice.severity, None, notice.metadata)


def _count_on(key: str, now: datetime) -> bool:
    """Count a repeat; return whether there is the alert. One that is locked is not counted: a sign-in does not wait for
    somebody's decision."""
    with transaction.atomic():
        found = FraudAlert.objects.filter(dedup_key=key)
        free = found.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True).first()
        if free is None:
            return found.exists()
        found.filter(pk=free).update(repeats=F("repeats") + 1, last_seen_at=now)
    return True


def _is_flood(signal: Signal, now: datetime) -> bool:
    window = now.timestamp() // (settings.FRAUD_SIGNAL_MINUTES * 60) * settings.FRAUD_SIGNAL_MINUTES * 60
    lately = FraudAlert.objects.filter(
        alert_type=signal.alert_type, created_at__gte=datetime.fromtimestamp(window, UTC)
    )
    return lately.order_by("-id")[:PERSONS_MAX].count() >= PERSONS_MAX


def _open(signal: Signal, notice: hooks.SecurityNotice, key: str, now: datetime) -> None:
    with unit_of_work() as unit:
        made = FraudAlert(
            alert_type=signal.alert_type,
            severity=signal.severity,
            title=signal.title,
            description=signal.description,
            risk_score=signal.score,
            created_at=now,
            last_seen_at=now,
            user_id=notice.user_id,
            dedup_key=key,
        )
        FraudAlert.objects.bulk_create([made], ignore_conflicts=True)
        alert = FraudAlert.objects.filter(alert_id=made.alert_id).first()
        if alert is None:
            return  # The same signal at the same moment was faster.
        audit.record(
            actor_id=None,
            action="fraud.alert_opened",
            target=alert,
            subject_id=notice.user_id,
            facts={"signal": signal.alert_type, "event": notice.event_id},
        )
        tell_alert(unit, alert)
