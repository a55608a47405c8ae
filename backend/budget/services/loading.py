"""Checking and loading an import's lines, batch by batch, each in a transaction of its own.

A batch moves its import's position and writes its entries and its report together, so a job that dies is taken up at
the last batch, and one that runs twice finds the position moved and stops. Memory holds one batch.
Locks: the import, then the owner's loading (advisory), then budgets by id.
"""

import io
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

from django.db import connection

from backend.budget.models import Import, ImportChunk, ImportLine, Kind
from backend.budget.months import this_month
from backend.budget.selectors.imports import pieces_of, places
from backend.budget.services.thresholds import tell_what_is_reached
from backend.budget.sheets.entries import BadLine, EntryReader, SheetEntry
from backend.budget.sheets.layout import Layout
from backend.budget.sheets.lines import Record, records
from backend.common.unit_of_work import UnitOfWork, unit_of_work

CHECKED_AT_ONCE = 20_000
LOADED_AT_ONCE = 10_000
DUPLICATE = "This entry is already there."

_STAGE = """
CREATE TEMPORARY TABLE budget_staged (
    line integer, kind varchar(7), title varchar(100), description varchar(100), amount numeric(20, 2),
    creation_date date, creation_time time, category_id uuid, subcategory_id uuid
) ON COMMIT DROP
"""
# The planner takes the book of somebody new for empty, and would then read the batch once for every entry in it.
_PLAN = "SET LOCAL enable_nestloop = off"
_KNOWN = """
SELECT s.line FROM budget_staged s WHERE EXISTS (
    SELECT 1 FROM budget_entry e
    WHERE e.user_id = %(user)s AND e.deleted_at IS NULL AND e.creation_date = ANY(%(dates)s::date[])
    AND e.kind = s.kind AND e.creation_date = s.creation_date AND e.creation_time = s.creation_time
    AND e.amount = s.amount AND e.title = s.title AND e.description = s.description
    AND e.category_id = s.category_id AND e.subcategory_id IS NOT DISTINCT FROM s.subcategory_id
)
"""
_COLUMNS = "kind, title, description, amount, creation_date, creation_time, category_id, subcategory_id"
_COPY_STAGED = f"COPY budget_staged (line, {_COLUMNS}) FROM STDIN"
_COPY_ENTRIES = f"COPY budget_entry (id, user_id, {_COLUMNS}) FROM STDIN"

Outcome = SheetEntry | BadLine


def check(import_id: uuid.UUID, run: int) -> None:
    """Read every line and report the bad ones. Repeating: goes on where the last run stopped."""
    _go_through(import_id, run, Import.State.CHECKING, CHECKED_AT_ONCE)


def load(import_id: uuid.UUID, run: int) -> None:
    """Store the good lines that are not there yet and report all others. Repeating: goes on where the last run stopped.

    After commit of each batch: a notice for each threshold of a budget that it passed.
    """
    _go_through(import_id, run, Import.State.LOADING, LOADED_AT_ONCE)


def _go_through(import_id: uuid.UUID, run: int, state: str, size: int) -> None:
    found = Import.objects.filter(pk=import_id, run=run, state=state).first()
    if found is None:
        return
    layout = Layout.from_json(found.layout)
    position = found.lines_done
    walk = _Walk(records(pieces_of(import_id), layout.delimiter, after=position), position)
    reader = EntryReader(layout, places())
    # Without the columns there is nothing to check yet: only the lines are counted.
    outcomes = reader.read(walk) if not layout.missing else _counted(walk)
    while True:
        batch = list(islice(outcomes, size))
        with unit_of_work() as unit:
            current = Import.objects.select_for_update().filter(pk=import_id, run=run, state=state).first()
            if current is None or current.lines_done != position:
                return  # Deleted, started over, or somebody else is at it.
            _take(unit, current, batch)
            position = current.lines_done = walk.last
            current.touched_at = datetime.now(UTC)
            if len(batch) < size:
                _finish(current)
            current.save()
        if len(batch) < size:
            return


class _Walk:
    """Passes records on, and knows the last line that it has passed."""

    def __init__(self, found: Iterator[Record], last: int) -> None:
        self._found = found
        self.last = last

    def __iter__(self) -> Iterator[Record]:
        for record in self._found:
            self.last = record.last
            yield record


def _counted(walk: _Walk) -> Iterator[Outcome]:
    for _ in walk:
        yield from ()


def _take(unit: UnitOfWork, current: Import, batch: Sequence[Outcome]) -> None:
    """Report a batch's bad lines; when loading, store the others."""
    bad = [one for one in batch if isinstance(one, BadLine)]
    good = [one for one in batch if isinstance(one, SheetEntry)]
    _report(current, ImportLine.Outcome.BAD, bad)
    current.rows_bad += len(bad)
    if current.state == Import.State.LOADING:
        repeated = _store(unit, current.user_id, good)
        _report(current, ImportLine.Outcome.DUPLICATE, [BadLine(line, DUPLICATE) for line in repeated])
        current.rows_duplicate += len(repeated)
        current.rows_good += len(good) - len(repeated)
    else:
        current.rows_good += len(good)


def _store(unit: UnitOfWork, user_id: int, good: Sequence[SheetEntry]) -> list[int]:
    """Store entries that are not there yet; return the lines of those that are, in the book or earlier in the batch."""
    fresh: dict[tuple[Any, ...], SheetEntry] = {}
    repeated = [one.line for one in good if fresh.setdefault(one[1:], one) is not one]
    if not fresh:
        return repeated
    with connection.cursor() as cursor:
        # Two files of one person at once: the second sees what the first has stored.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('budget.load'), %s)", [user_id % 2**31])
        cursor.execute(f"{_STAGE}; {_PLAN}")
        lines = {one.line: _copied(one) for one in fresh.values()}
        cursor.copy_expert(_COPY_STAGED, io.StringIO("".join(f"{number}{rest}" for number, rest in lines.items())))
        cursor.execute(_KNOWN, {"user": user_id, "dates": list({one.creation_date for one in fresh.values()})})
        known = [line for (line,) in cursor.fetchall()]
        for line in known:
            del lines[line]
        copied = "".join([f"{uuid.uuid4()}\t{user_id}{rest}" for rest in lines.values()])
        cursor.copy_expert(_COPY_ENTRIES, io.StringIO(copied))
    _tell_spending(unit, user_id, [one for one in fresh.values() if one.line in lines])
    return repeated + known


def _tell_spending(unit: UnitOfWork, user_id: int, stored: Sequence[SheetEntry]) -> None:
    now = this_month().isoformat()
    spent = {
        (one.category_id, one.creation_date[:7])
        for one in stored
        if one.kind == Kind.EXPENSE and one.creation_date >= now
    }
    concerned = [(uuid.UUID(category), date.fromisoformat(f"{month}-01")) for category, month in spent]
    tell_what_is_reached(unit, user_id=user_id, spent=concerned)


def _copied(one: SheetEntry) -> str:
    """Return an entry as the end of a line of COPY, from the tab before its kind."""
    title, description = one.title, one.description
    if not (title.isprintable() and description.isprintable()) or "\\" in title or "\\" in description:
        title, description = title.translate(_ESCAPES), description.translate(_ESCAPES)
    return (
        f"\t{one.kind}\t{title}\t{description}\t{one.amount}\t{one.creation_date}\t{one.creation_time}"
        f"\t{one.category_id}\t{one.subcategory_id or _NULL}\n"
    )


_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _report(current: Import, outcome: str, lines: Sequence[BadLine]) -> None:
    ImportLine.objects.bulk_create(
        [ImportLine(owner=current, line=one.line, outcome=outcome, reason=one.reason) for one in lines],
        batch_size=5000,
    )


def _finish(current: Import) -> None:
    if current.state == Import.State.CHECKING:
        current.lines_total, current.state = current.lines_done, Import.State.READY
    else:
        current.state = Import.State.DONE
        ImportChunk.objects.filter(owner=current).delete()
