"""Many at the same moment, on real PostgreSQL: twenty threads, and five in each of four processes."""

from collections import Counter
from decimal import Decimal

import pytest
from django.db import connection

from backend.banking.models import Account, Loan, LoanState, Payment, Posting, Transfer
from backend.banking.selectors import debts
from backend.banking.services import postings
from backend.banking.tests.factories import make_account, make_bank, make_loan, move
from backend.banking.tests.people_factories import account_of, balances
from backend.banking.tests.writers import Writers, in_threads
from backend.banking.verification import verify
from backend.identity.principals import principal_of
from backend.tests.commits import in_parallel
from backend.tests.servers import database_url

pytestmark = pytest.mark.server

MANY = 20


@pytest.fixture(scope="module")
def books(live_database, django_db_blocker):
    """The worker's committed database, for this process's ORM, too."""
    with django_db_blocker.unblock():
        before = connection.settings_dict["NAME"]
        connection.close()
        connection.settings_dict["NAME"] = live_database
        yield live_database
        connection.close()
        connection.settings_dict["NAME"] = before


@pytest.fixture(scope="module")
def four(books, tmp_path_factory):
    writers = Writers(4, database_url=database_url(books), folder=tmp_path_factory.mktemp("writers"))
    yield writers
    writers.stop()


@pytest.fixture(params=["threads", "processes"])
def at_once(request, four):
    """Make calls at the same moment; return how often each outcome came. The processes start beside the threads."""
    run = in_threads if request.param == "threads" else four.run
    return lambda calls: Counter(run(calls))


def test_payments_on_one_debt_never_take_more_than_is_owed(at_once):
    """BUG-S4-1, E-S4-6: twenty payments of 100 on a debt of 1,000 took up to 2,000."""
    account = make_account()
    made = [make_loan(account, 500), make_loan(account, 500)]

    outcomes = at_once([("pay", {"account": str(account.pk), "amount": "100"})] * MANY)

    assert outcomes == {"completed": 10, "rejected": 10}
    assert debts.active_debt(account.pk) == 0
    assert set(Loan.objects.filter(pk__in=[loan.pk for loan in made]).values_list("state", flat=True)) == {"paid"}
    assert verify().is_clean


def test_loans_on_one_line_never_pass_it(at_once):
    """BUG-S4-2, E-S4-5."""
    account = make_account(credit_line=1000)

    outcomes = at_once([("lend", {"account": str(account.pk), "amount": "100"})] * MANY)

    assert outcomes == {"pending": 10, "credit_line.exceeded": 10}
    assert debts.total_debt(account.pk) == 1000


def test_money_in_a_circle_neither_stops_nor_changes(at_once):
    bank = make_bank()
    ring = [make_account(bank, balance=10) for _ in range(5)]
    ids = [str(account.pk) for account in ring]

    outcomes = at_once([("pass_on", {"accounts": ids, "start": number, "times": 6}) for number in range(MANY)])

    assert outcomes == {"6": MANY}
    balances = Account.objects.filter(bank=bank).values_list("balance", flat=True)
    assert (sum(balances), Posting.objects.filter(bank=bank).count()) == (Decimal(50), 5 + 6 * MANY)
    assert verify().is_clean


def test_of_activating_and_rejecting_one_happens(at_once):
    """BUG-S4-7, E-S4-14."""
    loan = make_loan(make_account(), 100, state=LoanState.PENDING)
    given = {"loan": str(loan.pk)}

    outcomes = at_once([("activate", given), ("reject", given)] * (MANY // 2))

    kept = Loan.objects.get(pk=loan.pk)
    assert outcomes == {kept.state: 1, "loan.not_pending": MANY - 1}
    assert kept.outstanding == (100 if kept.state == "active" else 0)
    assert Posting.objects.filter(bank_id=loan.bank_id).count() == (kept.state == "active")


def test_one_key_pays_once(at_once):
    account = make_account()
    make_loan(account, 100)

    outcomes = at_once([("keyed", {"key": f"k-{account.pk}", "account": str(account.pk), "amount": "10"})] * MANY)

    assert outcomes["new"] == 1
    assert set(outcomes) <= {"new", "replayed", "idempotency.still_running"}
    assert Payment.objects.filter(account=account).count() == 1
    assert debts.active_debt(account.pk) == 90


def test_one_partners_name_is_one_payment_whichever_account_it_names(at_once):
    """E-S4-7."""
    bank = make_bank()
    accounts = [make_account(bank) for _ in range(5)]
    for account in accounts:
        make_loan(account, 100)

    outcomes = at_once(
        [
            ("pay", {"account": str(accounts[number % 5].pk), "amount": "10", "external_id": "P-1"})
            for number in range(MANY)
        ]
    )

    assert outcomes == {"completed": 1, "external_id.taken": MANY - 1}
    assert Payment.objects.filter(bank=bank).count() == 1


def test_everything_at_once_on_one_account_keeps_its_rules(at_once):
    account = make_account(credit_line=1000)
    waiting = [make_loan(account, 50, state=LoanState.PENDING) for _ in range(4)]
    make_loan(account, 300)
    name = str(account.pk)
    calls = [("pay", {"account": name, "amount": "90"})] * 6 + [("lend", {"account": name, "amount": "200"})] * 6
    calls += [(step, {"loan": str(loan.pk)}) for loan in waiting for step in ("activate", "reject")]

    outcomes = at_once(calls)

    assert outcomes["loan.not_pending"] == len(waiting)
    assert debts.total_debt(account.pk) <= 1000
    paid = sum(Payment.objects.filter(account=account, status="completed").values_list("total_amount", flat=True))
    lent = sum(
        Loan.objects.filter(account=account, taken_at__isnull=False).values_list("current_loan_amount", flat=True)
    )
    assert debts.active_debt(account.pk) == lent - paid >= 0
    assert verify().is_clean


def test_transfers_in_a_circle_by_four_processes_are_neither_lost_nor_made(four, make_user):
    """Issue 08: whole transfers, with limits, fraud and all, both ways round."""
    bank = make_bank()
    ring = [account_of(make_user(), bank=bank, balance="50.00") for _ in range(4)]

    made = four.run([("wander", {"accounts": [str(one.pk) for one in ring], "times": 12})] * 4)

    rows = Transfer.objects.filter(source__in=ring)
    assert rows.count() == sum(map(int, made)) > 24
    assert sum(Decimal(one) for one in balances(*ring)) == 200
    assert verify().findings == []


def test_of_many_reversals_at_once_one_is_written(books, make_user):
    manager = make_user()
    bank = make_bank(manager=manager)
    posting = move(make_account(bank), "25.00")
    actor = principal_of(manager)

    outcomes = in_parallel(*[lambda: postings.reverse_for_bank(actor=actor, posting_id=posting.pk, reason="Once.")] * 6)

    assert sorted(type(one).__name__ for one in outcomes) == ["AlreadyReversed"] * 5 + ["Posting"]
    assert Posting.objects.filter(reverses=posting).count() == 1
    assert verify().is_clean
