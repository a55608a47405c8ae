"""The outermost transaction of a use case, and the events that it will have caused.

Invariants: events are appended in the same transaction as the rows they tell of, as its last statement, so a
topic's counter is locked only while committing; who listens is told after commit; a rollback tells nobody.
Statements whose answer nobody waits for go ahead of the events, in the same round trip (`defer`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.transaction import TransactionManagementError


@dataclass(frozen=True, slots=True)
class Draft:
    """An event about to be stored: the topic it belongs to, its kind and its JSON payload.

    `client_id` (with `author_id`) makes a repeat recognisable; `text` is what a repeat must have in common.
    `rewrites` is the `seq` of an older event of the topic whose payload the same transaction changed. `expected_seq` is
    up to where the author has seen the topic, for a guard to judge.
    """

    topic: str
    kind: str
    payload: dict[str, Any]
    author_id: int | None = None
    client_id: str | None = None
    text: str = ""
    rewrites: int | None = None
    expected_seq: int | None = None


class Statement(NamedTuple):
    """SQL and its parameters, to be sent without waiting for an answer of its own."""

    sql: str
    params: Sequence[Any]


Appender = Callable[[Sequence[Draft], Sequence[Statement]], None]


@dataclass(slots=True)
class UnitOfWork:
    drafts: list[Draft] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    savepoints: int = 0  # Those of the connection that were open when the unit began: in tests, which roll all back.

    def emit(self, *, topics: Iterable[str], kind: str, payload: dict[str, Any], author_id: int | None = None) -> None:
        """Add one event for each topic. It is stored when the unit ends, and rung after commit."""
        self.drafts.extend(Draft(topic, kind, payload, author_id) for topic in topics)

    def emit_draft(self, draft: Draft) -> None:
        """Add an event that has more to it: a repeat that must be recognised, another event that it rewrites."""
        self.drafts.append(draft)


_current: ContextVar[UnitOfWork | None] = ContextVar("unit_of_work", default=None)
_appenders: list[Appender] = []


def register_appender(appender: Appender) -> None:
    """Name the function that stores drafts, and runs the statements before them (realtime does, in `ready()`).

    The last one named counts.
    """
    _appenders[:] = [appender]


@contextmanager
def unit_of_work() -> Iterator[UnitOfWork]:
    """Open the transaction of a use case, or join the one that is open.

    The outermost unit appends all events at its end and commits. A joined one adds to its caller's; when it fails,
    the whole unit fails.
    Raises: RuntimeError when a plain `atomic` block is already open: events could then outlive its rollback;
    TransactionManagementError when a joined unit failed and its caller went on as if it had not.
    """
    joined = _current.get()
    if joined is not None:
        with transaction.atomic(savepoint=False):
            yield joined
        return
    unit = UnitOfWork()
    with transaction.atomic(durable=True):
        unit.savepoints = len(connection.savepoint_ids)
        token = _current.set(unit)
        try:
            yield unit
            if transaction.get_rollback():  # Django would roll back without a word.
                raise TransactionManagementError("a part of this unit of work failed, so the whole does")
            if unit.drafts:
                _appenders[0](unit.drafts, unit.statements)
            elif unit.statements:
                execute(unit.statements)
        finally:
            # Before the commit: what runs after it opens a unit of its own, whose events this one would lose.
            _current.reset(token)


def defer(statement: Statement) -> bool:
    """Have the open unit send the statement at its end: a round trip less, and locks are held for less time.

    False where it must not wait: outside of a unit, and inside a savepoint, which may be rolled back alone. What it
    changes is not seen by the unit's own statements, and what it raises ends the unit.
    """
    unit = _current.get()
    if unit is None or any(connection.savepoint_ids[unit.savepoints :]):
        return False
    unit.statements.append(statement)
    return True


def execute(statements: Sequence[Statement]) -> list[Any]:
    """Send the statements in one round trip, and return the rows of the last one; none where it answers none."""
    with connection.cursor() as cursor:
        cursor.execute("; ".join(one.sql for one in statements), [value for one in statements for value in one.params])
        return list(cursor.fetchall()) if cursor.description else []
