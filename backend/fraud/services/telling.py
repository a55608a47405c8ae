"""Both desks hear of alerts: bank admins, who decide, and auditors, who read."""

from collections.abc import Sequence
from datetime import UTC, datetime

from backend.common.unit_of_work import UnitOfWork
from backend.fraud.models import FraudAlert
from backend.notifications import services as notifications
from backend.notifications.notices import FraudAlerted, FraudClaimed, FraudDecided, FraudProposed

DESKS: Sequence[str] = (notifications.DESK_BANK_ADMIN, notifications.DESK_AUDITOR)


def time_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def tell_alert(unit: UnitOfWork, alert: FraudAlert) -> None:
    notice = FraudAlerted(
        alert_id=alert.alert_id,
        alert_type=alert.alert_type,
        severity=alert.severity,
        status=alert.status,
        title=alert.title,
        risk_score=alert.risk_score,
        is_held=alert.is_held,
        is_escalated=alert.escalated_at is not None,
        created_at=time_text(alert.created_at),
    )
    notifications.tell(unit, topics=DESKS, notice=notice)


def tell_claim(unit: UnitOfWork, alert: FraudAlert) -> None:
    until = time_text(alert.claimed_until) if alert.claimed_by_id and alert.claimed_until else None
    notice = FraudClaimed(alert_id=alert.alert_id, claimed_by=alert.claimed_by_id, claimed_until=until)
    notifications.tell(unit, topics=DESKS, notice=notice)


def tell_proposal(unit: UnitOfWork, alert: FraudAlert, *, by_id: int) -> None:
    notice = FraudProposed(alert_id=alert.alert_id, verdict=alert.proposed_verdict, proposed_by=by_id)
    notifications.tell(unit, topics=DESKS, notice=notice)


def tell_decision(unit: UnitOfWork, alert: FraudAlert) -> None:
    notice = FraudDecided(alert_id=alert.alert_id, status=alert.status, decided_by=alert.decided_by_id)
    notifications.tell(unit, topics=DESKS, notice=notice)
