"""Files that workers load: a partner's upload and a bank's book (S4-R5, S4-B15, E-S4-12, BUG-S4-12)."""

import os
import signal
import subprocess
import time
import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management.base import CommandError

from backend.audit.models import AuditLog
from backend.banking import tasks
from backend.banking.models import Account, Load, LoadLine, LoadPart, LoadRow, Loan
from backend.banking.selectors import loads as selectors
from backend.banking.services import imports
from backend.banking.services.loads import customers, running, starting, sweeping, uploads
from backend.banking.tests.book_files import book, load, numbered, of_its_own, write
from backend.banking.tests.manager_factories import make_bank as make_bank_of
from backend.banking.tests.partner_stage import Partner, stored
from backend.common import jobs, vault
from backend.common.models import StoredFile
from backend.tests.commits import in_parallel
from backend.tests.servers import ROOT

PATIENCE_S = 60


@pytest.fixture
def partner(committed):
    return Partner()


@pytest.fixture
def queued(partner, settings, monkeypatch):
    """Workers are said to run, none does: tests run the parts themselves."""
    settings.USE_CELERY = True
    monkeypatch.setattr(uploads, "PART", 100)
    monkeypatch.setattr(customers, "IN_A_BUCKET", 5)
    monkeypatch.setattr(customers.CustomersKind, "at_once", 3)
    yield partner
    jobs.app.control.purge()


@pytest.fixture
def no_broker():
    app, address = jobs.app, jobs.app.conf.broker_url
    app.conf.broker_url = app.conf.broker_write_url = "redis+socket:///nowhere/valkey.sock"
    app.amqp._producer_pool = app._pool = None
    yield
    app.conf.broker_url = app.conf.broker_write_url = address
    app.amqp._producer_pool = app._pool = None


def upload(partner, content):
    file = SimpleUploadedFile("customers.csv", content if isinstance(content, bytes) else content.encode(), "text/csv")
    return partner.client.post("/customers/upload/", {"file": file}, format="multipart")


def task_of(partner, answer, **query):
    return partner.get(f"/api/tasks/{answer.json()['task_id']}/", **query)


def open_parts():
    return list(LoadPart.objects.filter(is_done=False).order_by("pk").values_list("pk", flat=True))


def sealed_files():
    """Copies that can still be read. That the bytes go, too, is a job of its own."""
    return StoredFile.objects.filter(kind="load", wrapped_key__isnull=False)


def work():
    """Do what workers would, until nothing is left."""
    while parts := open_parts():
        for part_id in parts:
            tasks.load_part(part_id)
        time.sleep(0.01)  # The database may not have noticed yet that somebody is dead.


def a_file(count=40):
    """Bad lines, names that repeat within a part and far apart, one that is there, and quotes."""
    lines = [f"c-{number},{number}.50" for number in range(count)]
    lines[3], lines[7], lines[20] = "c-3", "old,1", '"c,20",20.5,2026-01-31'
    lines += ["c-1,99", f"c-{count - 1},98", "\\N,5", ",7", "c-1,97"]
    return "\r\n".join(lines)


def at(bank):
    found = Account.objects.filter(bank=bank).values_list("external_id", "credit_line", "preapproved_at")
    return sorted(found, key=lambda one: one[0])


def test_a_queued_file_becomes_what_one_loaded_at_once_does(queued, settings):
    """S4-R5: 202 and a task; its end and its errors are those of the answer that S4-B14 describes."""
    other = Partner()
    for one in (queued, other):
        one.customer("old", "1.00")

    answer = upload(queued, a_file())
    first = task_of(queued, answer).json()
    work()
    done = task_of(queued, answer).json()
    settings.USE_CELERY = False
    at_once = upload(other, a_file()).json()

    found = Load.objects.get()
    assert (answer.status_code, answer.json()) == (202, {"task_id": str(found.pk)})
    assert (first["state"], first["percent"], first["created"], first["errors"]) == ("reading", 0, 0, [])
    assert (first["kind"], first["bank"], first["size"]) == ("customers", str(queued.bank.pk), len(a_file()))
    assert (done["state"], done["percent"], done["fault"]) == ("done", 100, "")
    assert done["errors"] == at_once["errors"]
    assert (done["created"], done["bad"]) == (len(at_once["created"]), len(at_once["errors"]))
    assert done["errors_after"] is None
    assert done["finished_at"] is not None
    assert at(queued.bank) == at(other.bank)
    parts = LoadPart.objects.filter(owner=found)
    assert parts.filter(phase="read").count() > 3
    assert parts.filter(phase="store").count() > 3
    assert not LoadRow.objects.exists()
    assert found.file is None
    assert not sealed_files()
    started, finished = AuditLog.objects.filter(target_id=str(found.pk)).order_by("id")
    assert (started.action, finished.action) == ("load.started", "load.finished")
    assert finished.facts["created"] == done["created"]


def test_bad_lines_come_in_pages(queued, monkeypatch):
    monkeypatch.setattr(selectors, "LINES_MAX", 2)
    answer = upload(queued, "a\nb\nc,1\nd\n\ne\nf\n")
    work()

    pages, after = [], 0
    while after is not None:
        page = task_of(queued, answer, after=after).json()
        pages.append([int(one.split()[1].strip(":")) for one in page["errors"]])
        after = page["errors_after"]

    assert pages == [[1, 2], [4, 6], [7]]
    assert {task_of(queued, answer, after=wrong).status_code for wrong in ("x", "-1", "9" * 11, "٣")} == {400}


def test_only_the_bank_of_a_task_sees_it(queued, make_user, client_of):
    answer = upload(queued, "a,1\n")
    manager, another = make_user(), make_user()
    queued.bank.manager = manager
    queued.bank.save()
    make_bank_of(another)
    unscoped = Partner(queued.bank, scopes=["webhooks"])

    address = f"/api/tasks/{answer.json()['task_id']}/"

    assert client_of(manager).get(address).status_code == 200
    assert [client_of(another).get(address).status_code, Partner().get(address).status_code] == [404, 404]
    assert unscoped.get(address).status_code == 403
    assert client_of(None).get(address).status_code == 401
    assert queued.get(f"/api/tasks/{uuid.uuid4()}/").status_code == 404


def test_workers_at_once_and_twice_store_nothing_twice(queued):
    """A broker may deliver twice (design.md section 5)."""
    upload(queued, a_file(120))

    while parts := open_parts():
        calls = [lambda pk=pk: running.run_part(pk) for pk in [*parts[:3], *parts[:3]]]
        assert in_parallel(*calls) == [None] * len(calls)

    names = [name for name, _, _ in at(queued.bank)]
    assert len(names) == len(set(names)) == 120
    assert Load.objects.get().state == "done"
    assert [name for name in names if not name.startswith("c-")] == ["\\N", "c,20", "old"]


def test_the_same_file_is_the_same_task_while_it_is_under_way(queued):
    first, again = upload(queued, "a,1\nb,2\n"), upload(queued, "a,1\nb,2\n")
    assert first.json() == again.json()
    assert Load.objects.count() == len(sealed_files()) == 1
    work()

    later = upload(queued, "a,1\nb,2\n")
    work()

    assert later.json() != first.json()
    done = task_of(queued, later).json()
    assert (done["created"], done["bad"]) == (0, 2)
    assert [name for name, _, _ in at(queued.bank)] == ["a", "b"]


def test_without_a_broker_the_file_is_loaded_at_once(queued, no_broker):
    """E-S4-12, BUG-S4-12: and a job that reaches a worker late finds nothing to do."""
    queued.customer("old", "1.00")

    answer = upload(queued, a_file())

    assert answer.status_code == 200
    assert len(answer.json()["created"]) == 39
    assert "Line 4: expected 2 or 3 columns, found 1." in answer.json()["errors"]
    load_row = Load.objects.get()
    assert (load_row.state, load_row.file) == ("done", None)
    done = queued.get(f"/api/tasks/{load_row.pk}/").json()
    assert (done["created"], done["bad"], done["percent"]) == (39, 6, 100)
    before = stored()
    for part in LoadPart.objects.all():
        tasks.load_part(part.pk)
    assert stored() == before


def test_without_a_broker_a_large_file_goes_to_this_processes_threads(queued, no_broker, monkeypatch):
    monkeypatch.setattr(imports, "LINES_MAX", 3)

    answer = upload(queued, "a,1\nb,2\nc,3\nd,4\n")

    assert answer.status_code == 202
    assert task_of(queued, answer).json()["state"] == "done"


def test_a_worker_that_has_begun_is_left_at_it(queued, monkeypatch):
    """BUG-S4-12: the queue took the job, and its answer was lost."""

    def lost(task, **kwargs):
        task(**kwargs)
        return False

    monkeypatch.setattr(jobs, "published", lost)

    answer = upload(queued, a_file())

    assert answer.status_code == 202
    work()
    assert task_of(queued, answer).json()["state"] == "done"
    assert len(at(queued.bank)) == 40


def test_files_that_are_none_are_refused_before_they_are_queued(queued):
    before = stored()

    for content in (b"\x89PNG\x00", "a,1\n".encode("utf-16"), b""):
        answer = upload(queued, content)
        assert (answer.status_code, list(answer.json())) == (400, ["file"])

    assert stored() == before
    assert not Load.objects.exists()
    assert not sealed_files()


def test_without_workers_a_large_file_is_a_task_too(partner, monkeypatch):
    monkeypatch.setattr(imports, "LINES_MAX", 3)

    small, large = upload(partner, "a,1\nb,2\n"), upload(partner, "c,1\nd,2\ne,3\na,4\n")

    assert small.json() == {"created": ["a", "b"], "errors": []}
    assert large.status_code == 202
    done = task_of(partner, large).json()
    assert (done["state"], done["created"], done["bad"]) == ("done", 3, 1)


def test_a_part_that_nobody_works_on_is_taken_up(queued, settings):
    answer = upload(queued, a_file())
    tasks.load_part(open_parts()[0])
    assert sweeping.resume_stuck() == 0
    LoadPart.objects.update(touched_at=LoadPart.objects.first().touched_at - timedelta(minutes=2))
    settings.USE_CELERY = False  # What is enqueued now runs at once.

    assert tasks.resume_loads() > 1

    assert task_of(queued, answer).json()["state"] == "done"
    assert sweeping.resume_stuck() == 0


def test_a_storage_that_is_away_is_waited_for(queued, monkeypatch):
    answer = upload(queued, a_file())
    opened = vault.open_file

    def away(stored_file):
        raise vault.StorageAway

    monkeypatch.setattr(vault, "open_file", away)
    for _ in range(running.TRIES_MAX * 2):
        with pytest.raises(vault.StorageAway):
            running.run_part(open_parts()[0])
    monkeypatch.setattr(vault, "open_file", opened)
    work()

    assert task_of(queued, answer).json()["state"] == "done"


def test_what_kills_workers_is_given_up_one_day(queued, monkeypatch):
    answer = upload(queued, a_file())
    first = open_parts()[0]

    def dies(self, good):
        raise MemoryError

    monkeypatch.setattr(customers.CustomersKind, "store", dies)
    for _ in range(running.TRIES_MAX):
        with pytest.raises(MemoryError):
            running.run_part(first)
    assert task_of(queued, answer).json()["state"] == "reading"
    running.run_part(first)

    failed = task_of(queued, answer).json()
    assert (failed["state"], failed["fault"]) == ("failed", "Part 0 of the file failed 5 times.")
    assert not sealed_files()
    assert AuditLog.objects.filter(action="load.failed").count() == 1
    work_left = open_parts()
    monkeypatch.undo()
    for part_id in work_left:
        running.run_part(part_id)
    assert at(queued.bank) == []
    assert upload(queued, a_file()).json() != answer.json()


def test_a_stored_file_that_is_damaged_is_said_to_be(queued, monkeypatch):
    answer = upload(queued, a_file())

    def damaged(stored_file):
        raise vault.FileDamaged

    monkeypatch.setattr(vault, "open_file", damaged)
    running.run_part(open_parts()[0])

    failed = task_of(queued, answer).json()
    assert (failed["state"], failed["fault"][:15]) == ("failed", "The stored file")


def test_a_book_is_loaded_by_workers_as_by_the_command(committed, tmp_path, monkeypatch, settings):
    settings.USE_CELERY = True
    monkeypatch.setattr(starting, "PART", 500)
    path = write(tmp_path, book([*numbered(30), "x", *numbered(10, 31)]))

    said, _ = load(path, queue=True, bank_name="First")
    again, _ = load(path, queue=True)
    found = Load.objects.get()
    assert f"task {found.pk}: workers load book.csv into First" in said
    assert str(found.pk) in again
    with pytest.raises(CommandError, match="loaded by workers"):
        load(path)
    work()

    found.refresh_from_db()
    assert (found.state, found.file) == ("done", None)
    assert found.parts.count() > 3
    assert sorted(int(one) for one in Loan.objects.values_list("current_loan_amount", flat=True)) == list(range(1, 41))
    assert list(LoadLine.objects.values_list("line", "fault")) == [(32, "it has 1 cells, the first line 19.")]


def test_a_killed_worker_loses_nothing_and_another_one_goes_on(queued, committed, tmp_path, monkeypatch):
    """kill -9 of a worker in the middle of a part."""
    monkeypatch.setattr(uploads, "PART", 10**8)
    monkeypatch.setattr(customers, "IN_A_BUCKET", 20_000)
    count = 8_000
    answer = upload(queued, "".join(f"customer-{number},{number}.00\n" for number in range(count)))
    jobs.app.control.purge()
    tasks.load_part.apply_async(kwargs={"part_id": open_parts()[0]})
    options = ["--pool=solo", "--loglevel=WARNING", "--without-gossip", "--without-mingle"]
    command, environment = of_its_own(committed, "-m", "celery", "-A", "djangocrud.celery", "worker", *options)
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not LoadPart.objects.filter(position__gt=0, is_done=False).exists():
            assert worker.poll() is None, (tmp_path / "worker.log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "worker.log").read_text()
            time.sleep(0.005)
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    left = LoadPart.objects.order_by("pk").first()
    assert 0 < left.line < count
    assert LoadRow.objects.count() == left.rows_good

    work()

    done = task_of(queued, answer).json()
    assert (done["state"], done["created"], done["bad"]) == ("done", count, 0)
    names = Account.objects.filter(bank=queued.bank).values_list("external_id", flat=True)
    assert len(names) == len(set(names)) == count
