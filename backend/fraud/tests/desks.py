"""What the two desks have heard. Each notice is held against the AsyncAPI document."""

from typing import Any

from backend.identity.tests.doors import Event
from backend.tests.frames import check_notice_frame

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
