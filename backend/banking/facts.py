"""What happened in the books, for other parts of banking to hear: webhooks, budget entries, notices, schedules.

Each hook is called in the transaction of the fact, with the account locked: a listener that fails undoes it, one that
takes long holds everybody up. Listeners are registered in `AppConfig.ready()`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from backend.banking.models import Account, InternalKind, Loan, Payment, PaymentDetail, Posting
from backend.common.hooks import Hook


@dataclass(frozen=True, slots=True)
class Booked:
    """One entry as it was written. `account` (its bank and customer are loaded) is None for a bank's own account."""

    bank_id: UUID
    amount: Decimal
    account: Account | None
    internal: InternalKind | None
    balance_after: Decimal | None


@dataclass(frozen=True, slots=True)
class PostingMade:
    posting: Posting
    entries: tuple[Booked, ...]


@dataclass(frozen=True, slots=True)
class LoanMoved:
    """A loan has reached its present state; `posting` is what the ledger says of it, where it says something."""

    loan: Loan
    account: Account
    posting: Posting | None = None


@dataclass(frozen=True, slots=True)
class PaymentDecided:
    """A payment was taken or refused. `details` say what went to which loan (`detail.loan` is as it is now)."""

    payment: Payment
    account: Account
    details: tuple[PaymentDetail, ...] = ()


@dataclass(frozen=True, slots=True)
class HoldDue:
    """A hold's time ran out, and nothing is locked yet. Whoever owns it (a transfer) calls `claim` and decides it, in
    this unit of work and in its own lock order; an unclaimed one is voided."""

    hold_id: UUID
    claim: Callable[[], None]


posting_made: Hook[PostingMade] = Hook("posting_made")
loan_created: Hook[LoanMoved] = Hook("loan_created")
loan_activated: Hook[LoanMoved] = Hook("loan_activated")
loan_rejected: Hook[LoanMoved] = Hook("loan_rejected")
loan_paid: Hook[LoanMoved] = Hook("loan_paid")
loan_charged_off: Hook[LoanMoved] = Hook("loan_charged_off")
payment_completed: Hook[PaymentDecided] = Hook("payment_completed")
payment_rejected: Hook[PaymentDecided] = Hook("payment_rejected")
payment_reversed: Hook[PaymentDecided] = Hook("payment_reversed")
hold_due: Hook[HoldDue] = Hook("hold_due")
