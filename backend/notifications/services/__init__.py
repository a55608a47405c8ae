"""Telling people and desks."""

from collections.abc import Iterable
from dataclasses import asdict

from backend.common import hooks
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.notifications.notices import AuditBroken, Notice

DESK_SUPPORT = "desk.support"
DESK_BANK_ADMIN = "desk.bank_admin"
DESK_AUDITOR = "desk.auditor"


def inbox_of(user_id: int) -> str:
    return f"user.{user_id}"


def tell(unit: UnitOfWork, *, topics: Iterable[str], notice: Notice) -> None:
    """Add the notice to each inbox or desk, in the caller's unit of work."""
    unit.emit(topics=topics, kind=notice.kind, payload=notice.payload())


def tell_auditors(broken: hooks.TrailBroken) -> None:
    """Tell the auditors' desk that the trail does not prove out, in the transaction that keeps the finding."""
    with unit_of_work() as unit:
        tell(unit, topics=[DESK_AUDITOR], notice=AuditBroken(**asdict(broken)))
