"""Reading one's own entries: plain SQL, values as text, so that a row costs little on its way into JSON.

Every statement starts from the owner. The order is the index's (`budget_entry_of_user`), newest first, and a page
goes on after the last row that was seen, so that the millionth row costs what the first does.
"""

import base64
import binascii
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
from django.db import connection

from backend.budget.errors import EntryUnknown, InvalidField
from backend.budget.models import Kind
from backend.common.principal import Principal

LIST_MAX = 10_000
KEPT_FOR = timedelta(days=30)  # what is deleted can be brought back for so long

Row = tuple[Any, ...]
FIELDS = ("id", "title", "description", "amount", "creation_date", "creation_time", "user", "category", "subcategory")
SHOWN: Mapping[str, Sequence[str]] = {Kind.EXPENSE: FIELDS, Kind.INCOME: FIELDS[:-1]}
_COLUMNS = {
    "amount": "amount::text",
    "creation_date": "creation_date::text",
    "creation_time": "creation_time::text",
    "id": "id::text",
    "user": "user_id",
    "category": "category_id::text",
    "subcategory": "subcategory_id::text",
}
_SELECT = {kind: ", ".join(_COLUMNS.get(name, name) for name in names) for kind, names in SHOWN.items()}
# What a list can be ordered by: the columns, their types, and where their values stand in a row.
_KEYS: Mapping[str, Sequence[tuple[str, str]]] = {
    "creation_date": (("creation_date", "date"), ("creation_time", "time"), ("id", "uuid")),
    "amount": (("amount", "numeric"), ("id", "uuid")),
    "title": (("title", "text"), ("id", "uuid")),
}
ORDERINGS = tuple(sign + name for name in _KEYS for sign in ("-", ""))
NEWEST_FIRST = "-creation_date"
_CHECKS: Mapping[str, Any] = {
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "uuid": uuid.UUID,
    "numeric": Decimal,
    "text": str,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which entries: bounds are inclusive, and the time of day is a window on every day (S1-B11)."""

    start_date: date | None = None
    end_date: date | None = None
    start_time: time | None = None
    end_time: time | None = None
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    category_id: uuid.UUID | None = None
    subcategory_id: uuid.UUID | None = None
    text: str = ""

    def conditions(self) -> tuple[list[str], list[Any]]:
        bounds = {
            "creation_date >= %s": self.start_date,
            "creation_date <= %s": self.end_date,
            "creation_time >= %s": self.start_time,
            "creation_time <= %s": self.end_time,
            "amount >= %s": self.min_amount,
            "amount <= %s": self.max_amount,
            "category_id = %s": self.category_id,
            "subcategory_id = %s": self.subcategory_id,
            "(title || ' ' || description) ILIKE %s": _containing(self.text) if self.text else None,
        }
        given = {condition: value for condition, value in bounds.items() if value is not None}
        return list(given), list(given.values())


@dataclass(frozen=True, slots=True)
class Page:
    """`next` is the cursor of what follows; None at the end."""

    rows: Sequence[Row]
    next: str | None = field(default=None)


def list_entries(
    *,
    actor: Principal,
    kind: str,
    filters: Filters,
    ordering: str = NEWEST_FIRST,
    cursor: str = "",
    limit: int = LIST_MAX,
) -> Page:
    """Return at most `limit` of the actor's entries after the cursor, in one query. Raises: InvalidField."""
    conditions, values = filters.conditions()
    descending, keys = ordering.startswith("-"), _KEYS[ordering.lstrip("-")]
    if cursor:
        names = ", ".join(name for name, _ in keys)
        marks = ", ".join(f"%s::{form}" for _, form in keys)
        conditions.append(f"({names}) {'<' if descending else '>'} ({marks})")
        values += _opened(cursor, ordering)
    where = "".join(f" AND {condition}" for condition in conditions)
    order = ", ".join(f"budget_entry.{name} {'DESC' if descending else 'ASC'}" for name, _ in keys)
    rows = _rows(
        f"SELECT {_SELECT[kind]} FROM budget_entry"  # noqa: S608 - constants only
        f" WHERE user_id = %s AND kind = %s AND deleted_at IS NULL{where} ORDER BY {order} LIMIT %s",
        [actor.id, kind, *values, limit + 1],
    )
    if len(rows) <= limit:
        return Page(rows)
    return Page(rows[:limit], _sealed(rows[limit - 1], ordering))


def get_entry(*, actor: Principal, kind: str, entry_id: uuid.UUID) -> Row:
    """Return the actor's entry as a list has it. Raises: EntryUnknown."""
    rows = _rows(
        f"SELECT {_SELECT[kind]} FROM budget_entry"  # noqa: S608 - constants only
        " WHERE id = %s AND user_id = %s AND kind = %s AND deleted_at IS NULL",
        [entry_id, actor.id, kind],
    )
    if not rows:
        raise EntryUnknown
    return rows[0]


def list_deleted(*, actor: Principal, kind: str, limit: int = LIST_MAX) -> list[Row]:
    """Return what the actor deleted and can still bring back, the latest first; each row ends with when it was."""
    return _rows(
        f"SELECT {_SELECT[kind]}, deleted_at FROM budget_entry"  # noqa: S608 - constants only
        " WHERE user_id = %s AND kind = %s AND deleted_at > %s ORDER BY deleted_at DESC, id LIMIT %s",
        [actor.id, kind, datetime.now(UTC) - KEPT_FOR, limit],
    )


def all_entries(*, user_id: int, filters: Filters, kinds: Sequence[str], step: int = 2000) -> Iterator[list[Row]]:
    """Return all of a person's entries in pieces, one kind after the other, the oldest first: date, time, id, kind,
    title, description, amount and the names of category and subcategory.

    Each piece is a query of its own, so that threads can take turns, and goes on in the index where the last one ended.
    """
    for kind in kinds:
        after: Sequence[Any] = ()
        while True:
            rows = _piece(user_id, kind, filters, after, step)
            if rows:
                yield rows
            if len(rows) < step:
                break
            after = rows[-1][:3]


def _piece(user_id: int, kind: str, filters: Filters, after: Sequence[Any], limit: int) -> list[Row]:
    conditions, values = filters.conditions()
    where = "".join(f" AND {condition}" for condition in conditions)
    following = " AND (creation_date, creation_time, id) > (%s, %s, %s)" if after else ""
    return _rows(
        "SELECT e.creation_date, e.creation_time, e.id, e.kind, e.title, e.description, "  # noqa: S608 - constants only
        " e.amount::text,"
        " c.name, coalesce(s.name, '') FROM (SELECT * FROM budget_entry"
        f" WHERE user_id = %s AND kind = %s AND deleted_at IS NULL{where}{following}"
        " ORDER BY creation_date, creation_time, id LIMIT %s) e"
        " JOIN budget_category c ON c.id = e.category_id LEFT JOIN budget_subcategory s ON s.id = e.subcategory_id"
        " ORDER BY e.creation_date, e.creation_time, e.id",
        [user_id, kind, *values, *after, limit],
    )


def _containing(text: str) -> str:
    for special in ("\\", "%", "_"):
        text = text.replace(special, "\\" + special)
    return f"%{text}%"


def _rows(sql: str, values: Sequence[Any]) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def _sealed(row: Row, ordering: str) -> str:
    values = [row[FIELDS.index(name)] for name, _ in _KEYS[ordering.lstrip("-")]]
    return base64.urlsafe_b64encode(orjson.dumps([ordering, *values])).decode().rstrip("=")


def _opened(cursor: str, ordering: str) -> list[str]:
    """Return the values that a cursor holds. Raises: InvalidField for one that is not ours, or of another order."""
    try:
        made_for, *values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        for value, (_, form) in zip(values, _KEYS[ordering.lstrip("-")], strict=True):
            if not isinstance(value, str) or "\x00" in value:
                raise ValueError(value)
            _CHECKS[form](value)
    except (ValueError, TypeError, binascii.Error, InvalidOperation):
        raise InvalidField("cursor", "This is no cursor of this list.") from None
    if made_for != ordering:
        raise InvalidField("cursor", "This cursor belongs to another ordering.")
    return values
