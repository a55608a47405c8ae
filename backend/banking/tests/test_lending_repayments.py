"""Paying back: by instalment, early in part or in full. Days are passed in; nothing waits (issue 08, build 2)."""

from datetime import date, timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from backend.audit.models import AuditLog
from backend.banking import facts, verification
from backend.banking.errors import AccountFrozen, InsufficientFunds, InvalidAmount, LoanUnknown, NotActive
from backend.banking.lending_errors import (
    InstalmentNotNext,
    InstalmentPaid,
    InstalmentsDue,
    InstalmentTooEarly,
    LeavesTooLittle,
    PayoffChanged,
    RepaymentStays,
    RepaymentTooMuch,
    RepaymentTooSmall,
)
from backend.banking.models import Account, Door, Instalment, LoanTerms, Payment, Repayment
from backend.banking.models.webhooks import WebhookMessage
from backend.banking.selectors import lending as selectors
from backend.banking.selectors.lending import Payoff
from backend.banking.services.lending import repaying
from backend.banking.services.postings import reverse_posting
from backend.banking.tests.access.partner import make_endpoint
from backend.banking.tests.factories import make_loan
from backend.banking.tests.lending_factories import (
    START,
    heard,
    lend,
    make_borrower,
    own_accounts,
    plan_of,
    refused,
    state_of,
)
from backend.identity.models import User

pytestmark = pytest.mark.django_db

FIRST_DUE = date(2026, 2, 15)


@pytest.fixture
def ana(make_user):
    return make_borrower(make_user, balance=5000)


@pytest.fixture
def loan(make_user, ana):
    """1,200 at 1 % a month in three instalments of 408.03, the last one 408.02."""
    return lend(make_user, ana, 1200, 3)


def instalment(ana, loan, number, today):
    return repaying.pay_instalment(actor=ana.actor, loan_id=loan.pk, number=number, today=today)


def early(ana, loan, amount, today, effect="lower_instalments"):
    return repaying.repay_early(actor=ana.actor, loan_id=loan.pk, amount=Decimal(amount), effect=effect, today=today)


def owed(loan, today):
    terms = LoanTerms.objects.select_related("loan").get(pk=loan.pk)
    return Payoff.of(terms.loan, terms, selectors.open_instalments(loan.pk), today=today)


# Instalments


def test_an_instalment_pays_principal_to_the_bank_and_interest_as_its_income(ana, loan):
    repayment = instalment(ana, loan, 1, FIRST_DUE)

    assert (str(repayment.principal), str(repayment.interest), str(repayment.outstanding)) == (
        "396.03",
        "12.00",
        "803.97",
    )
    assert (repayment.kind, repayment.is_automatic, repayment.on) == ("instalment", False, FIRST_DUE)
    assert ana.balance() == Decimal("5791.97")
    assert own_accounts(ana.bank) == {
        "loans_receivable": "-803.97",
        "interest_income": "12.00",
        "charge_off_loss": "0.00",
    }
    assert (repayment.payment.total_amount, repayment.payment.payment_details.get().amount) == (
        Decimal("408.03"),
        Decimal("396.03"),
    )
    terms = LoanTerms.objects.get(pk=loan.pk)
    assert (str(terms.interest_from), str(terms.next_due_on)) == ("2026-02-15", "2026-03-15")
    assert heard(ana.user)[-1:] == ["loan.repaid"]
    assert AuditLog.objects.filter(action="loan.repaid", actor_id=ana.user.pk).count() == 1


def test_a_loan_paid_to_its_end_is_paid_to_the_cent(ana, loan, monkeypatch):
    paid = []
    monkeypatch.setattr(facts.loan_paid, "_listeners", [lambda fact: paid.append(fact.loan.pk)])
    for number, (_, due_on, *_rest) in enumerate(plan_of(loan), 1):
        instalment(ana, loan, number, date.fromisoformat(due_on))

    assert state_of(loan) == ("paid", "0.00")
    assert own_accounts(ana.bank) == {
        "loans_receivable": "0.00",
        "interest_income": "24.08",
        "charge_off_loss": "0.00",
    }
    assert ana.balance() == Decimal("4975.92")
    assert {row[-1] for row in plan_of(loan)} == {"paid"}
    assert LoanTerms.objects.get(pk=loan.pk).next_due_on is None
    assert verification.prove().is_clean
    assert (heard(ana.user)[-2:], paid) == (["loan.repaid", "loan.paid"], [loan.pk])
    with refused(NotActive) as caught:
        instalment(ana, loan, 3, date(2026, 4, 15))
    assert caught.value.extra == {"state": "paid"}


def test_instalments_are_paid_in_order_each_once_and_not_before_their_period(ana, loan):
    with refused(InstalmentNotNext) as caught:
        instalment(ana, loan, 2, FIRST_DUE)
    assert caught.value.extra == {"next": 1}
    instalment(ana, loan, 1, START)  # Its period begins with the loan; it costs what the schedule says.
    with refused(InstalmentPaid):
        instalment(ana, loan, 1, FIRST_DUE)
    with refused(InstalmentTooEarly) as caught:
        instalment(ana, loan, 2, FIRST_DUE - timedelta(days=1))
    assert caught.value.extra == {"period_from": "2026-02-15"}
    with refused(InstalmentNotNext):
        instalment(ana, loan, 4, FIRST_DUE)
    assert instalment(ana, loan, 2, FIRST_DUE).interest == Decimal("8.04")


def test_what_the_account_has_not_got_is_not_taken(ana, loan):
    Account.objects.filter(pk=ana.account.pk).update(held=Decimal("5791.98"))
    with refused(InsufficientFunds):
        instalment(ana, loan, 1, FIRST_DUE)
    Account.objects.filter(pk=ana.account.pk).update(held=Decimal("5791.97"))
    assert instalment(ana, loan, 1, FIRST_DUE).outstanding == Decimal("803.97")


def test_another_persons_loan_and_another_doors_do_not_exist(ana, loan, make_user):
    other = make_borrower(make_user, balance=5000)
    of_partner = make_loan(ana.account, 100, door=Door.PARTNER)
    for person, which in ((other, loan), (ana, of_partner)):
        for repay in (
            partial(instalment, number=1, today=FIRST_DUE),
            partial(early, amount=100, today=START),
            lambda ana, loan: repaying.pay_off(actor=ana.actor, loan_id=loan.pk),
        ):
            with refused(LoanUnknown):
                repay(person, which)


def test_a_partner_whose_customer_it_is_hears_nothing_of_a_persons_loan(ana, loan):
    Account.objects.filter(pk=ana.account.pk).update(external_id="C-1")
    make_endpoint(ana.bank)
    instalment(ana, loan, 1, FIRST_DUE)
    repaying.pay_off(actor=ana.actor, loan_id=loan.pk, today=FIRST_DUE)
    assert WebhookMessage.objects.count() == 0


def test_a_frozen_account_pays_nothing_and_a_revoked_person_may(ana, loan):
    """Whoever is not verified any more still owes, and may pay."""
    User.objects.filter(pk=ana.user.pk).update(kyc_status="REJECTED")
    assert instalment(ana, loan, 1, FIRST_DUE)
    Account.objects.filter(pk=ana.account.pk).update(status="frozen")
    for repay in (
        lambda: instalment(ana, loan, 2, FIRST_DUE),
        lambda: early(ana, loan, 100, FIRST_DUE),
        lambda: repaying.pay_off(actor=ana.actor, loan_id=loan.pk, today=FIRST_DUE),
    ):
        with refused(AccountFrozen):
            repay()


# Early


def test_a_part_repaid_early_pays_the_interest_to_the_day_and_lowers_the_rest(ana, loan):
    """Ten days of 12 % on 1,200 are 4.00. The rest, 800.00, is spread over the same three dates."""
    repayment = early(ana, loan, "404.00", date(2026, 1, 25))

    assert (str(repayment.principal), str(repayment.interest), repayment.effect) == (
        "400.00",
        "4.00",
        "lower_instalments",
    )
    # 20 days of 800.00 are 5.33, then come full months: 800 / (1 / 1.00667 * (1 + 1 / 1.01 + 1 / 1.0201)) is 271.12.
    assert plan_of(loan) == [
        (1, "2026-02-15", "265.79", "5.33", "open"),
        (2, "2026-03-15", "265.78", "5.34", "open"),
        (3, "2026-04-15", "268.43", "2.68", "open"),
    ]
    assert state_of(loan) == ("active", "800.00")
    terms = LoanTerms.objects.get(pk=loan.pk)
    assert (str(terms.interest_from), str(terms.next_amount), str(terms.level)) == ("2026-01-25", "271.12", "271.12")


def test_or_keeps_the_instalments_and_shortens_the_loan(ana, loan):
    early(ana, loan, "404.00", date(2026, 1, 25), effect="shorter_term")

    assert plan_of(loan) == [
        (1, "2026-02-15", "402.70", "5.33", "open"),
        (2, "2026-03-15", "397.30", "3.97", "open"),
    ]
    assert str(LoanTerms.objects.get(pk=loan.pk).level) == "408.03"


def test_equal_parts_go_on_as_equal_parts(ana, make_user):
    loan = lend(make_user, ana, 1200, 3, method="equal_principal")
    early(ana, loan, "300.00", START)  # On the first day nothing has accrued.
    assert [row[2:4] for row in plan_of(loan)] == [("300.00", "9.00"), ("300.00", "6.00"), ("300.00", "3.00")]
    early(ana, loan, "400.00", START, effect="shorter_term")
    assert [row[2:4] for row in plan_of(loan)] == [("300.00", "5.00"), ("200.00", "2.00")]


def test_behind_a_paid_instalment_numbers_and_dates_go_on(ana, loan):
    instalment(ana, loan, 1, FIRST_DUE)
    early(ana, loan, "403.97", FIRST_DUE)

    assert [row[:2] for row in plan_of(loan)] == [(1, "2026-02-15"), (2, "2026-03-15"), (3, "2026-04-15")]
    assert [row[3:] for row in plan_of(loan)] == [("12.00", "paid"), ("4.00", "open"), ("2.01", "open")]
    instalment(ana, loan, 2, date(2026, 3, 15))
    instalment(ana, loan, 3, date(2026, 4, 15))
    assert state_of(loan) == ("paid", "0.00")
    assert own_accounts(ana.bank)["loans_receivable"] == "0.00"


def test_interest_that_is_paid_ahead_does_not_accrue_again(ana, loan):
    instalment(ana, loan, 1, START)
    assert owed(loan, date(2026, 2, 10)).accrued_interest == 0
    repayment = early(ana, loan, "100.00", date(2026, 2, 10))
    assert (repayment.interest, str(LoanTerms.objects.get(pk=loan.pk).interest_from)) == (0, "2026-02-15")
    assert plan_of(loan)[1][3] == "7.04"  # A full month of 703.97.


def test_what_early_repayment_refuses(ana, loan):
    day = date(2026, 1, 25)
    with refused(RepaymentTooSmall) as caught:
        early(ana, loan, "4.00", day)
    assert caught.value.extra == {"accrued": "4.00"}
    with refused(RepaymentTooMuch) as caught:
        early(ana, loan, "1204.00", day)
    assert caught.value.extra == {"payoff": "1204.00"}
    with refused(LeavesTooLittle):
        early(ana, loan, "1203.98", day)
    with refused(InvalidAmount):
        early(ana, loan, "100.001", day)
    with refused(InstalmentsDue) as caught:
        early(ana, loan, "100.00", FIRST_DUE)
    assert caught.value.extra == {"next": 1}
    with refused(InsufficientFunds):
        Account.objects.filter(pk=ana.account.pk).update(held=Decimal("6100.00"))
        try:
            early(ana, loan, "404.00", day)
        finally:
            Account.objects.filter(pk=ana.account.pk).update(held=0)
    assert early(ana, loan, "1203.99", day, effect="shorter_term").outstanding == Decimal("0.01")


# In full


def test_paying_off_costs_what_is_owed_to_the_day(ana, loan):
    day = date(2026, 1, 25)
    assert (owed(loan, day).total, owed(loan, START).total) == (Decimal("1204.00"), Decimal("1200.00"))
    with refused(PayoffChanged) as caught:
        repaying.pay_off(actor=ana.actor, loan_id=loan.pk, expected=Decimal("1200.00"), today=day)
    assert caught.value.extra == {"payoff": "1204.00"}

    repayment = repaying.pay_off(actor=ana.actor, loan_id=loan.pk, expected=Decimal("1204.00"), today=day)

    assert (str(repayment.principal), str(repayment.interest), repayment.kind) == ("1200.00", "4.00", "payoff")
    assert (state_of(loan), plan_of(loan)) == (("paid", "0.00"), [])
    assert own_accounts(ana.bank)["interest_income"] == "4.00"
    assert heard(ana.user)[-2:] == ["loan.repaid", "loan.paid"]
    with refused(NotActive):
        repaying.pay_off(actor=ana.actor, loan_id=loan.pk, today=day)


def test_paying_off_settles_what_is_overdue_as_the_schedule_has_it(ana, loan):
    """Two instalments are overdue: 12.00 and 8.04, nothing for being late; 403.98 accrue from 15 March, ten days."""
    day = date(2026, 3, 25)
    assert (owed(loan, day).due_interest, owed(loan, day).accrued_interest) == (Decimal("20.04"), Decimal("1.35"))

    repayment = repaying.pay_off(actor=ana.actor, loan_id=loan.pk, today=day)

    assert (str(repayment.interest), str(repayment.outstanding)) == ("21.39", "0.00")
    assert [row[-1] for row in plan_of(loan)] == ["paid", "paid"]


def test_a_repayment_is_not_reversed(ana, loan):
    """What was taken by mistake is given back by a deposit: the schedule has gone on from it."""
    repayment = instalment(ana, loan, 1, FIRST_DUE)
    with refused(RepaymentStays):
        reverse_posting(actor_id=None, posting_id=repayment.payment.posting_id, reason="a slip")


def test_rows_that_cannot_be_are_refused_by_the_database(ana, loan):
    instalment(ana, loan, 1, FIRST_DUE)
    wrongs = [
        lambda: Instalment.objects.filter(loan=loan, number=2).update(state="paid"),
        lambda: Instalment.objects.filter(loan=loan, number=1).update(state="open"),
        lambda: Instalment.objects.filter(loan=loan, number=2).update(principal=0),
        lambda: Instalment.objects.filter(loan=loan, number=2).update(number=1),
        lambda: Repayment.objects.filter(loan=loan).update(effect="shorter_term"),
        lambda: Repayment.objects.filter(loan=loan).update(principal=0),
        lambda: Payment.objects.filter(account=ana.account).delete(),
    ]
    for wrong in wrongs:
        with refused(IntegrityError), transaction.atomic():
            wrong()
