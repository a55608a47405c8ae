"""A load that is cut off, killed, raced or overtaken goes on, and stores nothing twice (issue 08, build item 3)."""

import os
import signal
import subprocess
import time

import pytest
from django.core.management.base import CommandError
from django.db import connection

from backend.audit.models import AuditLog
from backend.banking.models import Account, Bank, Customer, Load, LoadLine, LoadPart, Registration
from backend.banking.services.loads import books, running, starting
from backend.banking.services.loads.claims import claimed
from backend.banking.tests.book_files import amounts, book, line, load, numbered, of_its_own, stored, write
from backend.banking.tests.factories import make_bank
from backend.tests.commits import in_background, in_parallel
from backend.tests.servers import ROOT

PATIENCE_S = 60


def test_a_load_that_was_cut_off_goes_on_behind_its_last_batch(committed, tmp_path, small_batches, monkeypatch):
    lines = numbered(23)
    lines[3] = line(Term="Never")
    path = write(tmp_path, book(lines))
    store, calls = books.BookKind.store, iter(range(10))

    def cut_off(self, good):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return store(self, good)

    monkeypatch.setattr(books.BookKind, "store", cut_off)
    with pytest.raises(SystemExit):
        load(path)
    monkeypatch.setattr(books.BookKind, "store", store)
    assert amounts() == [1, 2, 3, 5, 6, 7, 8, 9, 10]
    with pytest.raises(CommandError, match="with other options"):
        load(path, unlabelled=True)

    said, named = load(path)

    assert "going on behind line 11" in said
    assert named.startswith("line 5: Term")
    assert amounts() == [number for number in range(1, 24) if number != 4]
    assert Bank.objects.count() == Load.objects.count() == LoadLine.objects.count() == 1
    assert AuditLog.objects.filter(action="load.started").count() == 1


def test_a_killed_loader_has_stored_whole_batches_and_the_next_one_goes_on(committed, tmp_path):
    """kill -9: nothing is lost and nothing is there twice."""
    count = 12_000
    path = write(tmp_path, book(numbered(count)))
    command, environment = of_its_own(committed, "-m", "django", "load_bank_data", str(path))
    with (tmp_path / "loader.log").open("wb") as log:
        loader = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not LoadPart.objects.filter(position__gt=1000).exists():
            assert loader.poll() is None, (tmp_path / "loader.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        os.kill(loader.pid, signal.SIGKILL)
        loader.wait()
    left_at = LoadPart.objects.get()
    assert amounts() == list(range(1, left_at.line))
    assert left_at.line < count

    said, _ = load(path)

    assert f"{count:,} rows loaded" in said
    assert "going on behind line" in said
    assert amounts() == list(range(1, count + 1))
    assert Customer.objects.count() == Registration.objects.count() == Account.objects.count() == count
    assert Load.objects.get().state == "done"


def test_a_load_whose_database_goes_away_says_how_to_go_on(committed, tmp_path, small_batches, monkeypatch):
    path = write(tmp_path, book(numbered(23)))
    store, calls = books.BookKind.store, iter(range(10))

    def cut_off(self, good):
        if next(calls) == 2:
            end_our_connection()
        return store(self, good)

    monkeypatch.setattr(books.BookKind, "store", cut_off)
    with pytest.raises(CommandError, match="went away; the same command goes on"):
        load(path)

    said, _ = load(path)

    assert "going on behind line 11" in said
    assert amounts() == list(range(1, 24))


def end_our_connection():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        ours = cursor.fetchone()[0]

    def end():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [ours])

    in_parallel(end)


def test_of_two_loaders_of_one_file_one_goes_on(committed, tmp_path, monkeypatch):
    monkeypatch.setattr(starting, "CLAIM_WAIT_S", 0.0)
    path, bank = write(tmp_path, book(numbered(30))), make_bank()

    found = in_parallel(*[lambda: load(path, bank=bank.pk)] * 3)

    assert sorted(type(one).__name__ for one in found).count("tuple") == 1
    refused = [str(one) for one in found if isinstance(one, CommandError)]
    assert all("Another process" in one or "was loaded into" in one for one in refused)
    assert len(refused) == 2
    assert amounts() == list(range(1, 31))
    assert Load.objects.count() == 1


def test_whoever_was_overtaken_stores_nothing(committed, tmp_path, small_batches):
    """A connection that dies lets its claim go while its process lives on."""
    path = write(tmp_path, book(numbered(20)))
    with path.open("rb") as opened:
        found = starting.Book.of(opened, name="x", is_undecided=False)
        load_row, _ = starting.start_book(book=found, target=starting.Target(bank_name="x"))
        mine = LoadPart.objects.select_related("owner__bank").get()
        with pytest.raises(CommandError, match="without --strict"):
            load(path, strict=True)
        load(path)
        before = stored()

        with pytest.raises(running.Overtaken):
            running.read_part(mine, found.file)

    assert stored() == before
    assert Load.objects.get(pk=load_row.pk).state == "done"


def test_a_file_that_changes_while_it_is_read_is_left(committed, tmp_path, small_batches, monkeypatch):
    path = write(tmp_path, book(numbered(12)))
    store = books.BookKind.store

    def with_a_writer(self, good):
        os.utime(path, (1, 1))
        return store(self, good)

    monkeypatch.setattr(books.BookKind, "store", with_a_writer)
    monkeypatch.setattr("backend.banking.loads.lines.PIECE", 600)

    with pytest.raises(CommandError, match="changed while it was being read"):
        load(path)

    assert len(amounts()) < 12
    assert Load.objects.get().state == "reading"


def test_a_claim_ends_with_its_block_and_is_nobody_elses(committed):
    with claimed(1) as mine:
        with in_background(lambda: _try(1)) as theirs:
            assert (mine, theirs()) == (True, False)
        with in_background(lambda: _try(2)) as others:
            assert others()
    with in_background(lambda: _try(1)) as later:
        assert later()


def _try(part_id):
    with claimed(part_id) as is_ours:
        return is_ours
