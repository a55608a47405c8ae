"""What a person may ask for of their transfers, the demo's accounts, and what a monthly statement tells."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection

from backend.banking.models import Account, Door, PostingKind, Schedule, Transfer
from backend.banking.services import payments, sent, statement_notices
from backend.banking.tests.factories import make_bank, make_loan, move
from backend.banking.tests.people_factories import account_of, plan, send
from backend.banking.verification import prove
from backend.budget.models import Entry as BudgetEntry
from backend.common import hooks
from backend.common.unit_of_work import unit_of_work
from backend.fraud.models import FraudAlert
from backend.identity.models import User
from backend.notifications.notices import KINDS, notice_from
from backend.realtime.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(make_user):
    return make_user(first_name="Ana", last_name="Silva")


@pytest.fixture
def bob(make_user):
    return make_user(first_name="Bob", last_name="Lopez")


@pytest.fixture
def theirs(ana, bob):
    bank = make_bank()
    mine, other = account_of(ana, bank=bank, balance="100.00"), account_of(bob, bank=bank, balance="100.00")
    send(mine, other, "5.00", payee_name="Bobby", memo="Lunch")
    send(other, mine, "7.00", payee_name="That Ana", memo="Change")
    plan(mine, other, payee_name="Bobby", memo="Rent")
    return mine, other


def exported(user):
    parts = {}
    sent.export_transfers(hooks.Export(user.pk, lambda name, rows: parts.__setitem__(name, list(rows))))
    return parts["banking/transfers.json"], parts["banking/scheduled_transfers.json"]


def test_an_export_has_what_one_sent_received_and_planned_and_no_name_that_is_not_ones_to_know(ana, bob, theirs):
    (out, into), (planned,) = exported(ana)

    assert (out["amount"], out["payee_name"], out["memo"]) == ("5.00", "Bobby", "Lunch")
    assert (into["amount"], into["payee_name"], into["source_last_name"]) == ("7.00", "", "Lopez")
    assert (planned["memo"], planned["rhythm"]) == ("Rent", "once")
    assert "Lopez" not in str([out, planned])  # of a payee stands there what the person wrote


def test_an_erasure_stops_plans_and_takes_away_what_the_person_wrote(ana, bob, theirs):
    with unit_of_work():
        hooks.person_erased(hooks.Erasure(ana.pk, "Former customer"))

    assert Schedule.objects.values_list("state", "payee_name", "memo").get() == ("cancelled", "", "")
    written = Transfer.objects.order_by("created_at").values_list("payee_name", "memo")
    assert list(written) == [("", ""), ("That Ana", "Change")]
    assert prove().findings == []


def test_whoever_has_money_or_money_under_way_does_not_leave(ana, theirs):
    said = []

    hooks.person_leaving(hooks.Leaving(ana.pk, said.append))

    assert "There is money on your accounts; take it out or send it on first." in said


def test_the_demo_customer_has_accounts_with_history_and_the_desk_something_to_decide(tmp_path):
    call_command("load_demo", file=tmp_path / "demo.json", verbosity=0)
    customer = User.objects.get(email="customer@demo.ease.example")
    mine = Account.objects.filter(customer__user=customer)
    first = (mine.count(), Transfer.objects.count(), Schedule.objects.count())

    call_command("load_demo", file=tmp_path / "demo.json", verbosity=0)

    assert (mine.count(), Transfer.objects.count(), Schedule.objects.count()) == first
    assert (first[0], first[2], customer.kyc_status) == (2, 1, "APPROVED")
    assert Transfer.objects.filter(state="held", source__in=mine).count() == 1
    assert FraudAlert.objects.filter(user=customer, status="OPEN").count() == 1
    assert prove().findings == []


def test_people_hear_once_of_each_month_that_has_ended(ana, bob):
    account, closed = account_of(ana), account_of(bob, status="closed")
    unborn = account_of(bob)
    old = datetime.now(UTC) - timedelta(days=40)
    Account.objects.filter(pk__in=[account.pk, closed.pk]).update(created_at=old)

    told = [statement_notices.tell_due() for _ in range(2)]

    assert told == [1, 0]
    (event,) = Event.objects.filter(kind="statement.ready")
    assert (event.payload["account_id"], event.topic.key) == (str(account.pk), f"user.{ana.pk}")
    assert Account.objects.get(pk=unborn.pk).statement_told is None


@pytest.mark.parametrize(
    "change", ["amount = 6.00", "state = 'voided', reason = 'rejected', posting_id = NULL, hold_id = NULL"]
)
def test_a_transfer_that_is_not_what_its_posting_says_is_found(ana, theirs, change):
    transfer = Transfer.objects.order_by("created_at").first()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE banking_transfer DROP CONSTRAINT banking_transfer_state_is_told_by_its_rows")
        cursor.execute(f"UPDATE banking_transfer SET {change} WHERE id = %s", [transfer.pk])  # noqa: S608 - ours

    found = [finding.subject for finding in prove().findings]

    assert found == ([f"transfer {transfer.pk}"] if "amount" in change else [])


def test_every_notice_says_in_words_what_happened_and_names_nobody():
    values = {"what": "deposit", "direction": "in", "will_retry": True, "code": "funds.insufficient", "posting_id": 1}
    kinds = [kind for kind in KINDS.values() if kind.__module__.endswith("transfer_notices")]

    for kind in kinds:
        notice = kind(**{field.name: values.get(field.name, "x") for field in fields(kind)})
        title, words = notice.in_words()
        assert (bool(title), bool(words), notice_from(notice.kind, notice.payload())) == (True, True, notice)
        assert {field.name for field in fields(kind)} & {"name", "counterparty", "payee_name", "memo"} == set()
    assert len(kinds) == 10


def test_what_other_doors_move_on_an_account_stands_in_the_budget_too(ana):
    account = account_of(ana, balance="50.00", in_budget=True)
    loan = make_loan(account, 200, door=Door.MANAGER)
    payments.pay(actor_id=None, account_id=account.pk, total_amount=Decimal("80.00"), from_balance=True)
    move(account, "-5.00", kind=PostingKind.WITHDRAWAL)

    booked = BudgetEntry.objects.filter(user=ana).order_by("amount").values_list("kind", "amount", "title")
    assert list(booked) == [
        ("expense", Decimal("5.00"), "Withdrawal"),
        ("income", Decimal("50.00"), "Opening balance"),
        ("expense", Decimal("80.00"), "Loan payment"),
        ("income", Decimal("200.00"), "Loan"),
    ]
    told = Event.objects.filter(topic__key=f"user.{ana.pk}").values_list("kind", flat=True)
    assert sorted(told) == ["account.moved", "account.moved", "loan.activated", "payment.completed"]
    assert loan.account_id == account.pk
