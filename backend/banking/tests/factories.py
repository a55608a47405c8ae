"""Banks and what is in them, made by the services; and what is stored of them.

Money comes into an account by an opening posting, as the manager's door books it.
"""

import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from backend.audit.models import AuditLog
from backend.banking import ledger
from backend.banking.ledger import Line
from backend.banking.models import (
    Account,
    Bank,
    Customer,
    Door,
    Entry,
    Hold,
    InternalKind,
    Loan,
    LoanState,
    Payment,
    PaymentDetail,
    Posting,
    PostingKind,
)
from backend.banking.services import loans, payments
from backend.common.unit_of_work import unit_of_work
from backend.realtime.models import Event

_numbers = itertools.count(1)


def make_bank(**fields: Any) -> Bank:
    return Bank.objects.create(**{"bank_name": f"Bank {next(_numbers)}", **fields})


def make_customer(**fields: Any) -> Customer:
    return Customer.objects.create(**{"first_name": "Ana", "last_name": "Silva", **fields})


def make_account(
    bank: Bank | None = None, customer: Customer | None = None, *, balance: str | int = 0, **fields: Any
) -> Account:
    bank = bank or make_bank()
    numbered = {"account_number": uuid.uuid4().hex[:16], "currency": bank.currency}
    account = Account.objects.create(bank=bank, customer=customer or make_customer(), **{**numbered, **fields})
    if Decimal(balance):
        fund(account, balance)
    return account


def fund(account: Account, amount: str | int) -> Posting:
    """Bring money into an account, as its opening does."""
    return move(account, amount, kind=PostingKind.OPENING)


def move(account: Account, amount: str | int, *, kind: PostingKind = PostingKind.DEPOSIT) -> Posting:
    """Post an amount on an account against cash: above zero in, below out. `account` is as it is afterwards."""
    with unit_of_work():
        (locked,) = ledger.lock_accounts(account.pk)
        lines = [
            Line(Decimal(amount), account=locked),
            Line(-Decimal(amount), internal=(locked.bank_id, InternalKind.CASH)),
        ]
        posting = ledger.post(bank=locked.bank, kind=kind, lines=lines, currency=locked.currency, actor_id=None)
    account.refresh_from_db()
    return posting


def transfer(source: Account, target: Account, amount: str | int) -> Posting:
    """Post an amount from one account to another of the same bank, as the ledger alone does it."""
    with unit_of_work():
        out, into = ledger.lock_accounts(source.pk, target.pk)
        lines = [Line(-Decimal(amount), account=out), Line(Decimal(amount), account=into)]
        return ledger.post(bank=out.bank, kind=PostingKind.TRANSFER, lines=lines, currency=out.currency, actor_id=None)


def make_loan(
    account: Account,
    amount: str | int = 1000,
    *,
    state: LoanState = LoanState.ACTIVE,
    door: Door = Door.PARTNER,
    taken_at: datetime | None = None,
    **terms: Any,
) -> Loan:
    """Make a loan by the services, as far as `state`. The account gets a line for it where it has none and needs one.

    `taken_at` is set behind the services' back, for tests of the order in which payments reach loans.
    """
    if door == Door.PARTNER and account.credit_line is None:
        account.credit_line = Decimal(1_000_000)
        account.save(update_fields=["credit_line"])
    loan = loans.create_loan(
        actor_id=None, account_id=account.pk, amount=Decimal(amount), door=door, terms=loans.Terms(**terms)
    )
    if state == LoanState.REJECTED:
        loan = loans.reject_loan(actor_id=None, loan_id=loan.pk)
    elif state != LoanState.PENDING:
        loan = loans.activate_loan(actor_id=None, loan_id=loan.pk)
    if state == LoanState.CHARGED_OFF:
        loan = loans.charge_off_loan(actor_id=None, loan_id=loan.pk)
    if taken_at is not None:
        Loan.objects.filter(pk=loan.pk).update(taken_at=taken_at)
        loan.taken_at = taken_at
    return loan


def pay(account: Account, amount: str | int, **more: Any) -> Payment:
    """Pay towards an account's loans, through the partner unless told otherwise."""
    return payments.pay(actor_id=None, account_id=account.pk, total_amount=Decimal(amount), **more)


def on_day(month: int, day: int) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


def everything_stored() -> dict[str, Any]:
    """Return what there is of everything that a refusal must not change."""
    counted = (Posting, Entry, Hold, Payment, PaymentDetail, Event, AuditLog)
    return {
        **{model.__name__: model.objects.count() for model in counted},
        "accounts": sorted(Account.objects.values_list("pk", "balance", "held", "status")),
        "loans": sorted(Loan.objects.values_list("pk", "state", "outstanding")),
    }


@contextmanager
def refused(*faults: type[Exception]) -> Iterator[pytest.ExceptionInfo[Exception]]:
    """What is refused inside changes nothing."""
    before = everything_stored()
    with pytest.raises(faults) as caught:
        yield caught
    assert everything_stored() == before
