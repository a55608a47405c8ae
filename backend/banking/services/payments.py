"""Payments on an account's debt: whole or not at all, oldest loan first, never more than is owed."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from backend.banking import facts, ledger
from backend.banking.facts import PaymentDecided
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
from backend.banking.selectors import people
from backend.banking.services import telling
from backend.banking.services.loans import check_usable
from backend.banking.services.names import unique_names
from backend.common.principal import Principal
from backend.common.rows import columns_of, models_of
from backend.common.unit_of_work import UnitOfWork, unit_of_work

# As `debts.active_loans` orders them.
_LOANS = (
    "SELECT {columns} FROM banking_loan l WHERE l.account_id = %s AND l.state = 'active' AND l.door <> 'customer'"
    " ORDER BY l.taken_at ASC NULLS LAST, l.created_at, l.loan_id FOR NO KEY UPDATE"
)
_STORE = """
WITH payment AS (
    INSERT INTO banking_payment (id, account_id, bank_id, external_id, total_amount, currency, status, paid_at,
        posting_id, created_at)
    VALUES (%(id)s, %(account_id)s, %(bank_id)s, %(external_id)s, %(total_amount)s, %(currency)s, %(status)s,
        %(paid_at)s, %(posting_id)s, %(created_at)s)
), moved AS (
    UPDATE banking_loan l SET outstanding = n.outstanding, state = n.state, updated_at = %(now)s
    FROM unnest(%(loans)s::uuid[], %(left)s::numeric[], %(states)s::text[]) n(loan_id, outstanding, state)
    WHERE l.loan_id = n.loan_id
)
INSERT INTO banking_paymentdetail (payment_id, loan_id, amount)
SELECT %(id)s, n.loan_id, n.amount FROM unnest(%(loans)s::uuid[], %(parts)s::numeric[]) WITH ORDINALITY
    AS n(loan_id, amount, place) ORDER BY place
RETURNING id
"""


def pay(
    *,
    actor_id: int | None,
    account_id: UUID,
    total_amount: Decimal,
    external_id: str | None = None,
    from_balance: bool = False,
    key_prefix: str = "",
) -> Payment:
    """Pay as `decide_payment` does, and return the payment alone."""
    return decide_payment(
        actor_id=actor_id,
        account_id=account_id,
        total_amount=total_amount,
        external_id=external_id,
        from_balance=from_balance,
        key_prefix=key_prefix,
    ).payment


def pay_for_bank(*, actor: Principal, account_id: UUID, total_amount: Decimal) -> PaymentDecided:
    """Pay out of an account towards its loans, as the staff of its bank; decide, raise and tell as `decide_payment`.

    Raises: AccountUnknown (to whoever is no staff of the bank, too), OwnAccount; then as `decide_payment`.
    """
    people.staffed_account(actor=actor, account_id=account_id, is_hidden=True)
    return decide_payment(actor_id=actor.id, account_id=account_id, total_amount=total_amount, from_balance=True)


def decide_payment(
    *,
    actor_id: int | None,
    account_id: UUID,
    total_amount: Decimal,
    external_id: str | None = None,
    from_balance: bool = False,
    key_prefix: str = "",
) -> PaymentDecided:
    """Pay towards an account's ACTIVE loans; return the payment, COMPLETED or REJECTED, and what went to which loan.

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
            created_at=datetime.now(UTC),
        )
        loans = _lock_active_loans(account)
        details: list[PaymentDetail] = []
        if total_amount <= sum(loan.outstanding for loan in loans):
            details = _share_out(payment, loans)
            _book(payment, account, actor_id=actor_id, from_balance=from_balance)
        _store(payment, details)
        decided = PaymentDecided(payment, account, tuple(details))
        _tell(unit, decided, actor_id=actor_id, key_prefix=key_prefix)
    return decided


def _lock_active_loans(account: Account) -> list[Loan]:
    """Return them in the order in which payments reach them (`debts.active_loans` says which).

    The account's lock guards their state; theirs keeps whoever edits a loan's words from writing old numbers.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOANS.format(columns=columns_of(Loan, "l")), [account.pk])
        loans = [models_of(row, Loan)[0] for row in cursor.fetchall()]
    for loan in loans:
        loan.account = account
    return loans


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


def _book(payment: Payment, account: Account, *, actor_id: int | None, from_balance: bool) -> None:
    bank_id, amount = account.bank_id, payment.total_amount
    clearing = Line(-amount, internal=(bank_id, InternalKind.PARTNER_CLEARING))
    payment.posting = ledger.post(
        bank=account.bank,
        kind=PostingKind.PAYMENT,
        lines=[
            Line(-amount, account=account) if from_balance else clearing,
            Line(amount, internal=(bank_id, InternalKind.LOANS_RECEIVABLE)),
        ],
        currency=account.currency,
        actor_id=actor_id,
    )
    payment.status, payment.paid_at = PaymentStatus.COMPLETED, datetime.now(UTC)


def _store(payment: Payment, details: list[PaymentDetail]) -> None:
    """Write the payment, its loans as they are now (BUG-S4-6: when, too) and what each took, in one statement."""
    loans = [detail.loan for detail in details]
    now = payment.paid_at or payment.created_at
    for loan in loans:
        loan.updated_at = now
    written: dict[str, Any] = {
        field.attname: getattr(payment, field.attname) for field in Payment._meta.concrete_fields
    }
    taken: dict[str, Any] = {
        "now": now,
        "loans": [loan.pk for loan in loans],
        "left": [loan.outstanding for loan in loans],
        "states": [str(loan.state) for loan in loans],
        "parts": [detail.amount for detail in details],
    }
    with connection.cursor() as cursor:
        cursor.execute(_STORE, {**written, "status": str(payment.status), **taken})
        for detail, (pk,) in zip(details, cursor.fetchall(), strict=True):
            detail.pk = pk
    payment._state.adding, payment._state.db = False, "default"


def _tell(unit: UnitOfWork, decided: PaymentDecided, *, actor_id: int | None, key_prefix: str) -> None:
    payment, account = decided.payment, decided.account
    paid = [detail.loan for detail in decided.details if detail.loan.state == LoanState.PAID]
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
    (facts.payment_completed if decided.details else facts.payment_rejected)(decided)
    telling.tell(unit, account, telling.payment_decided(payment))
    for loan in paid:
        telling.tell(unit, account, telling.loan_paid(loan))
