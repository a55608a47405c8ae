"""Telling people and desks."""

from collections.abc import Iterable

from backend.common.unit_of_work import UnitOfWork
from backend.notifications.notices import Notice

DESK_SUPPORT = "desk.support"
DESK_BANK_ADMIN = "desk.bank_admin"
DESK_AUDITOR = "desk.auditor"


def inbox_of(user_id: int) -> str:
    return f"user.{user_id}"


def tell(unit: UnitOfWork, *, topics: Iterable[str], notice: Notice) -> None:
    """Add the notice to each inbox or desk, in the caller's unit of work."""
    unit.emit(topics=topics, kind=notice.kind, payload=notice.payload())
