"""Proving the books: what somebody changed behind the guards' back is found and named; what is right is not."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from backend.audit.models import SecurityEvent
from backend.banking import facts, ledger, tasks, verification
from backend.banking.models import Account, Door, Entry, Hold, LedgerFinding, LedgerPatrol, LoanState, Posting
from backend.banking.services import patrolling
from backend.banking.services.postings import reverse_posting
from backend.banking.tests.factories import fund, make_account, make_bank, make_loan, move, pay, transfer
from backend.common.unit_of_work import unit_of_work
from backend.realtime.models import Event


@contextmanager
def unguarded():
    """Let somebody who owns the tables at the rows, as a thief with the database's password would be; undone behind."""
    with transaction.atomic(), connection.cursor() as cursor:
        # What is deferred is checked now: until then PostgreSQL changes no trigger.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        for table in verification.GUARDS:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield cursor
        transaction.set_rollback(True)


@pytest.fixture
def books(db):
    """A bit of everything, in two banks and two currencies; the things by name."""
    bank = make_bank()
    ana, ben = make_account(bank, balance=100, credit_line=5000), make_account(bank, balance=50)
    euros = make_account(bank, balance=7, currency="EUR")
    loan = make_loan(ana, 600)
    paid = pay(ana, 200)
    pay(ana, 5000)
    make_loan(ana, 50, state=LoanState.PENDING)
    make_loan(ana, 70, state=LoanState.CHARGED_OFF)
    make_loan(ben, 80, door=Door.CUSTOMER)
    sent = transfer(ana, ben, 30)
    back = reverse_posting(actor_id=None, posting_id=transfer(ben, ana, 1).pk, reason="a slip")
    undone = pay(ana, 100)
    reverse_posting(actor_id=None, posting_id=undone.posting_id, reason="it bounced")
    with unit_of_work():
        (locked,) = ledger.lock_accounts(ana.pk)
        hold = ledger.hold(account=locked, amount=Decimal(5), reason="a check", expires_at=None)
    entry = Entry.objects.filter(posting=sent).order_by("id")[0]
    activated = Posting.objects.filter(kind="loan_activation").order_by("id")[0]
    return {"bank": bank, "another": make_bank(), "ana": ana, "ben": ben, "euros": euros, "loan": loan, "paid": paid,
            "sent": sent, "entry": entry, "back": back, "hold": hold, "activated": activated}  # fmt: skip


def found():
    return [(finding.kind, finding.subject) for finding in verification.prove().findings]


def test_books_that_are_right_prove_out(books):
    report = verification.prove()

    assert (report.findings, report.accounts) == ([], 3)
    assert report.postings == 13


WRONGS = [
    ("banking_entry SET amount = amount + 1 WHERE id = '{entry}'", "unbalanced", "posting {sent}"),
    ("banking_entry SET bank_id = '{another}' WHERE id = '{entry}'", "misplaced", "entry {entry}"),
    ("banking_entry SET balance_after = balance_after + 1 WHERE id = '{entry}'", "balance_after", "account {ana}"),
    ("banking_posting SET reverses_id = '{sent}' WHERE id = '{back}'", "mirror", "posting {back}"),
    ("banking_account SET balance = balance + 1 WHERE account_id = '{ana}'", "balance", "account {ana}"),
    ("banking_account SET balance = balance + 1 WHERE account_id = '{ana}'", "trial balance", "bank {bank}"),
    ("banking_account SET held = held - 1 WHERE account_id = '{ana}'", "held", "account {ana}"),
    ("banking_hold SET amount = amount + 1 WHERE id = '{hold}'", "held", "account {ana}"),
    (
        "banking_hold SET state = 'captured', decided_at = now(), posting_id = '{activated}' WHERE id = '{hold}'",
        "hold",
        "hold {hold}",
    ),
    ("banking_paymentdetail SET amount = amount + 1 WHERE payment_id = '{paid}'", "payment", "payment {paid}"),
    ("banking_loan SET outstanding = outstanding - 1 WHERE loan_id = '{loan}'", "loan", "loan {loan}"),
    ("banking_loan SET outstanding = outstanding - 1 WHERE loan_id = '{loan}'", "receivable", "bank {bank}"),
]


def test_what_does_not_add_up_is_named(books):
    names = {name: thing.pk for name, thing in books.items()}
    missed = []
    for wrong, kind, subject in WRONGS:
        with unguarded() as cursor:
            cursor.execute(f"UPDATE {wrong.format(**names)}")
            if (kind, subject.format(**names)) not in found():
                missed.append((wrong, kind))

    assert missed == []
    assert found() == []


def test_entries_that_are_gone_and_postings_that_are_gone_are_named(books):
    sent, back, entry = (books[name].pk for name in ("sent", "back", "entry"))
    with unguarded() as cursor:
        cursor.execute("DELETE FROM banking_entry WHERE posting_id = %s", [back])
        cursor.execute("DELETE FROM banking_posting WHERE id = %s", [sent])

        assert {("unbalanced", f"posting {back}"), ("stray", f"entry {entry}")} <= set(found())


@pytest.mark.parametrize("name", ["banking_posting_balances", "banking_entry_belongs", "banking_entry_only_grows"])
def test_a_guard_that_is_down_is_named(db, name):
    table = "banking_posting" if name.startswith("banking_posting") else "banking_entry"
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")

    assert found() == [("guard", f"trigger {name}")]


def test_the_whole_is_proved_in_pages(books, monkeypatch):
    monkeypatch.setattr(verification, "POSTINGS_PAGE", 2)
    monkeypatch.setattr(verification, "ACCOUNTS_PAGE", 1)
    Account.objects.filter(pk=books["ben"].pk).update(balance=1)

    report = verification.prove()

    assert report.accounts == 3
    assert ("balance", f"account {books['ben'].pk}") in [(one.kind, one.subject) for one in report.findings]


# The command


def run(name, *arguments):
    out = StringIO()
    try:
        call_command(name, *arguments, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_the_command_says_clean_or_names_the_first(committed):
    account = make_account(balance=10)
    assert run("verify_ledger")[0] == 0
    assert "1 postings, 1 accounts" in run("verify_ledger")[1]

    Account.objects.filter(pk=account.pk).update(balance=11)

    code, printed = run("verify_ledger")
    assert (code, printed.count(f"BROKEN, first account {account.pk}: it says 11.00")) == (3, 1)
    code, printed = run("verify_ledger", "--json")
    assert (code, json.loads(printed)["findings"][0]["kind"]) == (3, "balance")


# The patrol


@pytest.fixture
def patrol(monkeypatch):
    """The patrol within the test's own transaction."""
    monkeypatch.setattr(verification, "one_moment", lambda: unit_of_work())
    return lambda **sizes: [finding.kind for finding in patrolling.run(**sizes)]


def test_the_patrol_tells_of_each_finding_once(books, patrol):
    tasks.patrol_ledger()
    assert patrol() == []
    Account.objects.filter(pk=books["ana"].pk).update(balance=1000)

    assert patrol() == patrol() == ["balance", "trial balance"]

    events = SecurityEvent.objects.filter(event_type="LEDGER_CORRUPTION")
    assert sorted(events.values_list("severity", "metadata__subject")) == [
        ("CRITICAL", f"account {books['ana'].pk}"),
        ("CRITICAL", f"bank {books['bank'].pk}"),
    ]
    assert LedgerFinding.objects.count() == 2
    for desk in ("desk.auditor", "desk.bank_admin"):
        assert list(Event.objects.filter(topic__key=desk).values_list("kind", flat=True)) == ["ledger.broken"] * 2


def test_the_patrol_goes_round_in_stretches(books, patrol):
    """Three accounts, one at a time; thirteen postings by three. Banks as wholes end the round, and it begins anew."""
    second = sorted([books["ana"].pk, books["ben"].pk, books["euros"].pk])[1]
    Account.objects.filter(pk=second).update(held=1, balance=1000)
    first_posting = Posting.objects.order_by("id")[0].pk
    LedgerPatrol.objects.create(posting_id=first_posting - 1)

    seen = [patrol(postings=3, accounts=1) for _ in range(5)]

    assert [("held" in kinds, "trial balance" in kinds) for kinds in seen] == [
        (False, False), (True, False), (False, False), (False, False), (False, True),
    ]  # fmt: skip
    patrolled = LedgerPatrol.objects.get()
    assert (patrolled.rounds, patrolled.posting_id, patrolled.account_id) == (1, 0, None)


def test_the_patrol_reads_one_moment(committed):
    make_account(balance=10)
    assert patrolling.run() == []
    assert LedgerPatrol.objects.get().rounds == 1


# Holds by the clock


def hold_on(account, minutes):
    expires_at = None if minutes is None else datetime.now(UTC) + timedelta(minutes=minutes)
    with unit_of_work():
        (locked,) = ledger.lock_accounts(account.pk)
        return ledger.hold(account=locked, amount=Decimal(10), reason="a check", expires_at=expires_at)


@pytest.mark.django_db
def test_holds_whose_time_ran_out_are_given_back():
    account = make_account(balance=100)
    late, early, never = (hold_on(account, minutes) for minutes in (-1, 5, None))

    tasks.expire_holds()
    tasks.expire_holds()

    states = dict(Hold.objects.values_list("pk", "state"))
    assert states == {late.pk: "expired", early.pk: "pending", never.pk: "pending"}
    assert Account.objects.get(pk=account.pk).held == 20
    assert verification.prove().is_clean


@pytest.mark.django_db
def test_a_hold_that_belongs_to_something_is_its_owners_to_decide(monkeypatch):
    hold = hold_on(make_account(balance=100), -1)
    monkeypatch.setattr(facts.hold_due, "_listeners", [lambda due: due.claim()])

    tasks.expire_holds()

    assert Hold.objects.get(pk=hold.pk).state == "pending"


# Reversals by hand


@pytest.mark.django_db
def test_the_command_reverses_a_posting():
    account = make_account(balance=100)
    slip = move(account, 10)

    code, printed = run("reverse_posting", str(slip.pk), "--reason", "booked twice")

    assert (code, f"posting {slip.pk} is reversed by" in printed) == (0, True)
    assert Account.objects.get(pk=account.pk).balance == 100
    with pytest.raises(CommandError, match="already_reversed"):
        run("reverse_posting", str(slip.pk), "--reason", "again")
    assert fund(account, 1).pk
