"""Going through the parts of a load, batch by batch, each in a transaction of its own.

A batch stores its rows, reports its bad lines and moves its part's position together. So a process that is killed
leaves the part at the last batch, where the next one goes on; one that was overtaken finds the position moved, and
stores nothing. Memory holds one batch, however long the file is.
Locks: the part, then the load, then what the batch stores.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import cast

import structlog
from django.db.models import F

from backend.banking.load_errors import Overtaken
from backend.banking.loads.lines import BadLine, Lines, Readable, pieces_of
from backend.banking.models import UNDER_WAY, Load, LoadKind, LoadLine, LoadPart
from backend.banking.services.imports import Outcome
from backend.banking.services.loads import ending
from backend.banking.services.loads.books import BookKind
from backend.banking.services.loads.claims import claimed
from backend.banking.services.loads.customers import CustomersKind, store_bucket
from backend.banking.services.loads.kinds import Kind
from backend.common import encryption, vault
from backend.common.unit_of_work import unit_of_work

log = structlog.get_logger(__name__)

TRIES_MAX = 5
REPORTED_AT_ONCE = 1_000
KINDS: dict[str, Callable[[Load], Kind]] = {LoadKind.BOOK: BookKind, LoadKind.CUSTOMERS: CustomersKind}

# Called after each batch with the part as it is now and the bad lines of the batch.
Told = Callable[[LoadPart, Sequence[BadLine]], None]


def run_part(part_id: int) -> None:
    """Do what is left of a part of a load whose file is in the vault.

    Repeating: does what is left; nothing while another process is at it, or when the part is done or given up.
    After commit: the parts of the next phase, once this one's are done.
    """
    with claimed(part_id) as is_ours:
        part = _begun(part_id) if is_ours else None
        if part is None:
            return
        try:
            if part.phase == LoadPart.Phase.READ:
                _read_stored(part)
            else:
                _store(part)
        except Overtaken:
            log.info("load.overtaken", part=part_id)
        except vault.StorageAway:
            # Not the part's fault: it is tried for as long as it takes.
            LoadPart.objects.filter(pk=part_id).update(tries=F("tries") - 1)
            raise
        except (vault.FileDamaged, vault.FileGone, encryption.Damaged):
            ending.fail(part.owner_id, "The stored file can no longer be read. Send it again.")


def read_part(part: LoadPart, file: Readable, *, told: Told | None = None) -> None:
    """Read a part from its position to its end and store what is good. Raises: Overtaken; what `told` raises."""
    kind = KINDS[part.owner.kind](part.owner)
    pieces = pieces_of(file, start=part.position, end=part.end)
    lines = Lines(pieces, longest=kind.longest, position=part.position, line=part.line)
    outcomes = kind.outcomes(lines)
    while not part.is_done:
        batch = list(islice(outcomes, kind.at_once))
        with unit_of_work():
            current = locked(part)
            bad = [one for one in batch if isinstance(one, BadLine)]
            good = [one for one in batch if one is not None and not isinstance(one, BadLine)]
            bad += kind.store(good)
            report(current.owner, bad)
            current.rows_bad += len(bad)
            current.rows_blank += batch.count(None)
            current.rows_good += len(batch) - len(bad) - batch.count(None)
            current.position, current.line = lines.position, lines.line
            move(current, is_done=len(batch) < kind.at_once)
        part = current
        if told is not None:
            told(part, sorted(bad, key=lambda one: one.line))


def locked(part: LoadPart) -> LoadPart:
    """Return the part's row, locked, if it stands where we have left it. Raises: Overtaken."""
    found = LoadPart.objects.select_for_update(of=("self",)).select_related("owner__bank").filter(pk=part.pk).first()
    if found is None or found.is_done or found.position != part.position or found.owner.state not in UNDER_WAY:
        raise Overtaken
    return found


def move(part: LoadPart, *, is_done: bool) -> None:
    """Keep how far a part has come, in the caller's transaction; end the phase with its last part."""
    part.touched_at, part.tries, part.is_done = datetime.now(UTC), 0, is_done
    part.save()
    if is_done:
        ending.go_on(part.owner_id, part.phase)


def report(load: Load, bad: Iterable[BadLine]) -> None:
    """Keep bad lines for whoever asks."""
    rows = (LoadLine(owner=load, line=one.line, fault=one.fault) for one in bad)
    while some := list(islice(rows, REPORTED_AT_ONCE)):
        LoadLine.objects.bulk_create(some)


def close(load: Load, outcome: Outcome) -> None:
    """End a load whose file was loaded whole, in the caller's transaction. It and its parts are locked."""
    LoadPart.objects.filter(owner=load).update(position=F("end"), is_done=True)
    first = LoadPart.objects.filter(owner=load, number=0)
    first.update(rows_good=len(outcome.created), rows_bad=len(outcome.bad))
    LoadPart.objects.create(
        owner=load, phase=LoadPart.Phase.STORE, number=0, rows_good=len(outcome.created), is_done=True
    )
    report(load, outcome.bad)
    ending.finish(load)


def _begun(part_id: int) -> LoadPart | None:
    """Return the part if there is something left to do, counting the try; give the load up after too many."""
    open_parts = LoadPart.objects.filter(pk=part_id, is_done=False, owner__state__in=UNDER_WAY)
    if not open_parts.update(tries=F("tries") + 1, touched_at=datetime.now(UTC)):
        return None
    part = LoadPart.objects.select_related("owner__bank", "owner__file").get(pk=part_id)
    if part.tries > TRIES_MAX:
        ending.fail(part.owner_id, f"Part {part.number} of the file failed {TRIES_MAX} times.")
        return None
    return part


def _read_stored(part: LoadPart) -> None:
    stored = part.owner.file
    if stored is None:
        return  # A command reads its file itself.
    with vault.open_file(stored) as file:
        read_part(part, cast(Readable, file))


def _store(part: LoadPart) -> None:
    """Store a bucket of what was read, whole, in one transaction."""
    with unit_of_work():
        current = locked(part)
        outcome = store_bucket(current.owner, current)
        report(current.owner, outcome.bad)
        current.rows_good, current.rows_bad = len(outcome.created), len(outcome.bad)
        move(current, is_done=True)
