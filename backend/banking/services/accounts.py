"""Accounts as the managers of banks open, change and delete them. What is on them is the ledger's alone."""

import secrets
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from backend.audit import services as audit
from backend.banking import ledger
from backend.banking.errors import AccountUnknown, HasPostings, InvalidField, LoanSettled, OwnAccount
from backend.banking.ledger import Line
from backend.banking.models import (
    Account,
    AccountStatus,
    Bank,
    Customer,
    Entry,
    Hold,
    InternalKind,
    Loan,
    Payment,
    PostingKind,
    Registration,
)
from backend.banking.selectors import banks as selectors
from backend.banking.selectors.people import fits_budget
from backend.banking.services import freezes
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import User

ZERO = Decimal("0.00")
NUMBER_TAKEN = "This bank has an account of this number already."
NOT_YOUR_CUSTOMER = "No customer of this bank has this id."
SWITCHED_OFF = "The bank has switched this account off."
EARNED_BY_THE_LEDGER = "A balance is what postings made of it; it is given once, on opening."
_FIXED = frozenset({"balance", "bank", "customer", "currency", "is_active"})


def open_account(
    *,
    actor: Principal,
    bank_id: UUID | None,
    customer_id: UUID,
    account_number: str,
    balance: Decimal = ZERO,
    fields: dict[str, Any],
) -> Account:
    """Open an account of a customer of this bank's and return it; a balance is its opening posting.

    Raises: NotABankManager, InvalidField (another's bank, no customer of it, or one whose verification has run out;
    number taken).
    Locks: the customer, against being deleted meanwhile; then the account.
    Calls: `facts.posting_made`, where there is a balance.
    After commit: `account.frozen` to the holder of one that begins inactive.
    """
    with unit_of_work() as unit:
        bank = Bank.objects.get(pk=selectors.chosen_bank(actor, bank_id))
        customer = Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).first()
        if customer is None or not Registration.objects.filter(customer=customer, bank=bank).exists():
            raise InvalidField("customer", NOT_YOUR_CUSTOMER)
        _require_verified(customer)
        fields = {"currency": bank.currency, **fields}
        is_active = fields.pop("is_active", True)
        account = create_account(bank=bank, customer=customer, account_number=account_number, fields=fields)
        facts = {"bank": str(bank.pk), "customer": str(customer.pk)}
        if balance:
            account = _put_in(account, balance, actor_id=actor.id)
            facts["balance"] = str(balance)
        audit.record(
            actor_id=actor.id, action="account.opened", target=account, facts=facts, subject_id=customer.user_id
        )
        if not is_active:
            freezes.set_status(unit, actor, account, AccountStatus.FROZEN, SWITCHED_OFF)
    return account


def create_account(*, bank: Bank, customer: Customer, account_number: str, fields: dict[str, Any]) -> Account:
    """Store an account and return it, in the caller's unit of work; the customer is locked. It stands in their budget,
    if it fits there. Raises: InvalidField when the number is taken."""
    fields = {"in_budget": fits_budget(customer, fields.get("currency", bank.currency)), **fields}
    account = Account(bank=bank, customer=customer, account_number=account_number, **fields)
    try:
        with transaction.atomic():
            account.save(force_insert=True)
    except IntegrityError as fault:
        if _broken(fault) == "banking_account_number_unique":
            raise InvalidField("account_number", NUMBER_TAKEN) from fault
        raise
    return account


def new_number() -> str:
    """Return an account number that nobody has guessed: 16 digits, the last two of them a check (ISO 7064, 97-10)."""
    body = f"{secrets.randbelow(9 * 10**13) + 10**13}"
    return f"{body}{98 - int(body) * 100 % 97:02}"


def change_account(*, actor: Principal, account_id: UUID, changes: dict[str, Any]) -> Account:
    """Change what the bank says of an account: its number, its date, the credit facts, the line, whether it is active.

    Neither bank nor customer nor currency change (BUG-S0-16), and the balance only by postings.
    Raises: AccountUnknown, InvalidField, OwnAccount (nobody freezes their own). Locks: the account.
    After commit: `account.frozen` or `account.unfrozen` to the holder, where that has changed.
    """
    with unit_of_work() as unit:
        account = _locked(actor, account_id)
        _refuse_moving(account, changes)
        status = _wanted_status(actor, account, changes)
        new = {name: value for name, value in changes.items() if name not in _FIXED and getattr(account, name) != value}
        if new:
            _write(actor, account, new)
        if status != account.status:
            freezes.set_status(unit, actor, account, status, SWITCHED_OFF)
    return account


def _write(actor: Principal, account: Account, new: dict[str, Any]) -> None:
    old = {name: getattr(account, name) for name in new}
    for name, value in new.items():
        setattr(account, name, value)
    try:
        with transaction.atomic():
            account.save(update_fields=[*new, "updated_at"])
    except IntegrityError as fault:
        if _broken(fault) == "banking_account_number_unique":
            raise InvalidField("account_number", NUMBER_TAKEN) from fault
        raise
    user_id = account.customer.user_id
    values: dict[str, Any] = {"old": old, "new": new, "subject_id": user_id} if user_id else {}
    facts = {"fields": sorted(new)}
    audit.record(actor_id=actor.id, action="account.changed", target=account, facts=facts, **values)


def delete_account(*, actor: Principal, account_id: UUID) -> None:
    """Delete an account that never had money on it, with the loans on record that it carries.

    Raises: AccountUnknown, HasPostings, LoanSettled (a loan that is no record). Locks: the account.
    """
    with unit_of_work():
        account = _locked(actor, account_id)
        facts = drop_accounts([account.pk])
        audit.record(actor_id=actor.id, action="account.deleted", target=account, facts=facts)


def drop_accounts(ids: Sequence[UUID]) -> dict[str, int]:
    """Delete these accounts and their loans on record, in the caller's unit of work; return how many of each.

    Raises: HasPostings, LoanSettled; then none of them is deleted. Locks: the accounts, by id.
    """
    locked = ledger.lock_accounts(*ids)
    history = {
        "postings": Entry.objects.filter(account__in=locked).values("posting").distinct().count(),
        "payments": Payment.objects.filter(account__in=locked).count(),
        "holds": Hold.objects.filter(account__in=locked).count(),
    }
    left = {name: count for name, count in history.items() if count}
    if left:
        said = ", ".join(f"{count} {name}" for name, count in left.items())
        raise HasPostings(f"Money has moved here ({said}); that history stays, so this cannot be deleted.", **left)
    under_way = Loan.objects.filter(account__in=locked, recorded=False).count()
    if under_way:
        raise LoanSettled("There are loans here that are no mere records, so this cannot be deleted.", loans=under_way)
    loans, _ = Loan.objects.filter(account__in=locked).delete()
    try:
        Account.objects.filter(pk__in=ids).delete()
    except ProtectedError as fault:
        raise HasPostings from fault
    return {"accounts": len(locked), "loans": loans}


def _put_in(account: Account, balance: Decimal, *, actor_id: int) -> Account:
    """Book what a new account starts with, and return it locked."""
    (locked,) = ledger.lock_accounts(account.pk)
    ledger.post(
        bank=locked.bank,
        kind=PostingKind.OPENING,
        lines=[Line(balance, account=locked), Line(-balance, internal=(locked.bank_id, InternalKind.CASH))],
        currency=locked.currency,
        actor_id=actor_id,
    )
    return locked


def _require_verified(customer: Customer) -> None:
    """K-33: somebody signed up gets accounts while they are verified. Others are known to the bank in person."""
    if customer.user_id is not None:
        status = User.objects.values_list("kyc_status", flat=True).get(pk=customer.user_id)
        if status != User.KycStatus.APPROVED:
            raise InvalidField("customer", "This person has to be verified again first.")


def _locked(actor: Principal, account_id: UUID) -> Account:
    mine = selectors.banks_managed_by(actor.id).values("pk")
    if not Account.objects.filter(pk=account_id, bank__in=mine).exists():
        raise AccountUnknown
    return ledger.lock_accounts(account_id)[0]


def _refuse_moving(account: Account, changes: dict[str, Any]) -> None:
    if "balance" in changes:
        raise InvalidField("balance", EARNED_BY_THE_LEDGER)
    for name, now in (("bank", account.bank_id), ("customer", account.customer_id), ("currency", account.currency)):
        if changes.get(name, now) != now:
            raise InvalidField(name, "An account stays with its bank, its customer and its currency.")


def _wanted_status(actor: Principal, account: Account, changes: dict[str, Any]) -> AccountStatus:
    """S0's `is_active` is open or frozen here. Raises: InvalidField, OwnAccount."""
    active = changes.get("is_active", account.is_active)
    if active == account.is_active:
        return AccountStatus(account.status)
    if account.status == AccountStatus.CLOSED:
        raise InvalidField("is_active", "This account is closed for good.")
    if account.customer.user_id == actor.id:
        raise OwnAccount
    return AccountStatus.OPEN if active else AccountStatus.FROZEN


def _broken(fault: IntegrityError) -> str:
    return str(getattr(getattr(fault.__cause__, "diag", None), "constraint_name", ""))
