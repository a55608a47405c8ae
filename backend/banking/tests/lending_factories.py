"""People who borrow, what they borrow for, and what is stored of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from backend.banking.amortisation import DayCount, Method
from backend.banking.models import (
    Account,
    Bank,
    Customer,
    Instalment,
    InternalKind,
    Loan,
    LoanApplication,
    LoanProduct,
    LoanTerms,
    Repayment,
)
from backend.banking.selectors.ledger import internal_balance, trial_balance
from backend.banking.services.lending import applications
from backend.banking.tests.factories import everything_stored, make_account, make_bank
from backend.common.principal import Principal
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.realtime.models import Event

START = date(2026, 1, 15)


@dataclass(frozen=True)
class Borrower:
    """A verified person with an account at a bank that lends."""

    user: User
    account: Account
    product: LoanProduct

    @property
    def actor(self) -> Principal:
        return principal_of(self.user)

    @property
    def bank(self) -> Bank:
        return self.account.bank

    def balance(self) -> Decimal:
        return Account.objects.get(pk=self.account.pk).balance


def verified(user: User) -> User:
    user.kyc_status = User.KycStatus.APPROVED
    user.save(update_fields=["kyc_status"])
    return user


def customer_of(user: User) -> Customer:
    found = Customer.objects.filter(user=user).first()
    return found or Customer.objects.create(user=user, first_name="Ana", last_name="Silva")


def make_product(bank: Bank | None = None, **fields: Any) -> LoanProduct:
    bank = bank or make_bank()
    usual = {
        "name": "Personal loan",
        "currency": bank.currency,
        "annual_rate": Decimal("12.0000"),
        "day_count": DayCount.THIRTY_360,
        "amount_min": Decimal("100.00"),
        "amount_max": Decimal("50000.00"),
        "months_min": 1,
        "months_max": 84,
    }
    return LoanProduct.objects.create(bank=bank, **{**usual, **fields})


def make_borrower(
    make_user: Callable[..., User], *, balance: str | int = 0, user: User | None = None, **fields: Any
) -> Borrower:
    user = verified(user or make_user())
    product = make_product(**fields)
    return Borrower(user, make_account(product.bank, customer_of(user), balance=balance), product)


def apply(borrower: Borrower, amount: str | int = 1200, months: int = 12, **more: Any) -> LoanApplication:
    asked = {"method": Method.ANNUITY, "purpose": "Buy a Car", "product_id": borrower.product.pk, **more}
    return applications.apply(
        **{
            "actor": borrower.actor,
            "account_id": borrower.account.pk,
            "amount": Decimal(amount),
            "months": months,
            **asked,
        }
    )


def make_admin(make_user: Callable[..., User]) -> Principal:
    return principal_of(make_user("BANK_ADMIN"))


def lend(
    make_user: Callable[..., User],
    borrower: Borrower,
    amount: str | int = 1200,
    months: int = 12,
    *,
    today: date | None = START,
    **more: Any,
) -> Loan:
    """Have a loan asked for and paid out on a day."""
    application = apply(borrower, amount, months, today=today, **more)
    applications.approve(actor=make_admin(make_user), application_id=application.pk, today=today)
    return Loan.objects.get(pk=application.loan_id)


def plan_of(loan: Loan) -> list[tuple[int, str, str, str, str]]:
    """The schedule as it stands: number, due date, principal, interest, state."""
    rows = Instalment.objects.filter(loan=loan).order_by("number")
    return [(one.number, str(one.due_on), str(one.principal), str(one.interest), str(one.state)) for one in rows]


def state_of(loan: Loan) -> tuple[str, str]:
    state, outstanding = Loan.objects.values_list("state", "outstanding").get(pk=loan.pk)
    return state, str(outstanding)


def own_accounts(bank: Bank) -> dict[str, str]:
    """What a bank's loans have made of its own accounts; what came in as cash is left out."""
    kinds = (InternalKind.LOANS_RECEIVABLE, InternalKind.INTEREST_INCOME, InternalKind.CHARGE_OFF_LOSS)
    assert all(side.total == 0 for side in trial_balance(bank))
    return {kind.value: str(internal_balance(bank.pk, kind, bank.currency)) for kind in kinds}


def heard(user: User) -> list[str]:
    """The kinds of what a person was told, in order."""
    return list(Event.objects.filter(topic__key=f"user.{user.pk}").order_by("seq").values_list("kind", flat=True))


def at_the_desk() -> list[str]:
    return list(Event.objects.filter(topic__key="desk.bank_admin").order_by("seq").values_list("kind", flat=True))


def lending_stored() -> dict[str, Any]:
    return {
        **everything_stored(),
        "applications": sorted(LoanApplication.objects.values_list("pk", "status", "reason")),
        "terms": sorted(map(str, LoanTerms.objects.values())),
        "instalments": sorted(Instalment.objects.values_list("pk", "state", "principal", "interest")),
        "repayments": Repayment.objects.count(),
        "products": sorted(map(str, LoanProduct.objects.values())),
    }


@contextmanager
def refused(*faults: type[Exception]) -> Iterator[pytest.ExceptionInfo[Exception]]:
    """What is refused inside changes nothing."""
    before = lending_stored()
    with pytest.raises(faults) as caught:
        yield caught
    assert lending_stored() == before
