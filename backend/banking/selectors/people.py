"""What people see of their own accounts and transfers, and what the staff of a bank may act on."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from backend.banking.errors import (
    AccountUnknown,
    BankStaffOnly,
    KycRequired,
    OtherBanksMoney,
    OwnAccount,
    PayeeUnknown,
    PostingUnknown,
    ScheduleUnknown,
    TransferUnknown,
)
from backend.banking.models import Account, Bank, Customer, Entry, Payment, Schedule, Transfer, TransferState
from backend.banking.selectors.banks import ids_managed_by
from backend.common.keysets import Position, Row, newest_first
from backend.common.principal import BANK_ADMIN, Principal

APPROVED = "APPROVED"
ACCOUNTS_MAX = 200

BANK = ("bank_id", "bank_name", "city", "state", "country", "currency", "time_zone", "created_at")
ACCOUNT = (
    *("account_id", "bank_id", "bank__bank_name", "bank__time_zone", "account_number", "currency", "balance"),
    *("held", "status"),
    *("status_reason", "in_budget", "date_opened", "created_at"),
)
_SIDES = tuple(
    f"{side}__{name}"
    for side in ("source", "target")
    for name in ("account_number", "bank_id", "bank__bank_name", "customer__first_name", "customer__last_name")
)
TRANSFER = (
    *("id", "source_id", "target_id", "amount", "currency", "payee_name", "memo", "state", "reason", "booked_on"),
    *("is_own", "schedule_id", "due_on", "created_at", "decided_at", "source__customer__user_id", *_SIDES),
)
SCHEDULE = (
    *("id", "source_id", "target_id", "amount", "currency", "payee_name", "memo", "rhythm", "starts_on", "ends_on"),
    *("state", "due_on", "due_at", "attempts", "failure", "created_at"),
    *("source__bank__time_zone", "source__account_number", "target__account_number"),
    *("target__bank_id", "target__bank__bank_name"),
)
ENTRY = (
    *("id", "amount", "currency", "balance_after", "posting_id", "posting__kind", "posting__at", "posting__booked_on"),
    *(f"posting__transfer__{name}" for name in ("id", "source_id", "payee_name", "memo", *_SIDES)),
)
# Written once: building it anew costs more than asking.
_BOTH = """
SELECT 'source', a.account_id FROM banking_account a JOIN banking_customer c USING (customer_id)
WHERE c.user_id = %(user)s AND a.account_id = %(source)s UNION ALL
SELECT 'target', a.account_id FROM banking_account a JOIN banking_customer c USING (customer_id) WHERE """
_TO_OWN = "c.user_id = %(user)s AND a.account_id = %(target)s"
_TO_ANYBODY = "a.bank_id = %(bank)s AND a.account_number = %(number)s"


@dataclass(frozen=True, slots=True)
class Payee:
    """Whom money is for: an account of the sender's own by its id, or anybody's by bank and number."""

    account_id: UUID | None = None
    bank_id: UUID | None = None
    account_number: str = ""

    def parameters(self) -> dict[str, str]:
        """Return it as a step-up token is bound to it: as it was written."""
        if self.account_id is not None:
            return {"target": str(self.account_id)}
        return {"bank": str(self.bank_id), "account_number": self.account_number}


def require_door(actor: Principal, *, reading: bool = False) -> None:
    """The customer door is for people who are verified. One whose verification has run out may still look.

    Raises: KycRequired.
    """
    if actor.kyc_status == APPROVED or (reading and Customer.objects.filter(user=actor.id).exists()):
        return
    raise KycRequired


def list_banks(*, name: str, after: Position | None, limit: int) -> list[Row]:
    """Return the banks that have a name like this, the newest first."""
    banks = Bank.objects.filter(bank_name__icontains=name) if name else Bank.objects.all()
    limits = ("transfer_max", "transfer_day_max", "step_up_from")
    return newest_first([banks.values(*BANK, *limits)], at="created_at", key="bank_id", after=after, limit=limit)


def list_accounts(*, actor: Principal) -> list[Row]:
    """Return the actor's accounts, in the order they were opened; the first 200."""
    mine = Account.objects.filter(customer__user=actor.id).order_by("created_at", "pk")
    return list(mine.values(*ACCOUNT)[:ACCOUNTS_MAX])


def get_account(*, actor: Principal, account_id: UUID) -> Account:
    """Return an account of the actor's, with its bank and customer. Raises: AccountUnknown."""
    mine = Account.objects.filter(customer__user=actor.id).select_related("bank", "customer")
    found = mine.filter(pk=account_id).first()
    if found is None:
        raise AccountUnknown
    return found


def staffed_account(*, actor: Principal, account_id: UUID, is_hidden: bool = False) -> Account:
    """Return an account that the actor may act on as its bank's staff: bank admins on any, managers on those of their
    banks, nobody on their own. `is_hidden`: to whoever is no staff, another's account does not exist.

    Raises: BankStaffOnly, AccountUnknown (also at a bank that the actor does not manage), OwnAccount.
    """
    accounts = Account.objects.select_related("customer")
    if not actor.has_role(BANK_ADMIN):
        managed = ids_managed_by(actor.id)
        if not managed:
            raise AccountUnknown if is_hidden else BankStaffOnly
        accounts = accounts.filter(bank__in=managed)
    found = accounts.filter(pk=account_id).first()
    if found is None:
        raise AccountUnknown
    if found.customer.user_id == actor.id:
        raise OwnAccount
    return found


def require_staffed_posting(*, actor: Principal, posting_id: int) -> None:
    """A posting is reversed by the staff of its bank: bank admins reverse any, managers what moved money at banks of
    theirs alone, nobody what is on an account of their own. Entries never change, so nothing is locked.

    Raises: PostingUnknown (also at banks that the actor does not manage), OtherBanksMoney, OwnAccount.
    """
    sides = Entry.objects.filter(posting=posting_id).values_list("bank_id", "account__customer__user_id")
    banks, holders = set(), set()
    for bank_id, user_id in sides:
        banks.add(bank_id)
        holders.add(user_id)
    # A payment through a partner is on no account of a customer's, and is somebody's all the same.
    holders.update(Payment.objects.filter(posting=posting_id).values_list("account__customer__user_id", flat=True))
    mine = banks if actor.has_role(BANK_ADMIN) else banks & set(ids_managed_by(actor.id))
    if not mine:
        raise PostingUnknown
    if mine != banks:
        raise OtherBanksMoney
    if actor.id in holders:
        raise OwnAccount


def find_both(*, user_id: int, source_id: UUID, payee: Payee) -> tuple[UUID, UUID]:
    """Return the ids of a person's account and of the payee's, not locked. One query.

    Raises: AccountUnknown (the source, or a target named by its id, is not the person's), PayeeUnknown.
    """
    where, named = (
        (_TO_OWN, {"target": payee.account_id})
        if payee.account_id is not None
        else (_TO_ANYBODY, {"bank": payee.bank_id, "number": payee.account_number})
    )
    values: dict[str, Any] = {"user": user_id, "source": source_id, **named}
    with connection.cursor() as cursor:
        cursor.execute(_BOTH + where, values)
        found: dict[str, UUID] = dict(cursor.fetchall())
    if "source" not in found:
        raise AccountUnknown
    if "target" not in found:
        raise AccountUnknown if payee.account_id is not None else PayeeUnknown
    return found["source"], found["target"]


def find_payee(*, bank_id: UUID, account_number: str) -> Account | None:
    """Return the account of this number at the bank, with its holder; None where there is none."""
    accounts = Account.objects.select_related("customer")
    return accounts.filter(bank=bank_id, account_number=account_number).first()


def list_transfers(
    *, actor: Principal, account_id: UUID | None, state: str, after: Position | None, limit: int
) -> list[Row]:
    """Return what the actor's accounts sent and received, the newest first. Two queries.

    What is between two of them stands there once. Raises: AccountUnknown for an account that is another's.
    """
    mine = list(Account.objects.filter(customer__user=actor.id).order_by("pk").values_list("pk", flat=True))
    if account_id is not None and account_id not in mine:
        raise AccountUnknown
    wanted = mine[:ACCOUNTS_MAX] if account_id is None else [account_id]
    rows = Transfer.objects.filter(**({"state": state} if state else {})).values(*TRANSFER)
    parts = [rows.filter(source=one) for one in wanted]
    parts += [rows.filter(target=one).exclude(source__in=wanted) for one in wanted]
    return newest_first(parts, at="created_at", key="id", after=after, limit=limit)


def get_transfer(*, actor: Principal, transfer_id: UUID) -> Row:
    """Return a transfer from or to an account of the actor's. Raises: TransferUnknown."""
    mine = Q(source__customer__user=actor.id) | Q(target__customer__user=actor.id)
    found = Transfer.objects.filter(mine, pk=transfer_id).values(*TRANSFER).first()
    if found is None:
        raise TransferUnknown
    return found


def list_schedules(*, actor: Principal, after: Position | None, limit: int) -> list[Row]:
    """Return the actor's planned transfers, over ones too, the newest first."""
    accounts = Account.objects.filter(customer__user=actor.id).order_by("pk").values_list("pk", flat=True)
    parts = [Schedule.objects.filter(source=one).values(*SCHEDULE) for one in accounts[:ACCOUNTS_MAX]]
    return newest_first(parts, at="created_at", key="id", after=after, limit=limit)


def get_schedule(*, actor: Principal, schedule_id: UUID) -> Row:
    """Raises: ScheduleUnknown."""
    mine = Schedule.objects.filter(source__customer__user=actor.id, pk=schedule_id)
    found = mine.values(*SCHEDULE).first()
    if found is None:
        raise ScheduleUnknown
    return found


def list_entries(*, account_id: UUID, after: int | None, limit: int) -> list[Row]:
    """Return what moved on an account, the newest first, with what is known of the transfer behind it."""
    entries: QuerySet[Entry, Any] = Entry.objects.filter(account=account_id)
    if after is not None:
        entries = entries.filter(id__lt=after)
    return list(entries.order_by("-id").values(*ENTRY)[:limit])


def incoming_held(account_id: UUID) -> bool:
    """Whether money for this account waits for a decision."""
    return Transfer.objects.filter(target=account_id, state=TransferState.HELD).exists()


def fits_budget(customer: Customer, currency: str) -> bool:
    """Whether an account in this currency can stand in the customer's budget: a book is kept in one. The customer is
    locked."""
    return not Account.objects.filter(customer=customer, in_budget=True).exclude(currency=currency).exists()
