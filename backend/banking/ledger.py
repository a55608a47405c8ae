"""The ledger: the one writer of postings, entries, holds, `Account.balance` and `Account.held`.

Invariants:

1. An entry above zero is a credit (what the bank owes the holder grows), below zero a debit. The entries of a posting
   sum to zero for each bank and currency; the database checks it at commit, and that none is changed or comes later
   (migration 0002).
2. A customer's balance changes under the account's row lock, taken by `lock_accounts` in id order, and only together
   with an entry that says what it is afterwards. The database compares each balance with the one that the posting was
   made from: an account that was read without its lock ends the transaction.
3. A balance never falls below what is held. Banks' own accounts have no stored balance and are never locked.

Whether an account is open, and who may move what, are the services' rules. Each function joins the caller's
transaction and raises RuntimeError where there is none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from backend.banking import facts
from backend.banking.errors import AccountUnknown, CurrencyMismatch, HoldNotPending, InsufficientFunds, InvalidAmount
from backend.banking.facts import Booked
from backend.banking.models import Account, Bank, Customer, Hold, HoldState, InternalKind, Posting, PostingKind
from backend.common.rows import columns_of, models_of

ZERO = Decimal("0.00")
CENT = Decimal("0.01")
AMOUNT_MAX = Decimal("999999999999999999.99")

_POST = (
    "SELECT posting, xid FROM banking_post(%s, %s, %s, %s, %s, %s, %s, %s, %s::uuid[], %s::numeric[], %s::numeric[],"
    " %s::uuid[], %s::uuid[], %s::text[], %s::numeric[], %s::numeric[])"
)
_LOCK = (
    "SELECT {columns} FROM banking_account a JOIN banking_bank b ON b.bank_id = a.bank_id"
    " JOIN banking_customer c ON c.customer_id = a.customer_id"
    " WHERE a.account_id = ANY(%s) ORDER BY a.account_id FOR NO KEY UPDATE OF a"
)
_POSTING_FIELDS = ("id", "bank_id", "kind", "booked_on", "at", "actor_id", "reverses_id", "memo", "xid")


@dataclass(frozen=True, slots=True)
class Line:
    """One entry to be, on a customer's locked account or on a bank's own: above zero a credit, below a debit."""

    amount: Decimal
    account: Account | None = None
    internal: tuple[UUID, InternalKind] | None = None

    def __post_init__(self) -> None:
        if (self.account is None) == (self.internal is None):
            raise ValueError("a line is on one account")
        checked_amount(abs(self.amount))


def checked_amount(amount: Decimal) -> Decimal:
    """Return the amount with two places. Raises: InvalidAmount, unless it is above zero, exact and fits the books."""
    if not (amount.is_finite() and 0 < amount <= AMOUNT_MAX):
        raise InvalidAmount
    exact = amount.quantize(CENT)
    if exact != amount:
        raise InvalidAmount
    return exact


def lock_accounts(*account_ids: UUID) -> list[Account]:
    """Lock accounts and return them in the order asked for, with bank and customer.

    Raises: AccountUnknown, when one is missing.
    Locks: the accounts in id order, so that two transactions never wait for each other; rows that only refer to an
    account (a new loan, an entry of somebody else) are not held up.
    """
    _require_transaction()
    with connection.cursor() as cursor:
        columns = ", ".join([columns_of(Account, "a"), columns_of(Bank, "b"), columns_of(Customer, "c")])
        cursor.execute(_LOCK.format(columns=columns), [list(account_ids)])
        found = {account.pk: account for account in map(_account_of, cursor.fetchall())}
    if len(found) != len(set(account_ids)):
        raise AccountUnknown
    return [found[account_id] for account_id in account_ids]


def _account_of(row: Sequence[Any]) -> Account:
    account: Account
    account, account.bank, account.customer = models_of(row, Account, Bank, Customer)
    return account


def post(
    *,
    bank: Bank,
    kind: PostingKind,
    lines: Sequence[Line],
    currency: str,
    actor_id: int | None,
    memo: str = "",
    reverses: Posting | None = None,
) -> Posting:
    """Write one posting at `bank`, move the balances of the given accounts, and return it.

    The accounts are those that `lock_accounts` returned in this transaction; their `balance` is new afterwards. `memo`
    is the house's: nothing that a person wrote belongs in a row that is never erased.
    Raises: InsufficientFunds (a balance would fall below what is held), CurrencyMismatch.
    Calls: `facts.posting_made`, in the transaction.
    """
    _require_transaction()
    booked = tuple(_booked(lines, currency))
    accounts = {entry.account.pk: entry.account for entry in booked if entry.account is not None}
    afters = {entry.account.pk: entry.balance_after or ZERO for entry in booked if entry.account is not None}
    for pk, account in accounts.items():
        if afters[pk] < account.balance and afters[pk] < account.held:
            raise InsufficientFunds
    at = datetime.now(UTC)
    head: list[Any] = [
        bank.pk,
        str(kind),
        booked_on(bank, at),
        at,
        actor_id,
        reverses.pk if reverses is not None else None,
        memo,
    ]
    moved: list[Any] = [
        list(accounts),
        [account.balance for account in accounts.values()],
        [afters[pk] for pk in accounts],
    ]
    rows = zip(*(_row(entry) for entry in booked), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_POST, [*head, currency, *moved, *map(list, rows)])
        posting_id, xid = cursor.fetchone()
    for line in lines:
        if line.account is not None:
            line.account.balance = afters[line.account.pk]
    posting = Posting.from_db("default", _POSTING_FIELDS, [posting_id, *head, xid])
    facts.posting_made(facts.PostingMade(posting, booked))
    return posting


def hold(*, account: Account, amount: Decimal, reason: str, expires_at: datetime | None) -> Hold:
    """Promise money away: what is available falls, the balance stays. The account is locked; its `held` is new.

    Raises: InvalidAmount, InsufficientFunds.
    """
    amount = checked_amount(amount)
    if amount > account.available:
        raise InsufficientFunds
    _set_held(account, account.held + amount)
    return Hold.objects.create(account=account, amount=amount, reason=reason, expires_at=expires_at)


def capture(
    *,
    hold: Hold,
    bank: Bank,
    kind: PostingKind,
    lines: Sequence[Line],
    actor_id: int | None,
    memo: str = "",
) -> Posting:
    """Release a hold and write the posting that it was for, in one. The hold's account is locked, and in `lines`.

    Raises: HoldNotPending, InsufficientFunds, CurrencyMismatch.
    """
    account = next(line.account for line in lines if line.account is not None and line.account.pk == hold.account_id)
    _check_pending(hold)
    _set_held(account, account.held - hold.amount)
    posting = post(bank=bank, kind=kind, lines=lines, currency=account.currency, actor_id=actor_id, memo=memo)
    _decide(hold, HoldState.CAPTURED, posting)
    return posting


def void(*, hold: Hold, state: HoldState = HoldState.VOIDED) -> None:
    """Release a hold and post nothing: it was called off, or (EXPIRED) its time ran out. Its account is locked.

    Whoever goes on with the account sets `hold.account` to the locked one before, so that its `held` is new afterwards.
    Raises: HoldNotPending.
    """
    _check_pending(hold)
    _set_held(hold.account, hold.account.held - hold.amount)
    _decide(hold, state, None)


def booked_on(bank: Bank, at: datetime) -> date:
    """Return which day it is at the bank."""
    return at.astimezone(_zone(bank.time_zone)).date()


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _require_transaction() -> None:
    if not connection.in_atomic_block:
        raise RuntimeError("the ledger is written in the transaction of a use case")


def _booked(lines: Sequence[Line], currency: str) -> Iterator[Booked]:
    """Say what each line becomes: an account may stand in several, and each says the balance behind it."""
    balances: dict[UUID, Decimal] = {}
    for line in lines:
        if line.account is not None:
            account = line.account
            if account.currency != currency:
                raise CurrencyMismatch
            balances[account.pk] = balances.get(account.pk, account.balance) + line.amount
            yield Booked(account.bank_id, line.amount, account, None, balances[account.pk])
        elif line.internal is not None:
            bank_id, kind = line.internal
            yield Booked(bank_id, line.amount, None, kind, None)


def _row(entry: Booked) -> tuple[UUID, UUID | None, str | None, Decimal, Decimal | None]:
    account_id = entry.account.pk if entry.account is not None else None
    kind = str(entry.internal) if entry.internal is not None else None
    return entry.bank_id, account_id, kind, entry.amount, entry.balance_after


def _set_held(account: Account, held: Decimal) -> None:
    """Change what is held, if it still is what the caller saw: as with balances, a stale account ends it all."""
    rows = Account.objects.filter(pk=account.pk, held=account.held, balance=account.balance)
    if rows.update(held=held, updated_at=datetime.now(UTC)) != 1:
        raise RuntimeError("the account was read without its lock")
    account.held = held


def _check_pending(hold: Hold) -> None:
    """Read the state again: it changes under the account's lock only, which the caller has."""
    _require_transaction()
    hold.refresh_from_db(fields=["state"])
    if hold.state != HoldState.PENDING:
        raise HoldNotPending(state=hold.state)


def _decide(hold: Hold, state: HoldState, posting: Posting | None) -> None:
    hold.state, hold.posting, hold.decided_at = state, posting, datetime.now(UTC)
    hold.save(update_fields=["state", "posting", "decided_at"])
