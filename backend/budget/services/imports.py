"""A file of entries from its arrival to the word that it be loaded. The lines themselves are `loading`'s.

The file lies compressed in PostgreSQL until it is loaded, so that any process or worker can go on with it.
"""

import uuid
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from django.db import connection

from backend.audit import services as audit
from backend.budget import tasks
from backend.budget.errors import (
    ImportNotReady,
    ImportUnknown,
    InvalidField,
    SheetRefused,
    SheetTooLarge,
    TooManyImports,
)
from backend.budget.models import Import, ImportChunk, ImportLine
from backend.budget.sheets.layout import Layout, detect
from backend.budget.sheets.lines import decoded
from backend.common import jobs
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work

PIECE = 256 * 1024
SIZE_MAX = 64 * 1024 * 1024
WAITING_MAX = 5  # files of one person that are not loaded yet
KEPT_FOR = timedelta(days=30)
GIVEN_UP_AFTER = timedelta(days=1)
STUCK_AFTER = timedelta(minutes=2)

State = Import.State


def start_import(*, actor: Principal, name: str, file: BinaryIO) -> Import:
    """Store a file, find its layout, and have its lines checked.

    Raises: SheetRefused, SheetTooLarge, TooManyImports.
    Locks: the actor's imports, by advisory lock. After commit: the job that checks.
    """
    with unit_of_work():
        _lock_imports_of(actor.id)
        waiting = Import.objects.filter(user_id=actor.id).exclude(state__in=[State.DONE, State.FAILED])
        if waiting.count() >= WAITING_MAX:
            raise TooManyImports
        found = Import(user_id=actor.id, name=name, size=0)
        found.save(force_insert=True)
        for number, piece in enumerate(decoded(_pieces(file))):
            if number == 0:
                layout, sample = _laid_out(piece)
                found.layout, found.sample = layout.as_json(), sample
            found.size += len(piece)
            if found.size > SIZE_MAX:
                raise SheetTooLarge(f"A file has at most {SIZE_MAX // 1024 // 1024} MB.")
            ImportChunk.objects.create(owner=found, number=number, body=zlib.compress(piece, 1))
        if not found.size:
            raise SheetRefused("The file is empty.")
        found.save()
        jobs.enqueue(tasks.check_import, import_id=str(found.pk), run=found.run)
    return found


def change_layout(*, actor: Principal, import_id: uuid.UUID, changes: Mapping[str, Any]) -> Import:
    """Correct what was found out about the file, and have its lines checked again.

    Raises: ImportUnknown, ImportNotReady, InvalidField. Locks: the import. After commit: the job that checks.
    """
    with unit_of_work():
        found = _locked(actor, import_id)
        _require(found, State.CHECKING, State.READY)
        layout = Layout.from_json(found.layout).changed(**changes)
        wrong = [number for number in layout.columns.values() if number >= layout.width]
        if wrong:
            raise InvalidField("columns", f"The file has the columns 0 to {layout.width - 1}.")
        found.layout = layout.as_json()
        _start_over(found, State.CHECKING)
        jobs.enqueue(tasks.check_import, import_id=str(found.pk), run=found.run)
    return found


def commit_import(*, actor: Principal, import_id: uuid.UUID) -> Import:
    """Have the good lines loaded. This is the act that the trail keeps: one row for the whole file.

    Repeating: one that is loading or done is returned as it is.
    Raises: ImportUnknown, ImportNotReady. Locks: the import. After commit: the job that loads.
    """
    with unit_of_work():
        found = _locked(actor, import_id)
        if found.state in {State.LOADING, State.DONE}:
            return found
        _require(found, State.READY)
        missing = Layout.from_json(found.layout).missing
        if missing:
            raise ImportNotReady(f"Say first which columns hold: {', '.join(missing)}.", state=found.state)
        _start_over(found, State.LOADING)
        facts = {"size": found.size, "lines": found.lines_total}
        audit.record(actor_id=actor.id, action="entries.imported", target=found, facts=facts)
        jobs.enqueue(tasks.load_import, import_id=str(found.pk), run=found.run)
    return found


def delete_import(*, actor: Principal, import_id: uuid.UUID) -> None:
    """Forget a file and its report; entries that it brought stay. One that is loading stops where it is.

    Raises: ImportUnknown. Locks: the import.
    """
    with unit_of_work():
        found = _locked(actor, import_id)
        audit.record(actor_id=actor.id, action="import.deleted", target=found, facts={"state": found.state})
        found.delete()


def resume_stuck() -> int:
    """Have every import that nobody works on taken up again; give up those of yesterday. Return how many.

    A job that died left its import at the last line that was committed.
    """
    now = datetime.now(UTC)
    at_work = Import.objects.filter(state__in=[State.CHECKING, State.LOADING], touched_at__lt=now - STUCK_AFTER)
    given_up = at_work.filter(created_at__lt=now - GIVEN_UP_AFTER)
    ImportChunk.objects.filter(owner__in=given_up).delete()
    given_up.update(state=State.FAILED)
    stuck = list(at_work.order_by("touched_at")[:100])
    for found in stuck:
        task = tasks.check_import if found.state == State.CHECKING else tasks.load_import
        jobs.enqueue(task, import_id=str(found.pk), run=found.run)
    return len(stuck)


def purge_old() -> int:
    """Remove files and reports that are a month old; return how many. Entries stay."""
    old = Import.objects.filter(created_at__lt=datetime.now(UTC) - KEPT_FOR)
    return sum(found.delete()[1].get("budget.Import", 0) for found in old.order_by("created_at")[:1000])


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _laid_out(head: bytes) -> tuple[Layout, list[list[str]]]:
    if b"\x00" in head:
        raise SheetRefused("This is no text file.")
    layout, sample = detect(head)
    if not sample:
        raise SheetRefused("There are no lines in the file.")
    return layout, sample


def _lock_imports_of(user_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('budget.import'), %s)", [user_id % 2**31])


def _locked(actor: Principal, import_id: uuid.UUID) -> Import:
    found = Import.objects.select_for_update().filter(pk=import_id, user_id=actor.id).first()
    if found is None:
        raise ImportUnknown
    return found


def _require(found: Import, *states: str) -> None:
    if found.state not in states:
        raise ImportNotReady(f"This import is {found.state}.", state=found.state)


def _start_over(found: Import, state: str) -> None:
    """Begin a phase at the first line. Its higher `run` makes a job of the phase before stop."""
    ImportLine.objects.filter(owner=found).delete()
    found.state, found.run, found.touched_at = state, found.run + 1, datetime.now(UTC)
    found.lines_done = found.rows_good = found.rows_bad = found.rows_duplicate = 0
    found.save()
