"""Looking at what the trail knows of people, which leaves a row itself."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from backend.audit import selectors
from backend.audit.models import AuditLog
from backend.audit.services.recording import record
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work


@dataclass(frozen=True, slots=True)
class Seen:
    """A row as somebody may see it."""

    row: AuditLog
    state: Literal["none", "shown", "erased", "hidden"]
    values: dict[str, Any] | None
    seal: int | None


def look(*, actor: Principal, log_id: UUID, wants_values: bool) -> Seen:
    """Return a row; its personal values only to who may have them, and then the look is recorded.

    Raises: NotFound.
    """
    with unit_of_work():
        row = selectors.get_row(log_id)
        seal = selectors.find_seal(row)
        place = seal.seq if seal else None
        if row.detail_hash is None:
            return Seen(row, "none", None, place)
        if not wants_values:
            return Seen(row, "hidden", None, place)
        kept = selectors.find_values(row)
        if kept is None:
            return Seen(row, "erased", None, place)
        record(actor_id=actor.id, action="audit.viewed", target=row, subject_id=kept.subject_id)
        return Seen(row, "shown", kept.values, place)


def note_export(*, actor: Principal) -> None:
    """Record that somebody takes the trail out of the house."""
    with unit_of_work():
        record(actor_id=actor.id, action="audit.exported", facts={"by": "route", "values": False})
