"""What a person's rights mean here: an export of what banks keep of them, and an erasure that leaves the books whole.

The ledger is never rewritten: postings, loans and payments stay, and name an account whose customer is nobody any more.
"""

from collections.abc import Iterator
from typing import Any

from django.db.models import Exists, OuterRef, Q

from backend.audit import services as audit
from backend.banking import ledger
from backend.banking.models import (
    Account,
    AccountStatus,
    Bank,
    BankGrant,
    Customer,
    Entry,
    Loan,
    LoanState,
    Payment,
    Registration,
)
from backend.banking.selectors.banks import banks_managed_by
from backend.banking.selectors.customers import ACCOUNT, CREDIT, CUSTOMER, LOAN, PROFILE
from backend.common import hooks

CHUNK = 500
TEXTS = ("first_name", "last_name")


def block_leaving(leaving: hooks.Leaving) -> None:
    """Money and debts are settled first, and a bank with customers does not lose its first manager."""
    accounts = Account.objects.filter(customer__user=leaving.user_id)
    if accounts.filter(~Q(balance=0) | ~Q(held=0)).exists():
        leaving.block("There is money on your accounts; take it out or send it on first.")
    under_way = [LoanState.PENDING, LoanState.ACTIVE]
    if Loan.objects.filter(account__customer__user=leaving.user_id, state__in=under_way).exists():
        leaving.block("You have loans that are not paid back yet.")
    known = Registration.objects.filter(bank=OuterRef("pk"))
    if Bank.objects.filter(Exists(known), manager=leaving.user_id).exists():
        leaving.block("You manage a bank that has customers; have it handed over to somebody else first.")


def export_banking(export: hooks.Export) -> None:
    """Write out the person's profile as a customer, their accounts with every entry, loans and payments, and which
    banks they manage."""
    mine = {"account__customer__user": export.user_id}
    export.add("banking/customer.json", _customer(export.user_id))
    accounts = Account.objects.filter(customer__user=export.user_id).order_by("created_at", "pk")
    export.add("banking/accounts.json", (_plain(row) for row in accounts.values(*ACCOUNT, "bank__bank_name")))
    entries = Entry.objects.filter(**mine).order_by("id")
    names = ("id", "account", "amount", "currency", "balance_after")
    posting = ("posting__kind", "posting__at", "posting__booked_on", "posting__memo")
    export.add("banking/entries.json", (_plain(row) for row in entries.values(*names, *posting).iterator(CHUNK)))
    loans = Loan.objects.filter(**mine).order_by("created_at", "pk").values(*LOAN)
    export.add("banking/loans.json", (_plain(row) for row in loans.iterator(CHUNK)))
    payments = Payment.objects.filter(**mine).order_by("created_at", "pk")
    shown = ("id", "account", "total_amount", "currency", "status", "external_id", "paid_at", "created_at")
    export.add("banking/payments.json", (_plain(row) for row in payments.values(*shown).iterator(CHUNK)))
    managed = banks_managed_by(export.user_id).order_by("created_at").values("bank_id", "bank_name", "manager")
    export.add(
        "banking/managed_banks.json",
        (
            {"bank": str(row["bank_id"]), "name": row["bank_name"], "is_first": row["manager"] == export.user_id}
            for row in managed
        ),
    )


def erase_banking(erasure: hooks.Erasure) -> None:
    """Take the person out of what banks keep: profile and credit facts go, accounts are closed, and they manage no
    bank any more. Locks: their customer, then their accounts by id."""
    for customer in Customer.objects.select_for_update(no_key=True).filter(user=erasure.user_id):
        for name in PROFILE:
            setattr(customer, name, "" if name in TEXTS else None)
        customer.last_name = erasure.name
        customer.save(update_fields=list(PROFILE))
        theirs = Account.objects.filter(customer=customer)
        ledger.lock_accounts(*theirs.values_list("pk", flat=True))
        nothing: dict[str, Any] = dict.fromkeys((*CREDIT, "credit_line"))
        theirs.update(**nothing)
        theirs.filter(balance=0, held=0).update(status=AccountStatus.CLOSED)
    for grant in BankGrant.objects.filter(user=erasure.user_id).select_related("content_object").order_by("pk"):
        facts = {"manager": erasure.user_id}
        audit.record(actor_id=None, action="bank.manager_removed", target=grant.content_object, facts=facts)
        grant.delete()
    for bank in Bank.objects.select_for_update(no_key=True).filter(manager=erasure.user_id):
        handed = {"from": erasure.user_id, "to": None}
        audit.record(actor_id=None, action="bank.handed_over", target=bank, facts=handed)
        bank.manager = None
        bank.save(update_fields=["manager"])


def _customer(user_id: int) -> Iterator[dict[str, Any]]:
    for row in Customer.objects.filter(user=user_id).values(*CUSTOMER):
        known = Registration.objects.filter(customer=row["customer_id"]).order_by("registered_at", "pk")
        banks = [
            {"bank": name, "registered_at": at.isoformat()}
            for name, at in known.values_list("bank__bank_name", "registered_at")
        ]
        yield {**_plain(row), "banks": banks}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row as JSON has it: names without their way through the tables."""
    plain = (int, str, bool, type(None))
    return {name.rpartition("__")[2]: value if isinstance(value, plain) else str(value) for name, value in row.items()}
