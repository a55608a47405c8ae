"""Two at once, and one that is cut off: real threads on real connections. Nothing twice, nothing half."""

import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial

import pytest
from django.db import DatabaseError, InterfaceError

from backend.banking import facts, verification
from backend.banking.errors import NotActive
from backend.banking.lending_errors import (
    ApplicationDecided,
    ApplicationWaiting,
    InstalmentPaid,
    InstalmentsDue,
    NotYetGivenUp,
    VerificationNeeded,
)
from backend.banking.models import Instalment, LoanApplication, LoanTerms, Payment, Repayment
from backend.banking.services.lending import applications, collecting, giving_up, repaying
from backend.banking.tests.factories import make_account, move
from backend.banking.tests.lending_factories import (
    apply,
    at_the_desk,
    customer_of,
    lend,
    make_admin,
    make_borrower,
    own_accounts,
    plan_of,
    state_of,
)
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import User
from backend.realtime.models import Event
from backend.tests.commits import end_connection, in_background, in_parallel, own_pid, wait_until_one_waits_for_us

DUE = date(2026, 2, 15)


def pay_first(ana, loan):
    return lambda: repaying.pay_instalment(actor=ana.actor, loan_id=loan.pk, number=1, today=DUE)


def collected(loan, today=DUE):
    return lambda: collecting.collect(loan_id=loan.pk, today=today)


def holds_together(ana, loan, balance):
    """What is paid, what is left and what the bank's books say are one."""
    loan.refresh_from_db()
    repayments = list(Repayment.objects.filter(loan=loan))
    principal, interest = (
        sum((getattr(one, name) for one in repayments), Decimal(0)) for name in ("principal", "interest")
    )
    open_left = sum((one.principal for one in Instalment.objects.filter(loan=loan, state="open")), Decimal(0))
    assert (loan.outstanding, open_left) == (1200 - principal, loan.outstanding)
    assert ana.balance() == balance + 1200 - principal - interest
    books = own_accounts(ana.bank)
    assert (Decimal(books["loans_receivable"]), Decimal(books["interest_income"])) == (-loan.outstanding, interest)
    assert Payment.objects.filter(account=ana.account).count() == len(repayments)
    assert verification.verify().is_clean


def kinds(results):
    return sorted(type(result).__name__ for result in results)


@pytest.mark.parametrize("by_hand", [True, False])
def test_an_instalment_is_paid_once_by_hand_and_by_the_clock(committed, make_user, by_hand):
    ana = make_borrower(make_user, balance=1000)
    loan = lend(make_user, ana, 1200, 3)
    if by_hand:
        results = in_parallel(*[pay_first(ana, loan)] * 3, collected(loan))
        assert sum(isinstance(one, Repayment) or one == 1 for one in results) == 1
        assert all(isinstance(one, Repayment | int | InstalmentPaid) for one in results)
    else:
        assert sorted(in_parallel(*[collected(loan)] * 4)) == [0, 0, 0, 1]
    assert [row[-1] for row in plan_of(loan)] == ["paid", "open", "open"]
    holds_together(ana, loan, 1000)


def test_of_an_approval_a_withdrawal_and_a_rejection_one_happens(committed, make_user):
    admin = make_admin(make_user)
    for _ in range(4):
        ana = make_borrower(make_user)
        application = apply(ana)
        named = {"application_id": application.pk}
        results = in_parallel(
            partial(applications.approve, actor=admin, **named),
            partial(applications.approve, actor=admin, **named),
            partial(applications.withdraw, actor=ana.actor, **named),
            partial(applications.reject, actor=admin, reason="no", **named),
        )
        assert kinds(results) == ["ApplicationDecided"] * 3 + ["LoanApplication"]
        application.refresh_from_db()
        lent = application.status == "approved"
        assert (ana.balance(), state_of(application.loan)[0]) == ((1200, "active") if lent else (0, "rejected"))
        assert Instalment.objects.filter(loan=application.loan).count() == (12 if lent else 0)
        assert all(
            one.extra == {"status": application.status} for one in results if isinstance(one, ApplicationDecided)
        )


def test_a_revocation_waits_for_the_loan_that_is_being_paid_out(committed, make_user):
    """The person stays verified until the approval is committed; the one that comes too late is refused."""
    ana, admin, locked = make_borrower(make_user), make_admin(make_user), threading.Event()
    application = apply(ana)

    def revoke():
        locked.wait(20)
        return User.objects.filter(pk=ana.user.pk).update(kyc_status="REJECTED")

    with in_background(revoke) as revoked:
        with unit_of_work():
            applications.approve(actor=admin, application_id=application.pk)
            locked.set()
            wait_until_one_waits_for_us()
        assert revoked() == 1
    assert ana.balance() == 1200
    second = make_account(ana.bank, customer_of(ana.user))
    with pytest.raises(VerificationNeeded):
        apply(ana, account_id=second.pk)


def test_one_application_however_often_it_is_sent_at_once(committed, make_user):
    ana = make_borrower(make_user)
    results = in_parallel(*[lambda: apply(ana)] * 3)
    assert kinds(results) == ["ApplicationWaiting", "ApplicationWaiting", "LoanApplication"]
    assert all(isinstance(one, ApplicationWaiting | LoanApplication) for one in results)
    assert (LoanApplication.objects.count(), at_the_desk()) == (1, ["loan.applied"])


def test_paying_early_and_collecting_at_once(committed, make_user):
    """Whichever comes first, the other one goes on from it, or has nothing left to do."""
    for day in (DUE, date(2026, 3, 20)):
        ana = make_borrower(make_user, balance=1000)
        loan = lend(make_user, ana, 1200, 3)
        paying = {"actor": ana.actor, "loan_id": loan.pk, "today": day}
        results = in_parallel(
            collected(loan, day),
            partial(repaying.repay_early, **paying, amount=Decimal(300), effect="lower_instalments"),
            partial(repaying.pay_off, **paying),
        )
        assert all(isinstance(one, int | Repayment | InstalmentsDue | NotActive) for one in results), results
        assert state_of(loan) == ("paid", "0.00")
        holds_together(ana, loan, 1000)


def test_giving_up_and_paying_off_at_once(committed, make_user):
    ana, admin = make_borrower(make_user, balance=1000), make_admin(make_user)
    loan, day = lend(make_user, ana, 1200, 3), date(2026, 6, 1)
    results = in_parallel(
        lambda: giving_up.charge_off(actor=admin, loan_id=loan.pk, reason="gone", today=day),
        lambda: repaying.pay_off(actor=ana.actor, loan_id=loan.pk, today=day),
    )
    assert sum(isinstance(one, NotActive | NotYetGivenUp) for one in results) == 1
    assert state_of(loan)[0] in {"paid", "charged_off"}
    assert own_accounts(ana.bank)["loans_receivable"] == "0.00"


def test_a_run_twice_at_once_tells_and_takes_once(committed, make_user):
    ana = make_borrower(make_user)
    loan = lend(make_user, ana, 1200, 3)
    move(ana.account, -1200)
    for day in (13, 15, 21):
        run = partial(collecting.run, now=datetime(2026, 2, day, 12, tzinfo=UTC))
        assert in_parallel(run, run, run) == [None] * 3
    told = Event.objects.filter(topic__key=f"user.{ana.user.pk}", kind__startswith="instalment.").order_by("seq")
    assert [event.kind for event in told] == ["instalment.due", "instalment.missed", "instalment.late"]
    assert state_of(loan) == ("active", "1200.00")


def test_a_connection_that_is_cut_in_between_has_done_nothing(committed, make_user, monkeypatch):
    """After the posting, before the commit: the next run does all of it, once."""
    ana = make_borrower(make_user, balance=1000)
    loan = lend(make_user, ana, 1200, 3)

    def cut(_):
        end_connection(own_pid())

    monkeypatch.setattr(facts.posting_made, "_listeners", [cut])
    (result,) = in_parallel(collected(loan))
    assert isinstance(result, DatabaseError | InterfaceError)
    holds_together(ana, loan, 1000)
    assert (Repayment.objects.count(), LoanTerms.objects.get(pk=loan.pk).next_due_on) == (0, DUE)

    monkeypatch.setattr(facts.posting_made, "_listeners", [])
    assert in_parallel(*[collected(loan)] * 2) in ([0, 1], [1, 0])
    holds_together(ana, loan, 1000)
