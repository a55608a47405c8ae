"""What nobody takes is told again, graver (design.md section 6: an alert must be seen)."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Q

from backend.audit import services as audit
from backend.common.unit_of_work import unit_of_work
from backend.fraud.models import FraudAlert
from backend.fraud.services.telling import tell_alert

STEP = 100
_GRAVER = {
    FraudAlert.Severity.MEDIUM: FraudAlert.Severity.HIGH,
    FraudAlert.Severity.HIGH: FraudAlert.Severity.CRITICAL,
    FraudAlert.Severity.CRITICAL: FraudAlert.Severity.CRITICAL,
}


def escalate() -> int:
    """Raise the severity of alerts that were nobody's for `FRAUD_ESCALATE_MINUTES` and tell the desks again, once each;
    return how many there were, at most 100.

    Locks: those alerts, passing over those that somebody is working on. After commit: `fraud.alert`.
    """
    now = datetime.now(UTC)
    edge = now - timedelta(minutes=settings.FRAUD_ESCALATE_MINUTES)
    unclaimed = Q(claimed_until=None) | Q(claimed_until__lt=edge)
    with unit_of_work() as unit:
        waiting = FraudAlert.objects.select_for_update(skip_locked=True, no_key=True).filter(
            unclaimed, status__in=FraudAlert.UNDECIDED, created_at__lt=edge, escalated_at=None
        )
        alerts = list(waiting.order_by("created_at")[:STEP])
        for alert in alerts:
            old = alert.severity
            alert.severity, alert.escalated_at = _GRAVER[FraudAlert.Severity(old)], now
            alert.save(update_fields=["severity", "escalated_at"])
            facts = {"old": old, "new": alert.severity}
            audit.record(
                actor_id=None, action="fraud.alert_escalated", target=alert, subject_id=alert.user_id, facts=facts
            )
            tell_alert(unit, alert)
    return len(alerts)
