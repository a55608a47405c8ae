"""Customers, accounts and loans as the managers of banks see them: those of their own banks, nobody else's."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from backend.banking.errors import AccountUnknown, CustomerUnknown, LoanUnknown
from backend.banking.models import Account, Customer, Loan, Registration
from backend.banking.selectors.banks import banks_managed_by
from backend.common.keysets import Position, Row, newest_first
from backend.common.principal import AUDITOR, Principal

PROFILE = (
    *("first_name", "last_name", "phone", "address", "city", "state", "zip_code", "country"),
    *("credit_score", "annual_income", "years_in_current_job", "home_ownership", "years_of_credit_history"),
    *("number_of_open_accounts", "number_of_credit_problems", "bankruptcies", "tax_liens"),
)
CUSTOMER = ("customer_id", *PROFILE, "user", "created_at")
CREDIT = ("monthly_debt", "current_credit_balance", "maximum_open_credit", "months_since_last_delinquent")
ACCOUNT = (
    *("account_id", "bank", "customer", "account_number", "balance", "held", "currency", "status", "date_opened"),
    *(*CREDIT, "external_id", "credit_line", "preapproved_at", "created_at"),
)
LOAN = (
    *("loan_id", "account", "bank", "current_loan_amount", "term", "purpose", "loan_status", "state", "recorded"),
    *("door", "outstanding", "currency", "external_id", "taken_at", "created_at"),
)


# Customers


def registrations_in(banks: Sequence[UUID]) -> QuerySet[Registration]:
    """The customers of these banks, each once however many banks and accounts they have (E-S0-6, BUG-S0-15)."""
    found = Registration.objects.filter(bank__in=banks)
    if len(banks) > 1:
        later = Q(registered_at__gt=OuterRef("registered_at")) | Q(
            registered_at=OuterRef("registered_at"), pk__gt=OuterRef("pk")
        )
        same = Registration.objects.filter(later, bank__in=banks, customer=OuterRef("customer"))
        found = found.filter(~Exists(same))
    return found.order_by("-registered_at", "customer_id")


def customers_after(banks: Sequence[UUID], after: Position | None, limit: int) -> list[Row]:
    """Return the customers that follow a position, the newest first. Two queries."""
    once = registrations_in(banks)
    parts = [once.filter(bank=bank).values("registered_at", "customer_id") for bank in banks]
    found = newest_first(parts, at="registered_at", key="customer_id", after=after, limit=limit)
    moments = {row["customer_id"]: row["registered_at"] for row in found}
    return [{**row, "registered_at": moments[row["customer_id"]]} for row in customer_rows(list(moments))]


def customer_rows(ids: Sequence[UUID]) -> list[Row]:
    """Return these customers in this order, as lists show them."""
    rows = {row["customer_id"]: row for row in Customer.objects.filter(pk__in=ids).values(*CUSTOMER)}
    return [rows[one] for one in ids if one in rows]


def get_customer(*, actor: Principal, customer_id: UUID) -> Customer:
    """Return a customer registered at a bank of the actor's. Raises: CustomerUnknown."""
    mine = Registration.objects.filter(customer=OuterRef("pk"), bank__in=banks_managed_by(actor.id).values("pk"))
    found = Customer.objects.filter(Exists(mine), pk=customer_id).first()
    if found is None:
        raise CustomerUnknown
    return found


# Accounts and loans


def accounts_in(banks: Sequence[UUID], *, customer_id: UUID | None = None) -> QuerySet[Account]:
    found = Account.objects.filter(bank__in=banks)
    return found if customer_id is None else found.filter(customer=customer_id)


def accounts_after(
    banks: Sequence[UUID], after: Position | None, limit: int, *, customer_id: UUID | None = None
) -> list[Row]:
    parts = [accounts_in([bank], customer_id=customer_id).values(*ACCOUNT) for bank in banks]
    return newest_first(parts, at="created_at", key="account_id", after=after, limit=limit)


def get_account(*, actor: Principal, account_id: UUID) -> Account:
    """Return an account at a bank of the actor's. Raises: AccountUnknown."""
    found = Account.objects.filter(pk=account_id, bank__in=banks_managed_by(actor.id).values("pk")).first()
    if found is None:
        raise AccountUnknown
    return found


def accounts_of_person(*, actor: Principal, user_id: int) -> QuerySet[Account]:
    """A person's accounts, as far as the actor may see them: at banks they manage, for auditors everywhere."""
    found = Account.objects.filter(customer__user=user_id).select_related("bank").order_by("account_number", "pk")
    return found if actor.has_role(AUDITOR) else found.filter(bank__in=banks_managed_by(actor.id).values("pk"))


def get_audited_account(*, actor: Principal, account_id: UUID) -> Account:
    """Return an account whose ledger the actor may read: a manager's, or for auditors any. Raises: AccountUnknown."""
    if not actor.has_role(AUDITOR):
        return get_account(actor=actor, account_id=account_id)
    found = Account.objects.select_related("customer").filter(pk=account_id).first()
    if found is None:
        raise AccountUnknown
    return found


def loans_in(banks: Sequence[UUID], *, account_id: UUID | None = None) -> QuerySet[Loan]:
    found = Loan.objects.filter(bank__in=banks)
    return found if account_id is None else found.filter(account=account_id)


def loans_after(
    banks: Sequence[UUID], after: Position | None, limit: int, *, account_id: UUID | None = None
) -> list[Row]:
    if account_id is None:
        parts = [loans_in([bank]).values(*LOAN) for bank in banks]
    else:  # An account has one bank.
        parts = [loans_in(banks, account_id=account_id).values(*LOAN)]
    return newest_first(parts, at="created_at", key="loan_id", after=after, limit=limit)


def get_loan(*, actor: Principal, loan_id: UUID) -> Loan:
    """Return a loan on an account of a bank of the actor's. Raises: LoanUnknown."""
    found = Loan.objects.filter(pk=loan_id, bank__in=banks_managed_by(actor.id).values("pk")).first()
    if found is None:
        raise LoanUnknown
    return found


def row_of(thing: Model, names: Sequence[str]) -> Row:
    """Return what `.values(*names)` would: foreign keys as keys."""
    fields: dict[str, Any] = {field.name: field.attname for field in thing._meta.concrete_fields}
    return {name: getattr(thing, fields[name]) for name in names}
