"""What the desks do and what they have heard. Each notice is held against the AsyncAPI document."""

from typing import Any

from backend.audit.models import AuditLog
from backend.fraud.models import FraudAlert
from backend.identity.tests.doors import Event
from backend.tests.frames import check_notice_frame

ALERTS = "/api/fraud-alerts/"
REASON = {"reason": "They confirmed it by phone."}
DESKS = ("desk.bank_admin", "desk.auditor")


def heard(desk: str = DESKS[0]) -> list[dict[str, Any]]:
    """The desk's notices about fraud, oldest first."""
    found = Event.objects.filter(topic__key=desk, kind__startswith="fraud.").order_by("seq")
    for event in found:
        frame = {"topic": desk, "seq": event.seq, "kind": event.kind, "payload": event.payload}
        check_notice_frame({**frame, "timestamp": event.created_at.isoformat().replace("+00:00", "Z")})
    return [{"kind": event.kind, **event.payload} for event in found]


def kinds(desk: str = DESKS[0]) -> list[str]:
    return [notice["kind"] for notice in heard(desk)]


def act(client: Any, alert: FraudAlert, what: str, **body: Any) -> Any:
    """Do something about an alert, through the door."""
    return client.post(f"{ALERTS}{alert.alert_id}/{what}/", body)


def state() -> tuple[Any, ...]:
    """Return what a refusal must not change."""
    return (list(FraudAlert.objects.order_by("pk").values()), AuditLog.objects.count(), Event.objects.count())
