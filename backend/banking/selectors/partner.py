"""What a partner reads: its bank's customers (accounts with an `external_id`), loans and payments, as rows to render.

Each list is one query, or two where payments have details, whatever the page (BUG-S4-9).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from backend.banking.errors import AccountUnknown, LoanUnknown
from backend.banking.models import (
    Account,
    AccountStatus,
    Loan,
    LoanState,
    Payment,
    PaymentDetail,
    PaymentStatus,
)
from backend.banking.partner_errors import PaymentUnknown
from backend.banking.partners import PartnerPrincipal
from backend.banking.selectors import debts
from backend.common import keysets
from backend.common.keysets import Position, Row

ACTIVE, INACTIVE = 1, 2
# Partners read numbers (S4-M2, S4-M3; design.md section 5).
LOAN_STATES = {
    LoanState.PENDING.value: 1,
    LoanState.ACTIVE.value: 2,
    LoanState.REJECTED.value: 3,
    LoanState.PAID.value: 4,
    LoanState.CHARGED_OFF.value: 5,
}
PAYMENT_STATUSES = {PaymentStatus.COMPLETED.value: 1, PaymentStatus.REJECTED.value: 2}

_CUSTOMER = ("account_id", "external_id", "status", "is_paused", "credit_line", "preapproved_at", "created_at")
_LOAN = (
    *("loan_id", "external_id", "account__external_id", "current_loan_amount", "outstanding", "state"),
    *("contract_version", "taken_at", "maximum_payment_date", "created_at"),
)
_PAYMENT = ("id", "external_id", "account__external_id", "total_amount", "status", "paid_at", "created_at")
ZERO = Decimal("0.00")
_ACCOUNT_ID = "SELECT account_id FROM banking_account WHERE bank_id = %s AND external_id = %s"


def accounts_of(partner: PartnerPrincipal) -> QuerySet[Account]:
    return Account.objects.filter(bank_id=partner.bank_id, external_id__isnull=False)


def find_account_id(partner: PartnerPrincipal, external_id: str) -> UUID | None:
    """Return which account this customer is, or None. On the way of every payment."""
    if "\x00" in external_id:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNT_ID, [partner.bank_id, external_id])
        row = cursor.fetchone()
    return row[0] if row else None


def get_account_id(partner: PartnerPrincipal, external_id: str) -> UUID:
    """Raises: AccountUnknown."""
    found = find_account_id(partner, external_id)
    if found is None:
        raise AccountUnknown
    return found


def get_loan_id(partner: PartnerPrincipal, external_id: str) -> UUID:
    """Raises: LoanUnknown."""
    found: UUID | None = _named(_loans(partner, None).values_list("pk", flat=True), external_id)
    if found is None:
        raise LoanUnknown
    return found


def get_customer(partner: PartnerPrincipal, external_id: str) -> Row:
    """Raises: AccountUnknown."""
    found = _named(customers(partner), external_id)
    if found is None:
        raise AccountUnknown
    return customer_row(found)


def get_balance(partner: PartnerPrincipal, external_id: str) -> Row:
    """Return line, debt and what is left of the line (S4-B3). Raises: AccountUnknown."""
    account = _named(accounts_of(partner).only("pk", "credit_line"), external_id)
    if account is None:
        raise AccountUnknown
    score, debt = account.credit_line or ZERO, debts.total_debt(account.pk)
    return {"external_id": external_id, "score": score, "total_debt": debt, "available_amount": score - debt}


def get_loan(partner: PartnerPrincipal, external_id: str) -> Row:
    """Raises: LoanUnknown."""
    found = _named(loans(partner), external_id)
    if found is None:
        raise LoanUnknown
    return loan_row(found)


def get_payment(partner: PartnerPrincipal, external_id: str) -> Row:
    """Raises: PaymentUnknown."""
    found = _named(payments(partner), external_id)
    if found is None:
        raise PaymentUnknown
    return payment_rows([found])[0]


def customers(partner: PartnerPrincipal) -> QuerySet[Account, Row]:
    return accounts_of(partner).order_by("-created_at", "pk").values(*_CUSTOMER)


def loans(partner: PartnerPrincipal, account_id: UUID | None = None) -> QuerySet[Loan, Row]:
    return _loans(partner, account_id).order_by("-created_at", "pk").values(*_LOAN)


def payments(partner: PartnerPrincipal, account_id: UUID | None = None) -> QuerySet[Payment, Row]:
    return _payments(partner, account_id).order_by("-created_at", "pk").values(*_PAYMENT)


def rows_after(rows: QuerySet[Any, Row], after: Position | None, limit: int, *, key: str) -> list[Row]:
    """Return the rows of a list that follow a position, at one cost wherever that is."""
    return keysets.newest_first([rows], at="created_at", key=key, after=after, limit=limit)


def customer_row(row: Row) -> Row:
    """Return a customer as the partner reads it (S4-R2)."""
    return {
        "external_id": row["external_id"],
        "status": ACTIVE if row["status"] == AccountStatus.OPEN and not row["is_paused"] else INACTIVE,
        "score": ZERO if row["credit_line"] is None else row["credit_line"],
        "preapproved_at": row["preapproved_at"],
    }


def customer_of(account: Account) -> Row:
    return customer_row({name: getattr(account, name) for name in _CUSTOMER})


def loan_row(row: Row) -> Row:
    """Return a loan as the partner reads it (S4-R7)."""
    return {
        "external_id": row["external_id"],
        "customer_external_id": row["account__external_id"],
        "amount": row["current_loan_amount"],
        "outstanding": row["outstanding"],
        "status": LOAN_STATES[row["state"]],
        "contract_version": row["contract_version"],
        "taken_at": row["taken_at"],
        "maximum_payment_date": row["maximum_payment_date"],
    }


def loan_of(loan: Loan, account: Account) -> Row:
    row = {name: getattr(loan, name) for name in _LOAN if "__" not in name}
    return loan_row({**row, "account__external_id": account.external_id})


def payment_rows(rows: Sequence[Row]) -> list[Row]:
    """Return payments as the partner reads them (S4-R12). One query for the details of all."""
    details: dict[UUID, list[Row]] = defaultdict(list)
    completed = [row["id"] for row in rows if row["status"] == PaymentStatus.COMPLETED]
    if completed:
        parts = PaymentDetail.objects.filter(payment__in=completed).order_by("pk")
        for payment_id, name, amount in parts.values_list("payment_id", "loan__external_id", "amount"):
            details[payment_id].append({"loan_external_id": name, "amount": amount})
    return [_payment_row(row, details[row["id"]]) for row in rows]


def payment_of(payment: Payment, account: Account, details: Iterable[PaymentDetail]) -> Row:
    row = {name: getattr(payment, name) for name in _PAYMENT if "__" not in name}
    parts = [{"loan_external_id": one.loan.external_id, "amount": one.amount} for one in details]
    return _payment_row({**row, "account__external_id": account.external_id}, parts)


def _payment_row(row: Row, details: list[Row]) -> Row:
    return {
        "external_id": row["external_id"],
        "customer_external_id": row["account__external_id"],
        "total_amount": row["total_amount"],
        "status": PAYMENT_STATUSES[row["status"]],
        "paid_at": row["paid_at"],
        "payment_details": details,
    }


def _named(rows: QuerySet[Any, Any], external_id: str) -> Any:
    """Return the row of this name, or None. The database would not even take a zero byte."""
    if "\x00" in external_id:
        return None
    return rows.filter(external_id=external_id).order_by().first()


def _loans(partner: PartnerPrincipal, account_id: UUID | None) -> QuerySet[Loan]:
    found = Loan.objects.filter(bank_id=partner.bank_id, external_id__isnull=False)
    return found if account_id is None else found.filter(account_id=account_id)


def _payments(partner: PartnerPrincipal, account_id: UUID | None) -> QuerySet[Payment]:
    found = Payment.objects.filter(bank_id=partner.bank_id, external_id__isnull=False)
    return found if account_id is None else found.filter(account_id=account_id)
