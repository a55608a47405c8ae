"""What all of lending stands on: who may, which day it is, which loan is meant."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from backend.banking import ledger
from backend.banking.amortisation import Conditions, DayCount, Method
from backend.banking.errors import LoanUnknown
from backend.banking.models import Account, Bank, Loan, LoanTerms
from backend.banking.services import loans
from backend.common.unit_of_work import UnitOfWork
from backend.identity import selectors as identity
from backend.notifications import services as notifications
from backend.notifications.notice import Notice

APPROVED = "APPROVED"


@dataclass(frozen=True, slots=True)
class Standing:
    """A loan with its terms, behind its account; all three are locked."""

    account: Account
    loan: Loan
    terms: LoanTerms


@dataclass(frozen=True, slots=True)
class Running:
    """What the terms of a loan say that was paid out and has something left to pay."""

    interest_from: date
    level: Decimal
    next_due_on: date
    next_amount: Decimal

    @classmethod
    def of(cls, terms: LoanTerms) -> "Running":
        found = (terms.interest_from, terms.level, terms.next_due_on, terms.next_amount)
        interest_from, level, next_due_on, next_amount = found
        if interest_from is None or level is None or next_due_on is None or next_amount is None:
            raise ValueError("nothing is left to pay on this loan")
        return cls(interest_from, level, next_due_on, next_amount)


def is_verified(user_id: int | None) -> bool:
    """Whether a person is verified and active; it stays so until the caller's transaction ends. Asked before accounts
    are locked. Locks: the user row, shared."""
    if user_id is None:
        return False
    status, is_active = identity.keep_verification(user_id)
    return status == APPROVED and is_active


def day_at(bank: Bank, today: date | None) -> date:
    """Return the day that the caller means, or the bank's present one."""
    return today if today is not None else ledger.booked_on(bank, datetime.now(UTC))


def lock_standing(loan_id: UUID) -> Standing:
    """Lock a loan of this door, as it is now. Raises: LoanUnknown. Locks: the account, the loan, its terms."""
    account, loan = loans.lock_loan(loan_id)
    terms = LoanTerms.objects.select_for_update(no_key=True).filter(loan=loan).first()
    if terms is None:
        raise LoanUnknown
    return Standing(account, loan, terms)


def conditions_of(terms: LoanTerms) -> Conditions:
    return Conditions(annual_rate=terms.annual_rate, method=Method(terms.method), day_count=DayCount(terms.day_count))


def tell_holder(unit: UnitOfWork, account: Account, notice: Notice) -> None:
    """Tell the account's person, if there is one."""
    if account.customer.user_id is not None:
        notifications.tell(unit, topics=[notifications.inbox_of(account.customer.user_id)], notice=notice)
