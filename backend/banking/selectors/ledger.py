"""Reading the books: what happened on an account, and whether a bank's sides are equal."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet, Sum

from backend.banking.models import Account, Bank, Entry, InternalKind

ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """What a bank owes its customers and what its own accounts sum to, in one currency. All of it together is zero."""

    currency: str
    customers: Decimal
    internal: dict[InternalKind, Decimal] = field(default_factory=dict)

    @property
    def total(self) -> Decimal:
        return sum(self.internal.values(), self.customers)


def trial_balance(bank: Bank) -> list[TrialBalance]:
    """Return each currency's balance at the bank, by currency. Two queries; the second reads all entries of the bank's
    own accounts. Exact as of one moment inside a transaction that sees one."""
    customers = dict(
        Account.objects.filter(bank=bank).order_by().values_list("currency").annotate(total=Sum("balance"))
    )
    own: dict[str, dict[InternalKind, Decimal]] = {}
    rows = Entry.objects.filter(internal_account__bank=bank).order_by()
    sums = rows.values_list("internal_account__currency", "internal_account__kind").annotate(total=Sum("amount"))
    for currency, kind, total in sums:
        own.setdefault(currency, {})[InternalKind(kind)] = total
    return [
        TrialBalance(currency, customers.get(currency, ZERO), own.get(currency, {}))
        for currency in sorted(customers.keys() | own.keys())
    ]


def entries_of(account_id: UUID, *, after: int | None = None, limit: int = 50) -> list[Entry]:
    """Return entries of an account with their postings, newest first; only those before the entry `after`."""
    rows: QuerySet[Entry] = Entry.objects.filter(account_id=account_id).select_related("posting").order_by("-id")
    return list(rows.filter(id__lt=after)[:limit] if after is not None else rows[:limit])


def has_postings(account: Account) -> bool:
    """Whether money ever moved on the account: then it is never deleted."""
    return Entry.objects.filter(account_id=account.pk).exists()


def internal_balance(bank_id: UUID, kind: InternalKind, currency: str) -> Decimal:
    """Return what one of a bank's own accounts sums to."""
    rows = Entry.objects.filter(
        internal_account__bank_id=bank_id, internal_account__kind=kind, internal_account__currency=currency
    )
    return rows.aggregate(total=Sum("amount"))["total"] or ZERO


def iter_entries(account_id: UUID, *, since: int = 0) -> Iterator[Entry]:
    """Read all entries of an account behind the entry `since`, oldest first, without holding them in memory."""
    rows = Entry.objects.filter(account_id=account_id, id__gt=since).select_related("posting").order_by("id")
    return rows.iterator(chunk_size=500)
