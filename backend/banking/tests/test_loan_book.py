"""The loan book's rules beneath every door: lines, steps, payments; and that a refusal changes nothing."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from backend.audit.models import AuditLog
from backend.banking import facts
from backend.banking.errors import (
    AccountClosed,
    AccountFrozen,
    CreditLineExceeded,
    ExternalIdTaken,
    InsufficientFunds,
    InvalidAmount,
    LoanUnknown,
    NotActive,
    NotPending,
)
from backend.banking.models import Account, AccountStatus, Door, InternalKind, Loan, LoanState, Payment, PaymentDetail
from backend.banking.selectors import debts
from backend.banking.selectors.ledger import trial_balance
from backend.banking.services import loans
from backend.banking.tests.factories import make_account, make_bank, make_customer, make_loan, on_day, pay, refused
from backend.realtime.models import Event

pytestmark = pytest.mark.django_db

RECEIVABLE, CLEARING = InternalKind.LOANS_RECEIVABLE, InternalKind.PARTNER_CLEARING
LOSS = InternalKind.CHARGE_OFF_LOSS


def create(account, amount, door=Door.PARTNER, **terms):
    return loans.create_loan(
        actor_id=None, account_id=account.pk, amount=Decimal(amount), door=door, terms=loans.Terms(**terms)
    )


def state_of(loan):
    return Loan.objects.values_list("state", "outstanding").get(pk=loan.pk)


def own_accounts(account):
    return {kind: total for one in trial_balance(account.bank) for kind, total in one.internal.items()}


def parts_of(payment):
    return list(PaymentDetail.objects.filter(payment=payment).order_by("id").values_list("loan_id", "amount"))


def user_events(user):
    return list(Event.objects.filter(topic__key=f"user.{user.pk}").order_by("seq").values_list("kind", flat=True))


# Lines


def test_a_loan_is_pending_and_owes_its_amount():
    """S4-B5."""
    loan = create(make_account(credit_line=5000), 2000, external_id="L-1", contract_version="v1")

    kept = Loan.objects.get(pk=loan.pk)
    assert (kept.state, kept.outstanding, kept.current_loan_amount, kept.taken_at) == ("pending", 2000, 2000, None)
    assert (kept.external_id, kept.door, kept.recorded) == ("L-1", "partner", False)
    assert AuditLog.objects.filter(action="loan.created", target_id=str(loan.pk)).count() == 1


def test_the_worked_example_of_debt_and_what_is_available():
    """S4-B12."""
    account = make_account(credit_line=5000)
    make_loan(account, 2000)
    make_loan(account, 1000, state=LoanState.PENDING)
    make_loan(account, 700, state=LoanState.REJECTED)

    assert (debts.total_debt(account.pk), debts.active_debt(account.pk)) == (Decimal("3000.00"), Decimal("2000.00"))
    assert debts.available_credit(account) == Decimal("2000.00")


def test_exactly_filling_the_line_passes_and_a_cent_more_does_not():
    """E-S4-4."""
    account = make_account(credit_line=1000)
    make_loan(account, 400, state=LoanState.PENDING)

    with refused(CreditLineExceeded) as caught:
        create(account, "600.01")
    assert caught.value.extra == {"available": "600.00"}
    create(account, 600)
    with refused(CreditLineExceeded):
        create(account, "0.01")


@pytest.mark.parametrize(("door", "is_lent"), [(Door.PARTNER, False), (Door.MANAGER, True), (Door.CUSTOMER, True)])
def test_an_account_without_a_line_borrows_from_the_bank_only(door, is_lent):
    account = make_account()
    if is_lent:
        assert create(account, 10, door).door == door
    else:
        with refused(CreditLineExceeded):
            create(account, 10, door)


def test_a_line_counts_for_every_door():
    account = make_account(credit_line=100)
    create(account, 60)
    with refused(CreditLineExceeded):
        create(account, 41, Door.CUSTOMER)


@pytest.mark.parametrize(
    ("status", "fault"), [(AccountStatus.FROZEN, AccountFrozen), (AccountStatus.CLOSED, AccountClosed)]
)
def test_an_account_that_is_not_open_borrows_nothing(status, fault):
    """E-S4-9, BUG-S4-8; nor is a loan activated that was asked for before."""
    account = make_account(credit_line=1000)
    loan = create(account, 10)
    Account.objects.filter(pk=account.pk).update(status=status)

    with refused(fault):
        create(account, 10)
    with refused(fault):
        loans.activate_loan(actor_id=None, loan_id=loan.pk)
    assert loans.reject_loan(actor_id=None, loan_id=loan.pk).state == "rejected"


@pytest.mark.parametrize("amount", ["0", "-5", "0.001"])
def test_an_amount_that_is_none_is_refused(amount):
    """E-S4-3, BUG-S4-3."""
    account = make_account(credit_line=1000)
    make_loan(account, 100)
    with refused(InvalidAmount):
        create(account, amount)
    with refused(InvalidAmount):
        pay(account, amount)


def test_a_partners_name_is_used_once_in_a_bank():
    """E-S4-7; another bank's partner may use it, too."""
    bank = make_bank()
    account, other = make_account(bank, credit_line=1000), make_account(bank, credit_line=1000)
    create(account, 10, external_id="L-1")
    make_loan(account, 100)
    pay(account, 10, external_id="P-1")

    with refused(ExternalIdTaken):
        create(other, 10, external_id="L-1")
    with refused(ExternalIdTaken):
        pay(account, 10, external_id="P-1")
    assert create(make_account(credit_line=10), 10, external_id="L-1").external_id == "L-1"


# Steps


def test_activating_books_what_was_lent_to_the_partner():
    account = make_account(credit_line=5000)
    loan = create(account, 600, taken_at=on_day(1, 1))

    active = loans.activate_loan(actor_id=None, loan_id=loan.pk)

    assert state_of(loan) == ("active", 600)
    assert active.taken_at.date() == datetime.now(UTC).date()
    assert (own_accounts(account), account.balance) == ({RECEIVABLE: -600, CLEARING: 600}, 0)


@pytest.mark.parametrize("door", [Door.CUSTOMER, Door.MANAGER])
def test_activating_a_loan_of_the_bank_pays_it_out(door):
    account = make_account()
    make_loan(account, 600, door=door)

    account.refresh_from_db()
    assert (own_accounts(account), account.balance) == ({RECEIVABLE: -600}, 600)


def test_charging_off_makes_what_is_owed_a_loss():
    account = make_account()
    loan = make_loan(account, 600)
    pay(account, 100)

    loans.charge_off_loan(actor_id=None, loan_id=loan.pk)

    assert state_of(loan) == ("charged_off", 0)
    assert own_accounts(account) == {RECEIVABLE: 0, CLEARING: 500, LOSS: -500}


STEPS = {
    "activate": (loans.activate_loan, {LoanState.PENDING}, NotPending),
    "reject": (loans.reject_loan, {LoanState.PENDING}, NotPending),
    "charge off": (loans.charge_off_loan, {LoanState.ACTIVE}, NotActive),
}


@pytest.mark.parametrize("state", LoanState.values)
def test_every_step_that_the_state_does_not_allow_names_the_state(state):
    """E-S4-14, BUG-S4-7, S4-B6."""
    account = make_account()
    loan = make_loan(account, 100, state=LoanState.ACTIVE if state == LoanState.PAID else LoanState(state))
    if state == LoanState.PAID:
        pay(account, 100)
    for step, allowed, fault in STEPS.values():
        if state not in allowed:
            with refused(fault) as caught:
                step(actor_id=None, loan_id=loan.pk)
            assert caught.value.extra == {"state": state}
            assert f"'{state}'" in caught.value.detail


def test_the_words_that_partners_know():
    """S4-R9, S4-R10."""
    loan = make_loan(make_account())
    for step, move in ((loans.activate_loan, "activated"), (loans.reject_loan, "rejected")):
        with pytest.raises(NotPending) as caught:
            step(actor_id=None, loan_id=loan.pk)
        assert f"only loans in 'pending' may be {move}" in caught.value.detail.lower()


def test_an_unknown_loan_is_not_found():
    account = make_account()
    with refused(LoanUnknown):
        loans.activate_loan(actor_id=None, loan_id=account.pk)


# Payments


def test_the_worked_example_of_a_payment():
    """S4-B10: 700 on 600 (1 April) and 400 (2 April), whichever was made first."""
    account = make_account()
    second, first = make_loan(account, 400, taken_at=on_day(4, 2)), make_loan(account, 600, taken_at=on_day(4, 1))

    payment = pay(account, 700)

    assert (payment.status, payment.paid_at is not None) == ("completed", True)
    assert parts_of(payment) == [(first.pk, 600), (second.pk, 100)]
    assert (state_of(first), state_of(second)) == (("paid", 0), ("active", 300))
    assert own_accounts(account) == {RECEIVABLE: -300, CLEARING: 300}


def test_the_worked_example_of_a_payment_above_the_debt():
    """S4-B11, S4-B7: it is kept, and moved nothing."""
    account = make_account()
    made = [make_loan(account, amount) for amount in (600, 400)]
    before = own_accounts(account)

    payment = pay(account, 1200)

    kept = Payment.objects.get(pk=payment.pk)
    assert (kept.status, kept.paid_at, kept.posting, parts_of(payment)) == ("rejected", None, None, [])
    assert [state_of(loan) for loan in made] == [("active", 600), ("active", 400)]
    assert own_accounts(account) == before


def test_a_payment_without_debt_is_rejected_and_kept():
    """E-S4-8."""
    assert pay(make_account(), 1).status == "rejected"


def test_a_payment_reaches_active_loans_only():
    """S4-B9 as settled, BUG-S4-4: a loan that nobody approved is neither paid nor made active."""
    account = make_account()
    waiting, active = make_loan(account, 500, state=LoanState.PENDING), make_loan(account, 300)

    assert pay(account, 301).status == "rejected"
    assert pay(account, 300).status == "completed"
    assert (state_of(waiting), state_of(active)) == (("pending", 500), ("paid", 0))


def test_loans_without_a_day_come_last_and_in_the_order_of_making():
    """E-S4-10, BUG-S4-5."""
    account = make_account()
    made = [make_loan(account, 100) for _ in range(4)]
    Loan.objects.filter(pk__in=[made[0].pk, made[1].pk]).update(taken_at=None)
    Loan.objects.filter(pk=made[3].pk).update(taken_at=on_day(1, 1))
    Loan.objects.filter(pk=made[2].pk).update(taken_at=on_day(1, 1))

    payment = pay(account, 400)

    assert [loan_id for loan_id, _ in parts_of(payment)] == [made[place].pk for place in (2, 3, 0, 1)]


def test_what_a_payment_changes_says_when():
    """BUG-S4-6."""
    account = make_account()
    loan = make_loan(account)
    Loan.objects.filter(pk=loan.pk).update(updated_at=on_day(1, 1))

    pay(account, 1)

    assert Loan.objects.get(pk=loan.pk).updated_at.date() == datetime.now(UTC).date()


def test_a_payment_out_of_the_account_takes_its_balance():
    account = make_account(balance=500)
    loan = make_loan(account, 300)

    pay(account, 200, from_balance=True)

    account.refresh_from_db()
    assert (account.balance, state_of(loan)) == (300, ("active", 100))
    Account.objects.filter(pk=account.pk).update(status="frozen")
    with refused(AccountFrozen):
        pay(account, 100, from_balance=True)
    assert pay(account, 50).status == "completed"  # A frozen account's debt is paid from outside.


def test_a_payment_out_of_an_account_that_has_not_got_it_is_refused():
    account = make_account(balance=10)
    make_loan(account, 300)
    with refused(InsufficientFunds):
        pay(account, 11, from_balance=True)


def test_a_payment_costs_the_same_for_any_number_of_loans(django_assert_num_queries):
    account = make_account()
    for _ in range(3):
        make_loan(account, 10)
    pay(account, 1)  # Prepares the audit's statement on this connection.
    with django_assert_num_queries(7):
        pay(account, 29)


# Who hears


def test_the_person_and_other_parts_hear_what_happened(make_user, monkeypatch):
    heard = []
    for name in ("loan_created", "loan_activated", "loan_paid", "payment_completed", "payment_rejected"):
        hook = getattr(facts, name)
        monkeypatch.setattr(hook, "_listeners", [lambda fact, name=name: heard.append((name, fact))])
    user = make_user()
    account = make_account(customer=make_customer(user=user))
    loan = make_loan(account, 100)

    pay(account, 101)
    pay(account, 100)

    assert user_events(user) == ["loan.activated", "payment.rejected", "payment.completed", "loan.paid"]
    assert [name for name, _ in heard] == [
        "loan_created", "loan_activated", "payment_rejected", "loan_paid", "payment_completed",
    ]  # fmt: skip
    assert [(detail.loan_id, detail.amount) for detail in heard[-1][1].details] == [(loan.pk, 100)]
    actions = AuditLog.objects.filter(subject_id=user.pk, action__regex=r"^(loan|payment)\.").order_by("id")
    assert list(actions.values_list("action", flat=True)) == [
        "loan.created", "loan.activated", "payment.rejected", "payment.completed",
    ]  # fmt: skip


def test_a_partners_doing_names_its_key():
    account = make_account(credit_line=100)
    loans.create_loan(
        actor_id=None, account_id=account.pk, amount=Decimal(10), door=Door.PARTNER, key_prefix="aBc12345"
    )
    row = AuditLog.objects.get(action="loan.created")
    assert (row.actor_id, row.facts["prefix"], row.facts["amount"]) == (None, "aBc12345", "10.00")


def test_a_listener_that_fails_undoes_it(monkeypatch):
    account = make_account()
    make_loan(account, 100)

    def fail(_):
        raise ZeroDivisionError

    monkeypatch.setattr(facts.payment_completed, "_listeners", [fail])
    with refused(ZeroDivisionError):
        pay(account, 50)


# What the database refuses


@pytest.mark.parametrize(
    "wrong",
    [
        {"outstanding": -1},
        {"outstanding": 101},
        {"state": "paid"},
        {"state": "gone"},
        {"recorded": True},
        {"loan_status": "Fully Paid"},
    ],
)
def test_a_loan_row_that_cannot_be_is_refused_by_the_database(wrong):
    loan = make_loan(make_account(), 100)
    with refused(IntegrityError), transaction.atomic():
        Loan.objects.filter(pk=loan.pk).update(**wrong)


def test_what_a_payment_went_to_cannot_be_deleted():
    """BUG-S4-21."""
    account = make_account()
    loan = make_loan(account, 100)
    pay(account, 10)
    with refused(IntegrityError):
        loan.delete()
