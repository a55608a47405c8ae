"""The ledger: what it writes, what it refuses, and what the database refuses whoever asks."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from backend.banking import facts, ledger
from backend.banking.errors import AccountUnknown, CurrencyMismatch, HoldNotPending, InsufficientFunds, InvalidAmount
from backend.banking.ledger import Line
from backend.banking.models import Account, Entry, Hold, HoldState, InternalAccount, InternalKind, Posting, PostingKind
from backend.banking.selectors.ledger import trial_balance
from backend.banking.tests.factories import make_account, make_bank, make_customer, move, refused, transfer
from backend.common.unit_of_work import unit_of_work

pytestmark = pytest.mark.django_db

CASH = InternalKind.CASH


def stored(account):
    return Account.objects.values_list("balance", "held").get(pk=account.pk)


def rows_of(posting):
    rows = Entry.objects.filter(posting=posting).order_by("id")
    return [(row.account_id, row.internal_account_id, row.amount, row.balance_after) for row in rows]


# Posting


def test_a_posting_moves_balances_and_says_in_each_entry_what_they_are_then():
    bank = make_bank()
    source, target = make_account(bank, balance=100), make_account(bank, balance=5)

    posting = transfer(source, target, "40.25")

    assert rows_of(posting) == [
        (source.pk, None, Decimal("-40.25"), Decimal("59.75")),
        (target.pk, None, Decimal("40.25"), Decimal("45.25")),
    ]
    assert (stored(source)[0], stored(target)[0]) == (Decimal("59.75"), Decimal("45.25"))
    written = Posting.objects.get(pk=posting.pk)
    assert (written.kind, written.bank_id, written.booked_on) == ("transfer", bank.pk, datetime.now(UTC).date())
    assert (posting.kind, posting.at, posting.xid) == (written.kind, written.at, written.xid)


def test_a_posting_costs_two_statements_locks_included(django_assert_num_queries):
    bank = make_bank()
    source, target = make_account(bank, balance=100), make_account(bank)
    with unit_of_work(), django_assert_num_queries(2):
        out, into = ledger.lock_accounts(source.pk, target.pk)
        ledger.post(
            bank=out.bank,
            kind=PostingKind.TRANSFER,
            lines=[Line(Decimal(-1), account=out), Line(Decimal(1), account=into)],
            currency="USD",
            actor_id=7,
        )
    assert (out.balance, into.balance) == (Decimal(99), Decimal(1))


def test_an_account_may_stand_in_several_lines():
    account = make_account(balance=10)
    with unit_of_work():
        (locked,) = ledger.lock_accounts(account.pk)
        own = (locked.bank_id, InternalKind.INTEREST_INCOME)
        lines = [
            Line(Decimal(50), account=locked),
            Line(Decimal(-50), internal=(locked.bank_id, CASH)),
            Line(Decimal("-0.50"), account=locked),
            Line(Decimal("0.50"), internal=own),
        ]
        posting = ledger.post(bank=locked.bank, kind=PostingKind.DEPOSIT, lines=lines, currency="USD", actor_id=None)

    assert [after for account_id, *_, after in rows_of(posting) if account_id] == [Decimal(60), Decimal("59.50")]
    assert stored(account)[0] == locked.balance == Decimal("59.50")


def test_two_banks_settle_through_their_interbank_accounts():
    source, target = make_account(balance=100), make_account()
    with unit_of_work():
        out, into = ledger.lock_accounts(source.pk, target.pk)
        lines = [
            Line(Decimal(-30), account=out),
            Line(Decimal(30), internal=(out.bank_id, InternalKind.INTERBANK)),
            Line(Decimal(-30), internal=(into.bank_id, InternalKind.INTERBANK)),
            Line(Decimal(30), account=into),
        ]
        ledger.post(bank=out.bank, kind=PostingKind.TRANSFER, lines=lines, currency="USD", actor_id=None)

    assert [balance.total for balance in trial_balance(source.bank) + trial_balance(target.bank)] == [0, 0]
    assert trial_balance(source.bank)[0].internal[InternalKind.INTERBANK] == 30


def test_a_banks_own_accounts_are_made_once_for_each_kind_and_currency():
    bank = make_bank()
    dollars, euros = make_account(bank), make_account(bank, currency="EUR")
    for account in (dollars, euros, dollars):
        move(account, 10)

    assert InternalAccount.objects.filter(bank=bank).count() == 2
    assert [(one.currency, one.customers, one.internal, one.total) for one in trial_balance(bank)] == [
        ("EUR", 10, {CASH: -10}, 0),
        ("USD", 20, {CASH: -20}, 0),
    ]


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        ("UTC", "2026-03-01T23:30:00Z", date(2026, 3, 1)),
        ("Asia/Tokyo", "2026-03-01T23:30:00Z", date(2026, 3, 2)),
        ("America/New_York", "2026-03-02T03:30:00Z", date(2026, 3, 1)),
    ],
)
def test_a_posting_is_booked_on_the_banks_day(zone, at, day):
    assert ledger.booked_on(make_bank(time_zone=zone), datetime.fromisoformat(at)) == day


def test_other_parts_hear_of_each_posting_in_its_transaction(monkeypatch):
    heard = []
    monkeypatch.setattr(facts.posting_made, "_listeners", [heard.append])
    account = make_account()

    posting = move(account, 10)

    (made,) = heard
    assert made.posting.pk == posting.pk
    assert [(entry.amount, entry.internal, entry.balance_after) for entry in made.entries] == [
        (Decimal(10), None, Decimal(10)),
        (Decimal(-10), CASH, None),
    ]


# Refusals of the ledger


def test_more_than_is_available_is_refused():
    account = make_account(balance=100)
    with unit_of_work():
        (locked,) = ledger.lock_accounts(account.pk)
        ledger.hold(account=locked, amount=Decimal(30), reason="", expires_at=None)

    with refused(InsufficientFunds):
        move(account, "-70.01")
    move(account, -70)
    assert stored(account) == (Decimal(30), Decimal(30))


def test_another_currency_is_refused():
    bank = make_bank()
    source, target = make_account(bank, balance=100), make_account(bank, currency="EUR")

    with refused(CurrencyMismatch):
        transfer(source, target, 10)


@pytest.mark.parametrize("amount", ["0", "0.001", "NaN", "Infinity", "1000000000000000000"])
def test_an_amount_that_is_none_is_refused(amount):
    """BUG-S4-3, BUG-S4-22."""
    with pytest.raises(InvalidAmount):
        ledger.checked_amount(Decimal(amount))
    with pytest.raises(InvalidAmount):
        Line(Decimal(amount), internal=(make_bank().pk, CASH))


def test_a_missing_account_is_not_found():
    account = make_account()

    with refused(AccountUnknown), unit_of_work():
        ledger.lock_accounts(account.pk, make_customer().pk)


def test_an_account_that_was_read_without_its_lock_ends_the_transaction():
    """A balance that somebody else moved meanwhile is never written over."""
    account = make_account(balance=100)
    stale = Account.objects.select_related("bank").get(pk=account.pk)
    move(account, -10)
    lines = [Line(Decimal(5), account=stale), Line(Decimal(-5), internal=(stale.bank_id, CASH))]

    with refused(DatabaseError), unit_of_work():
        ledger.post(bank=stale.bank, kind=PostingKind.DEPOSIT, lines=lines, currency="USD", actor_id=None)
    with refused(RuntimeError), unit_of_work():
        ledger.hold(account=stale, amount=Decimal(5), reason="", expires_at=None)


# Holds


def held_account(amount=30):
    account = make_account(balance=100)
    with unit_of_work():
        (locked,) = ledger.lock_accounts(account.pk)
        hold = ledger.hold(account=locked, amount=Decimal(amount), reason="a check", expires_at=None)
    return account, hold


def test_a_hold_takes_from_what_is_available_and_leaves_the_balance():
    account, hold = held_account()

    assert (stored(account), hold.state) == ((Decimal(100), Decimal(30)), "pending")
    with refused(InsufficientFunds), unit_of_work():
        (locked,) = ledger.lock_accounts(account.pk)
        ledger.hold(account=locked, amount=Decimal("70.01"), reason="", expires_at=None)


def capture(hold, account):
    with unit_of_work():
        (locked,) = ledger.lock_accounts(account.pk)
        lines = [Line(-hold.amount, account=locked), Line(hold.amount, internal=(locked.bank_id, CASH))]
        return ledger.capture(hold=hold, bank=locked.bank, kind=PostingKind.WITHDRAWAL, lines=lines, actor_id=None)


def void(hold, state=HoldState.VOIDED):
    with unit_of_work():
        (hold.account,) = ledger.lock_accounts(hold.account_id)
        ledger.void(hold=hold, state=state)


def test_capturing_releases_and_posts_in_one():
    account, hold = held_account(100)

    posting = capture(hold, account)

    assert stored(account) == (Decimal(0), Decimal(0))
    kept = Hold.objects.get(pk=hold.pk)
    assert (kept.state, kept.posting_id, kept.decided_at is not None) == ("captured", posting.pk, True)


@pytest.mark.parametrize("state", [HoldState.VOIDED, HoldState.EXPIRED])
def test_voiding_gives_back_and_posts_nothing(state):
    account, hold = held_account()

    void(hold, state)

    assert (stored(account), Posting.objects.count()) == ((Decimal(100), Decimal(0)), 1)
    assert Hold.objects.get(pk=hold.pk).state == state


def test_a_hold_is_decided_once():
    account, hold = held_account()
    again = Hold.objects.get(pk=hold.pk)
    void(hold)

    with refused(HoldNotPending) as caught:
        void(again)
    assert caught.value.extra == {"state": "voided"}
    with refused(HoldNotPending):
        capture(Hold.objects.get(pk=hold.pk), account)


# What the database refuses


def insert_posting(bank):
    return Posting.objects.create(
        bank=bank, kind="deposit", booked_on=date(2026, 1, 1), at=datetime.now(UTC), actor_id=None, xid=0
    )


def insert_entries(posting, *amounts, currencies=None, banks=None):
    for place, amount in enumerate(amounts):
        bank = (banks or [posting.bank] * 9)[place]
        currency = (currencies or ["USD"] * 9)[place]
        own, _ = InternalAccount.objects.get_or_create(bank=bank, kind="cash", currency=currency)
        Entry.objects.create(posting=posting, bank=bank, internal_account=own, amount=amount, currency=currency)


def check_now():
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def test_entries_that_balance_pass():
    with transaction.atomic():
        insert_entries(insert_posting(make_bank()), 10, -4, -6)
        check_now()


@pytest.mark.parametrize(
    ("_case", "amounts", "currencies", "banks"),
    [
        ("a cent is missing", [10, Decimal("-9.99")], None, 1),
        ("none at all", [], None, 1),
        ("across currencies", [10, -10], ["USD", "EUR"], 1),
        ("across banks", [10, -10], None, 2),
    ],
)
def test_entries_that_do_not_balance_are_refused_at_commit(_case, amounts, currencies, banks):
    made = [make_bank() for _ in range(2)]

    with refused(IntegrityError), transaction.atomic():
        insert_entries(insert_posting(made[0]), *amounts, currencies=currencies, banks=made if banks == 2 else None)
        check_now()


def test_a_posting_that_was_checked_takes_no_more_entries():
    """Also not a pair that balances, in the same transaction."""
    with refused(IntegrityError), transaction.atomic():
        posting = insert_posting(make_bank())
        insert_entries(posting, 10, -10)
        check_now()
        insert_entries(posting, 5)


@pytest.mark.parametrize("table", ["banking_posting", "banking_entry"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_postings_and_entries_are_never_changed(table, statement):
    move(make_account(), 10)

    with refused(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))


def test_which_transaction_made_a_posting_is_the_databases_to_say():
    posting = insert_posting(make_bank())
    insert_entries(posting, 1, -1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        assert Posting.objects.get(pk=posting.pk).xid == cursor.fetchone()[0]
