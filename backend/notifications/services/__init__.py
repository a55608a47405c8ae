"""Telling people and desks."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from backend.common import hooks
from backend.common.rendering import RawJson
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.notifications.notices import AuditBroken, Notice
from backend.realtime.selectors import events_after

PAGE = 500

DESK_SUPPORT = "desk.support"
DESK_BANK_ADMIN = "desk.bank_admin"
DESK_AUDITOR = "desk.auditor"


def inbox_of(user_id: int) -> str:
    return f"user.{user_id}"


def tell(unit: UnitOfWork, *, topics: Iterable[str], notice: Notice) -> None:
    """Add the notice to each inbox or desk, in the caller's unit of work."""
    unit.emit(topics=topics, kind=notice.kind, payload=notice.payload())


def export_inbox(export: hooks.Export) -> None:
    """Add what lies in the person's inbox to their export."""
    export.add("notifications/inbox.json", _inbox(export.user_id))


def _inbox(user_id: int) -> Iterator[dict[str, Any]]:
    after, more = 0, True
    while more:
        page = events_after(inbox_of(user_id), after, limit=PAGE)
        for event in page.events:
            yield {"seq": event.seq, "kind": event.kind, "at": event.at, "payload": RawJson(event.payload)}
            after = event.seq
        more = len(page.events) == PAGE


def tell_auditors(broken: hooks.TrailBroken) -> None:
    """Tell the auditors' desk that the trail does not prove out, in the transaction that keeps the finding."""
    with unit_of_work() as unit:
        tell(unit, topics=[DESK_AUDITOR], notice=AuditBroken(**asdict(broken)))
