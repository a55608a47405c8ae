"""Banks and what is in them, made by the services; and what is stored of them."""

import uuid
from decimal import Decimal
from typing import Any

from backend.audit.models import AuditLog
from backend.banking.models import Account, Bank, Customer, Entry, Loan, Posting, Registration
from backend.banking.services import accounts, banks, customers, manager_loans
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.realtime.models import Event


def make_bank(manager: User, **fields: Any) -> Bank:
    return banks.register_bank(actor=principal_of(manager), fields={"bank_name": "First", **fields})


def make_customer(manager: User, *, bank: Bank | None = None, **fields: Any) -> Customer:
    return customers.register_customer(
        actor=principal_of(manager),
        bank_id=bank.pk if bank else None,
        fields={"first_name": "Ana", "last_name": "Silva", **fields},
    )


def make_account(
    manager: User,
    *,
    customer: Customer | None = None,
    bank: Bank | None = None,
    number: str = "",
    balance: Decimal = accounts.ZERO,
    **fields: Any,
) -> Account:
    customer = customer or make_customer(manager, bank=bank)
    return accounts.open_account(
        actor=principal_of(manager),
        bank_id=bank.pk if bank else None,
        customer_id=customer.pk,
        account_number=number or uuid.uuid4().hex,
        balance=balance,
        fields=fields,
    )


def make_loan(manager: User, *, account: Account | None = None, **fields: Any) -> Loan:
    """A loan on record, unless `loan_status` is None."""
    account = account or make_account(manager)
    given = {"current_loan_amount": Decimal("1000.00"), "term": "Short Term", "purpose": "Other"}
    given |= {"loan_status": "Fully Paid", **fields}
    return manager_loans.register_loan(actor=principal_of(manager), account_id=account.pk, fields=given)


def share(customer: Customer, bank: Bank) -> None:
    """Have another bank know a customer, too."""
    Registration.objects.create(customer=customer, bank=bank)


def everything_stored() -> dict[str, int]:
    """Return how many rows there are of what a refusal must not add to or take from."""
    models = (Bank, Registration, Customer, Account, Loan, Posting, Entry, Event, AuditLog)
    return {model.__name__: model.objects.count() for model in models}
