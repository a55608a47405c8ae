"""Handing in a file, looking at what was found in it, and loading it: HTTP, jobs and PostgreSQL."""

import codecs
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from unittest.mock import ANY

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from backend.audit.models import AuditLog
from backend.budget import tasks
from backend.budget.models import Entry, Import, ImportChunk, ImportLine
from backend.budget.services import imports, loading
from backend.budget.services.budgets import set_budget
from backend.budget.tests.factories import budget_notices, groceries, make_expense, today
from backend.common import jobs
from backend.identity.principals import principal_of
from backend.tests.commits import in_parallel

URL = "/api/management/import/"
HEAD = "date,time,type,title,description,amount,category,subcategory\n"


def line(number: int, **changes) -> str:
    fields = {"date": f"2026-01-{number % 28 + 1:02}", "title": f"Shop {number}", "amount": f"{number}.50", **changes}
    return f"{fields['date']},,expense,{fields['title']},,{fields['amount']},Food,Groceries\n"


def hand_in(client, text: str, name: str = "bank.csv"):
    return client.post(URL, {"file": SimpleUploadedFile(name, text.encode())}, format="multipart")


def commit(client, import_id: str):
    return client.post(f"{URL}{import_id}/commit/")


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(loading, "CHECKED_AT_ONCE", 7)
    monkeypatch.setattr(loading, "LOADED_AT_ONCE", 5)
    monkeypatch.setattr(imports, "PIECE", 700)


def a_file() -> str:
    """Twenty-three entries: one is bad, one is written twice, and one is in the user's book already (line 4)."""
    return HEAD + "".join(line(number) for number in range(1, 20)) + line(20, amount="-") + line(21) * 2 + line(22)


@pytest.fixture
def known(committed, make_user):
    user = make_user()
    midnight = datetime.min.time()
    make_expense(user, title="Shop 3", amount=Decimal("3.50"), creation_date=date(2026, 1, 4), creation_time=midnight)
    return user


def test_a_file_is_checked_line_by_line_and_nothing_is_loaded(known, client_of, small_batches):
    client, text, names = client_of(known), a_file(), HEAD.strip().split(",")

    handed_in = hand_in(client, text)

    assert (handed_in.status_code, client.get(f"{URL}{handed_in.json()['id']}/").json()) == (201, handed_in.json())
    assert handed_in.json() == {
        "id": ANY,
        "name": "bank.csv",
        "size": len(text),
        "state": "ready",
        "created_at": ANY,
        "layout": {
            "delimiter": ",",
            "header_line": 1,
            "header": names,
            "width": 8,
            "columns": {name: place for place, name in enumerate(names)},
            "date_format": "YYYY-MM-DD",
            "date_formats_possible": ["YYYY-MM-DD"],
            "decimal": ".",
            "unsigned_as": "expense",
            "unknown_categories": "report",
            "missing": [],
        },
        "sample": [row.split(",") for row in text.splitlines()[:10]],
        "lines_total": 24,
        "lines_done": 24,
        "percent": 100,
        "rows_good": 22,
        "rows_bad": 1,
        "rows_duplicate": 0,
        "lines": [{"line": 21, "outcome": "bad", "reason": ANY}],
    }
    assert Entry.objects.count() == 1


def test_good_lines_are_loaded_and_the_same_file_adds_nothing(known, client_of, small_batches):
    client = client_of(known)
    found = hand_in(client, a_file()).json()

    loaded = commit(client, found["id"])

    done = client.get(f"{URL}{found['id']}/").json()
    stored = Entry.objects.get(title="Shop 7")
    assert (loaded.status_code, done["state"], done["percent"]) == (202, "done", 100)
    assert (done["rows_good"], done["rows_bad"], done["rows_duplicate"]) == (20, 1, 2)
    assert [(row["line"], row["outcome"]) for row in done["lines"]] == [
        (4, "duplicate"),
        (21, "bad"),
        (23, "duplicate"),
    ]
    assert Entry.objects.filter(user=known).count() == 21
    assert (stored.amount, stored.creation_date) == (Decimal("7.50"), date(2026, 1, 8))
    assert stored.subcategory_id == groceries().pk
    assert not ImportChunk.objects.exists()

    again = hand_in(client, a_file()).json()
    commit(client, again["id"])

    done = client.get(f"{URL}{again['id']}/").json()
    lines = client.get(f"{URL}{again['id']}/lines/?outcome=duplicate&after=10").json()
    assert (done["rows_good"], done["rows_bad"], done["rows_duplicate"]) == (0, 1, 22)
    assert [row["line"] for row in lines] == [*range(11, 21), 22, 23, 24]
    assert Entry.objects.filter(user=known).count() == 21
    assert AuditLog.objects.filter(action="entries.imported", actor_id=known.pk).count() == 2
    assert AuditLog.objects.filter(action="expense.created").count() == 1


def test_a_layout_found_wrongly_is_corrected(committed, make_user, client_of):
    client = client_of(make_user())
    text = "when,what,for,much\n01/02/2026,Shop,x,5\n03/02/2026,Cinema,y,7\n"
    found = hand_in(client, text).json()
    assert found["layout"]["date_formats_possible"] == ["DD/MM/YYYY", "MM/DD/YYYY"]
    address = f"{URL}{found['id']}/"

    refused = [
        client.put(address, body)
        for body in (
            {"columns": {"date": 9}},
            {"columns": {"when": 0}},
            {"date_format": "soon"},
            {"columns": {"date": -1}},
        )
    ]
    nothing_known = client.put(address, {"columns": {"title": 1}})
    uncommitted = commit(client, found["id"])
    columns = {"date": 0, "title": 1, "amount": 3}
    corrected = client.put(address, {"columns": columns, "date_format": "MM/DD/YYYY", "unsigned_as": "income"})

    assert [answer.status_code for answer in refused] == [400] * 4
    assert nothing_known.json()["layout"]["missing"] == ["date", "amount"]
    assert (uncommitted.status_code, uncommitted.json()["code"]) == (409, "import.not_ready")
    assert (corrected.status_code, corrected.json()["state"], corrected.json()["rows_good"]) == (200, "ready", 2)
    commit(client, found["id"])
    assert sorted(Entry.objects.values_list("kind", "title", "creation_date")) == [
        ("income", "Cinema", date(2026, 3, 2)),
        ("income", "Shop", date(2026, 1, 2)),
    ]
    assert client.put(address, {"decimal": ","}).status_code == 409
    assert commit(client, found["id"]).status_code == 202, "what is done is done once"
    assert Entry.objects.count() == 2


def test_what_is_no_table_is_refused_and_leaves_nothing(committed, make_user, client_of, monkeypatch):
    client = client_of(make_user())
    monkeypatch.setattr(imports, "SIZE_MAX", 1000)

    answers = [
        hand_in(client, ""),
        hand_in(client, "\n\n"),
        hand_in(client, "\x00\x01\x02" * 9),
        hand_in(client, HEAD + line(1) * 100),
        client.post(URL, {"file": "text"}, format="multipart"),
        client.post(URL, {}, format="multipart"),
    ]
    as_json = client.post(URL, {"file": "x"}, format="json")

    assert [(answer.status_code, list(answer.json())) for answer in answers] == [(400, ["file"])] * 6
    assert as_json.status_code == 415
    assert (Import.objects.count(), ImportChunk.objects.count()) == (0, 0)


def test_the_body_may_be_the_file(committed, make_user, client_of):
    client = client_of(make_user())
    text = codecs.BOM_UTF8 + (HEAD + line(1)).encode()

    answer = client.post(URL, text, content_type="text/csv")

    assert (answer.status_code, answer.json()["state"], answer.json()["rows_good"]) == (201, "ready", 1)


def test_nobody_sees_or_loads_anothers_file(committed, make_user, client_of):
    found = hand_in(client_of(make_user()), HEAD + line(1)).json()
    stranger = client_of(make_user())
    address = f"{URL}{found['id']}/"

    answers = [
        stranger.get(address),
        stranger.put(address, {"decimal": ","}),
        stranger.delete(address),
        stranger.get(f"{address}lines/"),
        commit(stranger, found["id"]),
    ]

    assert [answer.status_code for answer in answers] == [404] * 5
    assert stranger.get(URL).json() == []
    assert Import.objects.get().state == "ready"
    assert not Entry.objects.exists()


def test_files_that_wait_are_few(committed, make_user, client_of):
    client = client_of(make_user())
    waiting = [hand_in(client, HEAD + line(1)).status_code for _ in range(imports.WAITING_MAX)]

    refused = hand_in(client, HEAD + line(1))
    deleted = client.delete(f"{URL}{Import.objects.first().pk}/")
    accepted = hand_in(client, HEAD + line(1))

    assert (set(waiting), refused.status_code, deleted.status_code, accepted.status_code) == ({201}, 409, 204, 201)


def test_a_job_that_died_is_taken_up_where_it_stopped(committed, make_user, client_of, small_batches, monkeypatch):
    """The worker dies in the third batch; the sweep finds the import a while later; nothing is doubled."""
    user = make_user()
    client = client_of(user)
    found = hand_in(client, HEAD + "".join(line(number) for number in range(1, 31))).json()
    left, take = [3], loading._take

    def die_in_the_third(*arguments):
        left[0] -= 1
        if not left[0]:
            raise RuntimeError("the machine is gone")
        take(*arguments)

    monkeypatch.setattr(loading, "_take", die_in_the_third)
    commit(client, found["id"])
    halfway = client.get(f"{URL}{found['id']}/").json()
    monkeypatch.setattr(loading, "_take", take)
    assert imports.resume_stuck() == 0, "it may still be alive"
    Import.objects.update(touched_at=datetime.now(UTC) - timedelta(minutes=3))

    resumed = imports.resume_stuck()

    done = client.get(f"{URL}{found['id']}/").json()
    assert (halfway["state"], halfway["lines_done"], halfway["percent"], halfway["rows_good"]) == (
        "loading",
        11,
        35,
        10,
    )
    assert (resumed, done["state"], done["rows_good"], done["rows_duplicate"]) == (1, "done", 30, 0)
    assert Entry.objects.filter(user=user).count() == 30


def test_a_job_delivered_twice_and_a_second_click_load_once(committed, make_user, client_of, small_batches, settings):
    user = make_user()
    client = client_of(user)
    found = hand_in(client, HEAD + "".join(line(number) for number in range(1, 31))).json()
    actor, pk = principal_of(user), Import.objects.get().pk

    clicks = in_parallel(*[lambda: imports.commit_import(actor=actor, import_id=pk) for _ in range(3)])
    run = Import.objects.get().run
    again = in_parallel(*[lambda: tasks.load_import(str(pk), run) for _ in range(2)])

    assert {one.pk for one in clicks} == {pk}
    assert again == [None, None]
    assert client.get(f"{URL}{found['id']}/").json()["rows_good"] == 30
    assert Entry.objects.filter(user=user).count() == 30
    assert AuditLog.objects.filter(action="entries.imported").count() == 1


def test_the_same_file_loaded_by_two_workers_at_once_is_loaded_once(
    committed, make_user, client_of, small_batches, settings, monkeypatch
):
    user = make_user()
    client = client_of(user)
    text = HEAD + "".join(line(number) for number in range(1, 31))
    ids = [hand_in(client, text).json()["id"] for _ in range(2)]
    monkeypatch.setattr(jobs, "enqueue", lambda *_, **__: None)
    for one in ids:
        commit(client, one)

    in_parallel(*[lambda one=one: tasks.load_import(one, Import.objects.get(pk=one).run) for one in ids])

    assert Entry.objects.filter(user=user).count() == 30
    good, doubled = zip(*Import.objects.values_list("rows_good", "rows_duplicate"), strict=True)
    assert (sum(good), sum(doubled)) == (30, 30)


def test_loading_tells_of_a_budget_that_it_spends_once(committed, make_user, client_of, small_batches):
    user = make_user()
    set_budget(actor=principal_of(user), category_id=groceries().category_id, amount=Decimal("100.00"))
    text = HEAD + "".join(line(number, date=today(), amount="10.00") for number in range(1, 13))
    old = HEAD + "".join(line(number, date="2020-01-05", amount="90.00") for number in range(1, 13))
    client = client_of(user)

    for one in (text, text, old):
        commit(client, hand_in(client, one).json()["id"])

    month = f"{today():%Y-%m}"
    assert budget_notices(user) == [(month, 80), (month, 100)]


def test_old_files_go_and_their_entries_stay(committed, make_user, client_of):
    client = client_of(make_user())
    found = hand_in(client, HEAD + line(1) + line(2, amount="x")).json()
    commit(client, found["id"])
    Import.objects.update(created_at=datetime.now(UTC) - imports.KEPT_FOR)

    assert tasks.purge() == 1

    assert (Import.objects.count(), ImportLine.objects.count(), Entry.objects.count()) == (0, 0, 1)


def test_one_that_fails_for_a_day_is_given_up(committed, make_user, client_of, monkeypatch):
    client = client_of(make_user())
    found = hand_in(client, HEAD + line(1)).json()
    long_ago = datetime.now(UTC) - imports.GIVEN_UP_AFTER
    Import.objects.update(state="loading", created_at=long_ago, touched_at=long_ago)

    assert imports.resume_stuck() == 0

    assert client.get(f"{URL}{found['id']}/").json()["state"] == "failed"


def test_what_is_exported_comes_back_as_duplicates(committed, make_user, client_of):
    user = make_user()
    client = client_of(user)
    make_expense(user, title="=HYPERLINK(1)", description='12" pizza, hot')
    make_expense(user, title="-5 +5", amount=Decimal("1.05"))

    exported = b"".join(client.get("/api/management/export.csv"))
    found = client.post(URL, exported, content_type="text/csv").json()
    commit(client, found["id"])

    done = client.get(f"{URL}{found['id']}/").json()
    assert b"\r\n2026-03-05,08:30:00,expense,'=HYPERLINK(1)," in exported
    assert b",'-5 +5," in exported
    assert (done["rows_good"], done["rows_bad"], done["rows_duplicate"]) == (0, 0, 2)
    assert io.BytesIO(exported).readline() == HEAD.replace("\n", "\r\n").encode()
