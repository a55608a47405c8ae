"""A bank's book from its first line to its load: by the command that reads the file itself, or by workers.

The file is known by its hash: a load that was cut off is found by it and goes on, and one that is through is not done
twice by mistake.
"""

import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

from django.db import IntegrityError, connection, transaction

from backend.audit import services as audit
from backend.banking import tasks
from backend.banking.errors import BankUnknown, InvalidField
from backend.banking.load_errors import BookRefused, FileChanged, LinesRefused, LoadedBefore, LoadUnderWay
from backend.banking.loads.book import LINE_MAX, Header, Layout, read
from backend.banking.loads.lines import BadLine, Lines, NotText, Splitter, pieces_of
from backend.banking.loads.persons import bank_name
from backend.banking.models import UNDER_WAY, Bank, Load, LoadKind, LoadPart, LoadState
from backend.banking.selectors.loads import find_book
from backend.banking.services.banks import MANAGES_ANOTHER
from backend.banking.services.loads.claims import claimed
from backend.banking.services.loads.running import Told, read_part
from backend.common import jobs, vault
from backend.common.unit_of_work import unit_of_work

PART = 4 * 1024 * 1024
CLAIM_WAIT_S = 10.0


class Unchanging:
    """A file that says so when somebody writes to it while it is read: its hash would then be another's."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._stamp = self._now()

    def seek(self, offset: int) -> int:
        return self._file.seek(offset)

    def read(self, size: int) -> bytes:
        """Raises: FileChanged."""
        found = self._file.read(size)
        if self._now() != self._stamp:
            raise FileChanged
        return found

    @property
    def size(self) -> int:
        return self._stamp[0]

    def _now(self) -> tuple[int, int]:
        found = os.fstat(self._file.fileno())
        return found.st_size, found.st_mtime_ns


@dataclass(frozen=True, slots=True)
class Book:
    """An open file that was looked at: its hash, its columns, and where its rows begin."""

    file: Unchanging
    name: str
    sha256: str
    layout: Layout
    start: int
    line: int
    splitter: Splitter

    @classmethod
    def of(cls, opened: BinaryIO, *, name: str, is_undecided: bool) -> "Book":
        """Read the file once: its first line, its hash, where it can be cut. Raises: BookRefused, FileChanged."""
        file = Unchanging(opened)
        lines = Lines(pieces_of(file, start=0, end=file.size), longest=LINE_MAX)
        try:
            header = next((raw for _, raw in lines if raw is None or raw.strip()), b"")
            layout = Layout.of(header or b"", is_undecided=is_undecided)
        except NotText:
            raise BookRefused("This is no text file.") from None
        except Header as fault:
            raise BookRefused(str(fault)) from None
        digest, splitter = hashlib.sha256(), Splitter(PART)
        if lines.position >= file.size:
            raise BookRefused("There are no rows below the first line.")
        for piece in pieces_of(file, start=0, end=file.size):
            digest.update(piece)
            splitter.feed(piece)
        return cls(file, name[:200], digest.hexdigest(), layout, lines.position, lines.line, splitter)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a book goes: to a bank that is there, or to one that is made for it, with a manager or without."""

    bank_id: uuid.UUID | None = None
    bank_name: str = ""
    manager_id: int | None = None


def start_book(*, book: Book, target: Target, is_again: bool = False) -> tuple[Load, bool]:
    """Return the load of this file, and whether it goes on from an earlier run; else it is new.

    Raises: LoadedBefore (unless `is_again`), LoadUnderWay (by workers, or with other options).
    Locks: the file's hash, so that two who begin at once find one load.
    """
    with unit_of_work():
        lock_file(book.sha256)
        found = _found(book, target, is_queued=False)
        if found is not None:
            return found, True
        _refuse_repeats(book, target, is_again)
        load = _new_load(book, target)
        add_parts(load, [(book.start, book.splitter.size, book.line)])
    return load, False


def load_book(*, load: Load, book: Book, told: Told | None = None) -> Load:
    """Load what is left of a file that this process reads itself, and return its load as it is then.

    Repeating, also after this process was killed: goes on behind the last batch.
    Raises: LoadUnderWay (another process is at it), FileChanged, Overtaken.
    """
    part_id = LoadPart.objects.values_list("pk", flat=True).get(owner=load)
    with claimed(part_id, wait_s=CLAIM_WAIT_S) as is_ours:
        if not is_ours:
            raise LoadUnderWay("Another process is loading this file.")
        part = LoadPart.objects.select_related("owner__bank").get(pk=part_id)
        read_part(part, book.file, told=told)
    return Load.objects.get(pk=load.pk)


def check_book(book: Book) -> Iterator[BadLine]:
    """Yield the bad lines of a file, in its order. Stores nothing."""
    lines = Lines(
        pieces_of(book.file, start=book.start, end=book.splitter.size),
        longest=LINE_MAX,
        position=book.start,
        line=book.line,
    )
    return (one for one in read(lines, book.layout) if isinstance(one, BadLine))


def load_book_strictly(*, book: Book, target: Target, is_again: bool = False, told: Told | None = None) -> Load:
    """Load a file of which no line is bad (`check_book`), in one transaction, and return its load.

    Raises: LinesRefused (the database refused some all the same), LoadedBefore, LoadUnderWay (begun without being
    strict), FileChanged; then nothing is stored, no bank either.
    """
    with unit_of_work():
        load, is_resumed = start_book(book=book, target=target, is_again=is_again)
        if is_resumed:
            raise LoadUnderWay("A part of this file is loaded already; without --strict the rest will be.")
        part = LoadPart.objects.select_related("owner__bank").get(owner=load)
        read_part(part, book.file, told=told)
        count = LoadPart.objects.values_list("rows_bad", flat=True).get(pk=part.pk)
        if count:
            raise LinesRefused(f"The database refuses {count} lines, so nothing was loaded.")
    return Load.objects.get(pk=load.pk)


def queue_book(*, book: Book, target: Target, is_again: bool = False) -> Load:
    """Seal a copy of the file where all workers can read it, and have them load it in parts; return its load.

    Repeating: returns the load that is under way.
    Raises: LoadedBefore, LoadUnderWay (by a command, or with other options).
    Locks: the file's hash. After commit: a job for each part.
    """
    with vault.incoming(kind="load") as stored:
        for piece in pieces_of(book.file, start=0, end=book.splitter.size):
            stored.write(piece)
        stored.store()
        with unit_of_work():
            lock_file(book.sha256)
            found = _found(book, target, is_queued=True)
            if found is not None:
                return found
            _refuse_repeats(book, target, is_again)
            load = _new_load(book, target)
            load.file = stored.keep(owner_id=None)
            load.save(update_fields=["file"])
            for part in add_parts(load, book.splitter.parts(start=book.start, line=book.line)):
                jobs.enqueue(tasks.load_part, part_id=part.pk)
    return load


def add_parts(load: Load, parts: Iterable[tuple[int, int, int]]) -> list[LoadPart]:
    """Store the parts of a file, in the caller's transaction, and return them."""
    return LoadPart.objects.bulk_create(
        LoadPart(owner=load, number=number, start=start, position=start, end=end, line=line)
        for number, (start, end, line) in enumerate(parts)
    )


def lock_file(sha256: str) -> None:
    """Take a file's hash until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"banking.load_of:{sha256}"])


def _found(book: Book, target: Target, *, is_queued: bool) -> Load | None:
    found = find_book(sha256=book.sha256, bank_id=target.bank_id, states=UNDER_WAY)
    if found is None:
        return None
    if found.options != _options(book):
        raise LoadUnderWay("This file is being loaded with other options.")
    if (found.file_id is not None) != is_queued:
        whom = "workers" if found.file_id else "a command, which goes on when it is called again"
        raise LoadUnderWay(f"This file is being loaded by {whom}: {found.pk}.")
    return found


def _refuse_repeats(book: Book, target: Target, is_again: bool) -> None:
    before = None if is_again else find_book(sha256=book.sha256, bank_id=target.bank_id, states=[LoadState.DONE])
    if before is not None:
        raise LoadedBefore(
            f"This file was loaded into {before.bank} ({before.bank_id}) on {before.created_at:%Y-%m-%d %H:%M} UTC; "
            "--again loads it once more."
        )


def _new_load(book: Book, target: Target) -> Load:
    bank = Bank.objects.filter(pk=target.bank_id).first() if target.bank_id else _new_bank(book, target)
    if bank is None:
        raise BankUnknown
    load = Load.objects.create(
        kind=LoadKind.BOOK,
        bank=bank,
        name=book.name,
        sha256=book.sha256,
        size=book.splitter.size,
        options=_options(book),
    )
    record_start(load)
    return load


def record_start(load: Load) -> None:
    facts = {"bank": str(load.bank_id), "kind": load.kind, "sha256": load.sha256, "size": load.size}
    audit.record(actor_id=None, action="load.started", target=load, facts=facts)


def _new_bank(book: Book, target: Target) -> Bank:
    """Make a bank for the file. Who manages it is somebody who is there, or nobody: none gets a password (BUG-S0-24).

    Raises: InvalidField, when they manage one already.
    """
    name = target.bank_name or bank_name(bytes.fromhex(book.sha256))
    try:
        with transaction.atomic():
            bank = Bank.objects.create(bank_name=name, manager_id=target.manager_id)
    except IntegrityError as fault:
        raise InvalidField("manager", MANAGES_ANOTHER) from fault
    audit.record(actor_id=None, action="bank.registered", target=bank, facts={"manager": target.manager_id})
    return bank


def _options(book: Book) -> dict[str, Any]:
    layout = asdict(book.layout)
    return {"layout": {**layout, "places": list(book.layout.places)}}
