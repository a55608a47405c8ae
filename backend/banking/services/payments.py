"""Payments on an account's debt: whole or not at all, oldest loan first, never more than is owed."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from backend.banking import facts, ledger
from backend.banking.ledger import Line
from backend.banking.models import (
    Account,
    InternalKind,
    Loan,
    LoanState,
    Payment,
    PaymentDetail,
    PaymentStatus,
    PostingKind,
)
from backend.banking.selectors import debts
from backend.banking.services import telling
from backend.banking.services.loans import check_usable
from backend.banking.services.names import unique_names
from backend.common.unit_of_work import UnitOfWork, unit_of_work

ZERO = Decimal("0.00")


def pay(
    *,
    actor_id: int | None,
    account_id: UUID,
    total_amount: Decimal,
    external_id: str | None = None,
    from_balance: bool = False,
    key_prefix: str = "",
) -> Payment:
    """Pay towards an account's ACTIVE loans and return the payment, COMPLETED or REJECTED.

    One above what ACTIVE loans owe (also when they owe nothing, E-S4-8) is stored as REJECTED and moves nothing.
    Otherwise the loan that was taken first gets its part first (S4-B8), and one that owes nothing any more is PAID.
    The money comes through the partner, or `from_balance` out of the account itself.
    Repeating: a second payment; the doors' idempotency keys and `external_id` tell a repeat.
    Raises: InvalidAmount, AccountUnknown, ExternalIdTaken; from the balance AccountFrozen, AccountClosed,
    InsufficientFunds.
    Locks: the account, then its ACTIVE loans.
    Calls: `facts.loan_paid`, then `facts.payment_completed`, or `facts.payment_rejected`.
    After commit: `payment.completed` or `payment.rejected`, and `loan.paid`, to the person.
    """
    total_amount = ledger.checked_amount(total_amount)
    with unique_names(), unit_of_work() as unit:
        (account,) = ledger.lock_accounts(account_id)
        if from_balance:
            check_usable(account)
        payment = Payment(
            account=account,
            bank_id=account.bank_id,
            external_id=external_id,
            total_amount=total_amount,
            currency=account.currency,
            status=PaymentStatus.REJECTED,
        )
        loans = list(_locked(debts.active_loans(account_id)))
        details: list[PaymentDetail] = []
        if total_amount <= sum(loan.outstanding for loan in loans):
            details = _share_out(payment, loans)
            _complete(payment, account, details, actor_id=actor_id, from_balance=from_balance)
        else:
            payment.save(force_insert=True)
        _tell(unit, payment, account, details, actor_id=actor_id, key_prefix=key_prefix)
    return payment


def _locked(rows: QuerySet[Loan]) -> QuerySet[Loan]:
    """The account's lock guards their state; this one keeps whoever edits a loan's words from writing old numbers."""
    return rows.select_for_update(no_key=True)


def _share_out(payment: Payment, loans: list[Loan]) -> list[PaymentDetail]:
    """Take from the loans in order, and return what each gets: one detail for each loan that is touched."""
    details, left = [], payment.total_amount
    for loan in loans:
        if left == 0:
            break
        part = min(loan.outstanding, left)
        left -= part
        loan.outstanding -= part
        loan.state = LoanState.PAID if loan.outstanding == 0 else LoanState.ACTIVE
        details.append(PaymentDetail(payment=payment, loan=loan, amount=part))
    return details


def _complete(
    payment: Payment, account: Account, details: list[PaymentDetail], *, actor_id: int | None, from_balance: bool
) -> None:
    bank_id, amount = account.bank_id, payment.total_amount
    clearing = Line(-amount, internal=(bank_id, InternalKind.PARTNER_CLEARING))
    posting = ledger.post(
        bank=account.bank,
        kind=PostingKind.PAYMENT,
        lines=[
            Line(-amount, account=account) if from_balance else clearing,
            Line(amount, internal=(bank_id, InternalKind.LOANS_RECEIVABLE)),
        ],
        currency=account.currency,
        actor_id=actor_id,
    )
    now = datetime.now(UTC)
    payment.status, payment.paid_at, payment.posting = PaymentStatus.COMPLETED, now, posting
    payment.save(force_insert=True)
    for detail in details:
        detail.loan.updated_at = now  # bulk_update knows no auto_now (BUG-S4-6).
    Loan.objects.bulk_update([detail.loan for detail in details], ["outstanding", "state", "updated_at"])
    PaymentDetail.objects.bulk_create(details)


def _tell(
    unit: UnitOfWork,
    payment: Payment,
    account: Account,
    details: list[PaymentDetail],
    *,
    actor_id: int | None,
    key_prefix: str,
) -> None:
    paid = [detail.loan for detail in details if detail.loan.state == LoanState.PAID]
    telling.record(
        f"payment.{payment.status}",
        payment,
        account,
        actor_id=actor_id,
        key_prefix=key_prefix,
        amount=payment.total_amount,
        posting=payment.posting_id,
        paid=[str(loan.pk) for loan in paid],
    )
    for loan in paid:
        facts.loan_paid(facts.LoanMoved(loan, account, payment.posting))
    decided = facts.PaymentDecided(payment, account, tuple(details))
    (facts.payment_completed if details else facts.payment_rejected)(decided)
    telling.tell(unit, account, telling.payment_decided(payment))
    for loan in paid:
        telling.tell(unit, account, telling.loan_paid(loan))
