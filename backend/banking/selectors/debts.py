"""What accounts owe. Exact while the account is locked: loans of an account change under that lock only.

A loan of the customer door counts as debt like any other. It is paid back by its own schedule (services/lending), so
payments, which know no interest, do not reach it.
"""

from decimal import Decimal
from uuid import UUID

from django.db.models import F, QuerySet, Sum

from backend.banking.models import Account, Door, Loan, LoanState

ZERO = Decimal("0.00")
OWING = (LoanState.PENDING, LoanState.ACTIVE)


def total_debt(account_id: UUID) -> Decimal:
    """Return what PENDING and ACTIVE loans owe: what counts for the credit line (S4-B3)."""
    return _outstanding(Loan.objects.filter(account_id=account_id, state__in=OWING))


def active_debt(account_id: UUID) -> Decimal:
    """Return what ACTIVE loans owe that payments reach: what can be paid (S4-B7)."""
    return _outstanding(active_loans(account_id).order_by())


def available_credit(account: Account) -> Decimal:
    """Return what of the account's line is left, below zero when it was cut. An account without a line has none."""
    return (account.credit_line or ZERO) - total_debt(account.pk)


def active_loans(account_id: UUID) -> QuerySet[Loan]:
    """Return ACTIVE loans in the order in which payments reach them: oldest `taken_at` first, then as they were
    created (S4-B8, E-S4-10). Those of the customer door are not among them."""
    rows = Loan.objects.filter(account_id=account_id, state=LoanState.ACTIVE).exclude(door=Door.CUSTOMER)
    return rows.order_by(F("taken_at").asc(nulls_last=True), "created_at", "loan_id")


def _outstanding(rows: QuerySet[Loan]) -> Decimal:
    return rows.aggregate(total=Sum("outstanding"))["total"] or ZERO
