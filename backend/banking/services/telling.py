"""What the loan book does with each fact: the trail's row, the person's notice, and what else of banking listens."""

from typing import Any

from backend.audit import services as audit
from backend.banking.models import Account, Loan, Payment
from backend.common.unit_of_work import UnitOfWork
from backend.notifications import services as notifications
from backend.notifications.banking_notices import (
    LoanActivated,
    LoanDecided,
    LoanPaid,
    PaymentCompleted,
    PaymentRejected,
)
from backend.notifications.notice import Notice


def record(
    action: str, target: Loan | Payment, account: Account, *, actor_id: int | None, key_prefix: str, **facts: Any
) -> None:
    """Record who did it: a person, or a partner whose key the facts name."""
    named = {"prefix": key_prefix} if key_prefix else {}
    audit.record(
        actor_id=actor_id,
        action=action,
        target=target,
        subject_id=account.customer.user_id,
        facts={"bank": str(account.bank_id), **facts, **named},
    )


def tell(unit: UnitOfWork, account: Account, notice: Notice) -> None:
    """Tell the account's person, if somebody has joined it with a user."""
    if account.customer.user_id is not None:
        notifications.tell(unit, topics=[notifications.inbox_of(account.customer.user_id)], notice=notice)


def loan_decided(loan: Loan) -> LoanDecided:
    return LoanDecided(state=str(loan.state), **_of(loan))


def loan_activated(loan: Loan) -> LoanActivated:
    return LoanActivated(**_of(loan))


def loan_paid(loan: Loan) -> LoanPaid:
    return LoanPaid(**_of(loan))


def payment_decided(payment: Payment) -> PaymentCompleted | PaymentRejected:
    kind = PaymentRejected if payment.posting_id is None else PaymentCompleted
    return kind(
        payment_id=str(payment.pk),
        account_id=str(payment.account_id),
        amount=str(payment.total_amount),
        currency=payment.currency,
    )


def _of(loan: Loan) -> dict[str, str]:
    return {
        "loan_id": str(loan.pk),
        "account_id": str(loan.account_id),
        "amount": str(loan.current_loan_amount),
        "currency": loan.currency,
    }
