"""`/api/statements/`: a month's lines make the closing balance out of the opening one, in every form."""

import csv
import io
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import orjson
import pypdfium2
import pytest

from backend.banking import ledger
from backend.banking.models import Account, Entry, PostingKind
from backend.banking.selectors import statements as selectors
from backend.banking.services import statements
from backend.banking.tests.factories import make_bank, move
from backend.banking.tests.people_factories import account_of, send

pytestmark = pytest.mark.django_db

# Noon UTC on days around the turns of months; the last of January at 23:30 UTC is February in Helsinki.
HISTORY = [
    (datetime(2026, 1, 5, 12, tzinfo=UTC), "100.00", PostingKind.DEPOSIT),
    (datetime(2026, 1, 31, 23, 30, tzinfo=UTC), "-30.00", PostingKind.WITHDRAWAL),
    (datetime(2026, 2, 1, 0, 0, tzinfo=UTC), "7.00", PostingKind.DEPOSIT),
    (datetime(2026, 3, 31, 21, 30, tzinfo=UTC), "3.00", PostingKind.DEPOSIT),
]


@pytest.fixture
def in_the_past(monkeypatch):
    """Return a function that posts what happened, with the ledger's clock at its time."""

    def make(account, history=HISTORY):
        for at, amount, kind in history:
            clock = type("Then", (datetime,), {"now": classmethod(lambda cls, zone, at=at: at)})
            monkeypatch.setattr(ledger, "datetime", clock)
            move(account, amount, kind=kind)
        monkeypatch.setattr(ledger, "datetime", datetime)
        Account.objects.filter(pk=account.pk).update(created_at=history[0][0])

    return make


@pytest.fixture
def ana(make_user):
    return make_user(first_name="Ana", last_name="Silva")


def read(client, account, month, form=""):
    answer = client.get(f"/api/statements/{account.pk}/{month}/{form and f'?format={form}'}")
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def made(client, account, month):
    return orjson.loads(read(client, account, month))


@pytest.mark.parametrize(
    ("zone", "months"),
    [
        ("UTC", {"2026-01": ("0.00", 2, "70.00"), "2026-02": ("70.00", 1, "77.00"), "2026-03": ("77.00", 1, "80.00")}),
        (
            "Europe/Helsinki",
            {"2026-01": ("0.00", 1, "100.00"), "2026-02": ("100.00", 2, "77.00"), "2026-04": ("77.00", 1, "80.00")},
        ),
    ],
)
def test_each_months_lines_add_up_and_the_months_follow_each_other(client_of, ana, zone, months, in_the_past):
    account = account_of(ana, bank=make_bank(time_zone=zone))
    in_the_past(account)
    client = client_of(ana)

    for month, (opening, lines, closing) in months.items():
        found = made(client, account, month)
        assert (found["opening_balance"], len(found["lines"]), found["closing_balance"]) == (opening, lines, closing)
        assert found["is_final"] is True
    listed = [row["month"] for row in client.get(f"/api/statements/?account={account.pk}").json()]
    assert listed == sorted(listed, reverse=True)
    whole = [made(client, account, month) for month in reversed(listed)]
    for before, after in zip(whole, whole[1:], strict=False):
        assert before["closing_balance"] == after["opening_balance"]
    for one in whole:
        moved = sum((Decimal(line["amount"]) for line in one["lines"]), Decimal(one["opening_balance"]))
        assert moved == Decimal(one["closing_balance"])
        assert [line["balance"] for line in one["lines"]][-1:] in ([], [one["closing_balance"]])


def test_the_border_of_a_month_is_found_by_halving_wherever_it_lies(ana, in_the_past):
    account = account_of(ana)
    in_the_past(account, [(datetime(2026, 1, 1 + n, tzinfo=UTC), "1.00", PostingKind.DEPOSIT) for n in range(20)])
    ids = list(Entry.objects.filter(account=account).order_by("id").values_list("id", flat=True))

    for n in range(21):
        border = selectors.border_at(account, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n))
        assert [pk for pk in ids if pk < border] == ids[:n]
    assert selectors.border_at(account_of(ana), datetime(2026, 2, 1, tzinfo=UTC)) == 0


def test_the_present_month_goes_as_far_as_it_has_come_and_names_the_other_side(client_of, ana, make_user):
    account, other = account_of(ana, balance="50.00"), account_of(make_user(first_name="Bob", last_name="Lopez"))
    send(account, other, "20.00", payee_name="Bobby", memo="=1+1")
    month = f"{datetime.now(UTC):%Y-%m}"
    client = client_of(ana)

    found = made(client, account, month)

    line = found["lines"][-1]
    assert (found["is_final"], found["holder"], found["closing_balance"]) == (False, "Ana Silva", "30.00")
    assert (line["what"], line["amount"], line["counterparty"], line["memo"]) == ("transfer", "-20.00", "Bobby", "=1+1")
    theirs = made(client_of(other.customer.user), other, month)["lines"][0]
    assert (theirs["counterparty"], theirs["counterparty_account"]) == ("Ana Silva", account.account_number)


def test_the_table_begins_and_ends_with_the_balances_and_holds_no_formula(client_of, ana, make_user):
    account = account_of(ana, balance="50.00")
    send(account, account_of(make_user()), "20.00", payee_name="@evil", memo="=1+1")

    text = read(client_of(ana), account, f"{datetime.now(UTC):%Y-%m}", "csv").decode()

    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["what"], row["amount"], row["balance"]) for row in rows] == [
        ("Opening balance", "", "0.00"),
        ("Opening", "50.00", "50.00"),
        ("Transfer", "-20.00", "30.00"),
        ("Closing balance", "", "30.00"),
    ]
    assert (rows[2]["counterparty"], rows[2]["memo"]) == ("'@evil", "'=1+1")


def test_the_pdf_says_the_same_in_any_script(client_of, ana, make_user):
    account = account_of(ana, balance="50.00")
    send(account, account_of(make_user()), "20.00", payee_name="Γιάννης", memo="<b>Lunch</b> " * 8)

    pdf = read(client_of(ana), account, f"{datetime.now(UTC):%Y-%m}", "pdf")

    text = " ".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf))
    words = ["Opening balance", "50.00", "-20.00", "30.00", "Closing balance", "Γιάννης", "<b>Lunch</b>", "Ana Silva"]
    assert [word for word in words if word not in text] == []


def test_a_long_month_is_read_a_piece_at_a_time_and_is_no_pdf(
    ana, client_of, monkeypatch, django_assert_max_num_queries
):
    account = account_of(ana)
    for _ in range(7):
        move(account, "1.00")
    monkeypatch.setattr(selectors, "CHUNK", 3)
    monkeypatch.setattr(statements, "PDF_LINES_MAX", 6)
    month, client = f"{datetime.now(UTC):%Y-%m}", client_of(ana)
    client.get("/api/accounts/")

    with django_assert_max_num_queries(9):
        assert len(made(client, account, month)["lines"]) == 7
    assert client.get(f"/api/statements/{account.pk}/{month}/?format=pdf").json()["code"] == "statement.too_long"


def test_what_there_is_no_statement_of_is_not_found(client_of, ana, make_user):
    account, theirs = account_of(ana), account_of(make_user())
    client = client_of(ana)
    now = datetime.now(UTC).date()
    later = date(now.year + 1, now.month, 1)

    def ask(one, month, query=""):
        return client.get(f"/api/statements/{one}/{month}/{query}").status_code

    this = f"{now:%Y-%m}"
    assert [ask(theirs.pk, this), ask(uuid.uuid4(), this)] == [404, 404]
    assert [ask(account.pk, month) for month in (f"{later:%Y-%m}", "1999-01", "2026-13", "2026-1", "now")] == [404] * 5
    assert ask(account.pk, this, "?format=xls") == 400
    assert client.get(f"/api/statements/?account={theirs.pk}").status_code == 404
