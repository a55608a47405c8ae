"""`manage.py load_bank_data FILE.csv`: a bank's existing book, one customer, account and loan for each line (S0-O5)."""

import time
import uuid
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError

from backend.banking.loads.lines import BadLine
from backend.banking.models import Load, LoadPart
from backend.banking.selectors import loads as selectors
from backend.banking.services.loads import starting
from backend.banking.services.loads.starting import Book, Target
from backend.common.database import dropped
from backend.common.errors import DomainError
from backend.identity.models import User

TOLD_EVERY_S = 1.0
INTERRUPTED = 130


def add_load_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--strict", action="store_true", help="one bad line, and nothing is loaded")
    parser.add_argument("--bank", type=uuid.UUID, help="id of the bank; without it, a new one is made for the file")
    parser.add_argument("--bank-name", default="", help="name of the new bank")
    parser.add_argument("--manager", default="", help="e-mail of whoever shall manage the new bank; else nobody does")
    parser.add_argument(
        "--unlabelled", action="store_true", help="take loans without a status, too: as PENDING, not as ended"
    )
    parser.add_argument("--again", action="store_true", help="load a file once more that was loaded before")
    parser.add_argument("--queue", action="store_true", help="have workers load it, in parts, and do not wait")


class Command(BaseCommand):
    help = "Load a bank's customers, accounts and loans from a CSV file. Cut off, the same command goes on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        add_load_arguments(parser)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """Raises: CommandError in one line; with --strict also for bad lines, which are named first."""
        try:
            with file.open("rb") as opened:
                self._load(opened, file.name, options)
        except OSError as fault:
            raise CommandError(f"{file}: {fault.strerror}") from None
        except DomainError as fault:
            raise CommandError(f"{file}: {fault.detail}") from None
        except (DatabaseError, InterfaceError) as fault:
            if not dropped(fault):
                raise
            raise CommandError(f"{file}: the database went away; the same command goes on from here") from None

    def _load(self, opened: BinaryIO, name: str, options: dict[str, Any]) -> None:
        book = Book.of(opened, name=name, is_undecided=options["unlabelled"])
        target = _target(options)
        if options["queue"]:
            load = starting.queue_book(book=book, target=target, is_again=options["again"])
            self.stdout.write(f"task {load.pk}: workers load {name} into {load.bank} ({load.bank_id})")
        elif options["strict"]:
            self._refuse_bad(book)
            told = self._progress(book)
            self._say(starting.load_book_strictly(book=book, target=target, is_again=options["again"], told=told))
        else:
            self._load_what_is_good(book, target, is_again=options["again"])

    def _load_what_is_good(self, book: Book, target: Target, *, is_again: bool) -> None:
        load, is_resumed = starting.start_book(book=book, target=target, is_again=is_again)
        self.stdout.write(f"loading {book.name} into {load.bank} ({load.bank_id})")
        if is_resumed:
            part = LoadPart.objects.get(owner=load)
            self.stdout.write(f"going on behind line {part.line}, which an earlier run had reached")
            self._name_known_bad(load)
        try:
            self._say(starting.load_book(load=load, book=book, told=self._progress(book)))
        except KeyboardInterrupt:
            self.stdout.write("\nstopped; the same command goes on from here")
            raise SystemExit(INTERRUPTED) from None

    def _refuse_bad(self, book: Book) -> None:
        count = 0
        for bad in starting.check_book(book):
            count += 1
            self._name(bad)
        if count:
            raise CommandError(f"{book.name}: {_many(count, 'bad line')}, so nothing was loaded")

    def _name_known_bad(self, load: Load) -> None:
        after = 0
        while lines := selectors.lines_of(load, after=after):
            for one in lines:
                self._name(BadLine(one.line, one.fault))
            after = lines[-1].line

    def _name(self, bad: BadLine) -> None:
        if isinstance(bad.fault, str):
            self.stderr.write(f"line {bad.line}: {bad.fault}")
        else:
            said = "; ".join(f"{name}: {' '.join(faults)}" for name, faults in bad.fault.items())
            self.stderr.write(f"line {bad.line}: {said}")

    def _progress(self, book: Book) -> "Progress":
        return Progress(self, book.splitter.size)

    def _say(self, load: Load) -> None:
        counts = selectors.counts_of(load)
        self.stdout.write(
            f"{_many(counts['created'], 'row')} loaded into {load.bank} ({load.bank_id}), "
            f"{_many(counts['bad'], 'bad line')}, {_many(counts['blank'], 'blank row')} passed over"
        )


class Progress:
    """Names bad lines as they are met, and says about once a second how far the file is."""

    def __init__(self, command: Command, size: int) -> None:
        self._command = command
        self._size = size
        self._began = self._told = time.monotonic()
        self._first: int | None = None

    def __call__(self, part: LoadPart, bad: Sequence[BadLine]) -> None:
        for one in bad:
            self._command._name(one)
        now = time.monotonic()
        done = part.rows_good + part.rows_bad
        if self._first is None:
            self._first, self._began = done, now
        if now - self._told < TOLD_EVERY_S and not part.is_done:
            return
        self._told = now
        rate = (done - self._first) / (now - self._began) if now > self._began else 0
        self._command.stdout.write(
            f"{part.position * 100 // self._size:3}%  line {part.line:,}, {part.rows_good:,} good, "
            f"{part.rows_bad:,} bad" + (f", {rate:,.0f} a second" if rate else "")
        )


def _target(options: dict[str, Any]) -> Target:
    email = options["manager"]
    manager = User.objects.known_by("email", email).first() if email else None
    if email and (manager is None or not manager.is_active):
        raise CommandError(f"Nobody has the address {email}, or they are blocked.")
    if options["bank"] and (email or options["bank_name"]):
        raise CommandError("--bank names a bank that is there; --bank-name and --manager are for a new one.")
    return Target(options["bank"], options["bank_name"][:255], manager.pk if manager else None)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
