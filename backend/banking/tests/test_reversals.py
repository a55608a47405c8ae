"""Corrections: a mirror, once; and what a reversal may not do."""

import pytest

from backend.audit.models import AuditLog
from backend.audit.selectors import find_values
from backend.banking import facts, verification
from backend.banking.errors import AccountClosed, AlreadyReversed, InsufficientFunds, NotReversible, PostingUnknown
from backend.banking.models import Account, Entry, Loan, LoanState, Posting
from backend.banking.services import loans
from backend.banking.services.postings import reverse_posting
from backend.banking.tests.factories import (
    make_account,
    make_bank,
    make_customer,
    make_loan,
    move,
    pay,
    refused,
    transfer,
)

pytestmark = pytest.mark.django_db


def reverse(posting_id):
    return reverse_posting(actor_id=7, posting_id=posting_id, reason="a slip of the teller")


def amounts_of(posting):
    rows = Entry.objects.filter(posting=posting).order_by("id")
    return [(row.account_id, row.internal_account_id, row.amount) for row in rows]


def test_a_reversal_mirrors_each_entry(make_user):
    user, bank = make_user(), make_bank()
    source, target = make_account(bank, make_customer(user=user), balance=100), make_account(bank)
    sent = transfer(source, target, 40)

    reversal = reverse(sent.pk)

    assert amounts_of(reversal) == [(one, own, -amount) for one, own, amount in amounts_of(sent)]
    assert (reversal.kind, Posting.objects.get(pk=reversal.pk).reverses_id, reversal.actor_id) == (
        "reversal",
        sent.pk,
        7,
    )
    assert list(Account.objects.filter(bank=bank).order_by("-balance").values_list("balance", flat=True)) == [100, 0]
    row = AuditLog.objects.get(action="posting.reversed")
    assert (row.actor_id, row.target_id, row.facts["by"]) == (7, str(sent.pk), reversal.pk)
    assert find_values(row).values["new"] == {"reason": "a slip of the teller"}
    assert verification.prove().is_clean


def test_a_posting_is_reversed_once_and_a_reversal_never():
    account = make_account(balance=10)
    reversal = reverse(Posting.objects.get().pk)

    with refused(AlreadyReversed):
        reverse(reversal.reverses_id)
    with refused(NotReversible):
        reverse(reversal.pk)
    with refused(PostingUnknown):
        reverse(reversal.pk + 1000)
    assert Account.objects.get(pk=account.pk).balance == 0


def test_money_that_has_gone_on_does_not_come_back():
    account = make_account()
    deposit = move(account, 10)
    move(account, -1)

    with refused(InsufficientFunds):
        reverse(deposit.pk)


def test_a_closed_account_stays_as_it_is():
    account = make_account(balance=10)
    out = move(account, -10)
    Account.objects.filter(pk=account.pk).update(status="closed")

    with refused(AccountClosed):
        reverse(out.pk)


def test_a_frozen_account_can_be_corrected():
    account = make_account(balance=10)
    out = move(account, -4)
    Account.objects.filter(pk=account.pk).update(status="frozen")

    reverse(out.pk)

    assert Account.objects.get(pk=account.pk).balance == 10


def test_what_a_payment_brought_is_owed_again(monkeypatch):
    heard = []
    monkeypatch.setattr(facts.payment_reversed, "_listeners", [heard.append])
    account = make_account()
    first, second = make_loan(account, 100), make_loan(account, 200)
    payment = pay(account, 150)

    reverse(payment.posting_id)

    owing = Loan.objects.filter(pk__in=[first.pk, second.pk]).order_by("outstanding")
    assert list(owing.values_list("state", "outstanding")) == [("active", 100), ("active", 200)]
    assert heard[0].payment == payment
    assert verification.prove().is_clean
    assert pay(account, 300).status == "completed"
    assert verification.prove().is_clean


def test_a_payment_out_of_the_account_comes_back_to_it():
    account = make_account(balance=100)
    make_loan(account, 60)
    payment = pay(account, 60, from_balance=True)

    reverse(payment.posting_id)

    assert Account.objects.get(pk=account.pk).balance == 100
    assert verification.prove().is_clean


def test_a_payment_to_a_loan_that_was_charged_off_stays():
    account = make_account()
    loan = make_loan(account, 100)
    payment = pay(account, 40)
    loans.charge_off_loan(actor_id=None, loan_id=loan.pk)

    with refused(NotReversible):
        reverse(payment.posting_id)


@pytest.mark.parametrize("state", [LoanState.ACTIVE, LoanState.CHARGED_OFF])
def test_a_loan_goes_on_and_never_back(state):
    make_loan(make_account(), 100, state=state)

    with refused(NotReversible):
        reverse(Posting.objects.order_by("-id").first().pk)
