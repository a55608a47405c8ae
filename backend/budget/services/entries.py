"""Writing one's own entries. Every function works on the actor's own rows; another's do not exist for it.

That a category fits is the database's to say (migration 0002): what it refuses is then explained.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, connection

from backend.audit import services as audit
from backend.budget.categories_needed import LOAN_PAYMENT, TRANSFER_IN, TRANSFER_OUT, Place
from backend.budget.errors import ClientIdConflict, EntryUnknown, InvalidField
from backend.budget.models import Entry, Kind
from backend.budget.months import month_of
from backend.budget.selectors import categories
from backend.budget.selectors.entries import KEPT_FOR
from backend.budget.services.thresholds import LOCK_BUDGETS, is_news, tell_of_budgets, tell_what_is_reached
from backend.common.principal import Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work

TITLE_MAX = 100
PURGED_AT_ONCE = 5000
# The constraints that an entry with wrong categories breaks (migrations 0001 and 0002).
TIES = (
    "budget_entry_category_of_kind",
    "budget_entry_subcategory_of_category",
    "budget_entry_expense_has_subcategory",
)
_INSERT = """
INSERT INTO budget_entry (
    id, kind, user_id, title, description, amount, creation_date, creation_time, category_id, subcategory_id, reference
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (user_id, reference) WHERE reference IS NOT NULL DO NOTHING
"""
# The same, and the category's budget locked on the way: what is summed afterwards sees whoever held it before.
_INSERT_AND_LOCK = f"""
WITH added AS ({_INSERT} RETURNING id), locked AS ({LOCK_BUDGETS})
SELECT (SELECT count(*) FROM added), locked.* FROM (SELECT) always LEFT JOIN locked ON true
"""  # noqa: S608 - constants only
_NAMES = (
    *("id", "kind", "user_id", "title", "description", "amount"),
    *("creation_date", "creation_time", "category_id", "subcategory_id", "reference"),
)


def add_entry(
    *,
    actor: Principal,
    kind: str,
    title: str,
    description: str,
    amount: Decimal,
    creation_date: date,
    creation_time: time,
    category_id: uuid.UUID,
    subcategory_id: uuid.UUID | None = None,
    client_id: str = "",
) -> Entry:
    """Store an expense or income of the actor.

    Repeating: with the same `client_id` the entry stored first is returned.
    Raises: InvalidField, ClientIdConflict.
    Locks: the budget of the category, if there is one.
    After commit: a notice for each threshold passed.
    """
    entry = Entry(
        kind=kind,
        user_id=actor.id,
        title=title,
        description=description,
        amount=amount,
        creation_date=creation_date,
        creation_time=creation_time,
        category_id=category_id,
        subcategory_id=subcategory_id,
        reference=f"client:{client_id}" if client_id else None,
    )
    with _explained() as tried, unit_of_work() as unit:
        tried.append(entry)
        if not _insert(unit, entry):
            return _stored_before(entry)
        audit.record(actor_id=actor.id, action=f"{kind}.created", target=entry)
    return entry


def change_entry(*, actor: Principal, kind: str, entry_id: uuid.UUID, changes: Mapping[str, Any]) -> Entry:
    """Change some fields of an entry (S1-R13); whose it is and of which kind stays (BUG-S1-14).

    Repeating: changes nothing and records nothing.
    Raises: EntryUnknown, InvalidField. Locks: the entry, then the budgets of the old and the new category.
    After commit: a notice for each threshold passed.
    """
    with _explained() as tried, unit_of_work() as unit:
        entry = _locked(actor, kind, entry_id)
        if entry.deleted_at is not None:
            raise EntryUnknown
        tried.append(entry)
        new = {name: value for name, value in changes.items() if getattr(entry, name) != value}
        if not new:
            return entry
        old = {name: getattr(entry, name) for name in new}
        for name, value in new.items():
            setattr(entry, name, value)
        Entry.objects.filter(pk=entry.pk).update(**new)
        _tell_spending(unit, entry)
        facts = {"fields": sorted(new)}
        audit.record(actor_id=actor.id, action=f"{kind}.changed", target=entry, facts=facts, old=old, new=new)
    return entry


def delete_entry(*, actor: Principal, kind: str, entry_id: uuid.UUID) -> None:
    """Put an entry away; for 30 days it can be brought back. Raises: EntryUnknown. Locks: the entry."""
    with unit_of_work():
        entry = _locked(actor, kind, entry_id)
        if entry.deleted_at is not None:
            raise EntryUnknown
        Entry.objects.filter(pk=entry.pk).update(deleted_at=datetime.now(UTC))
        audit.record(actor_id=actor.id, action=f"{kind}.deleted", target=entry)


def restore_entry(*, actor: Principal, kind: str, entry_id: uuid.UUID) -> Entry:
    """Bring a deleted entry back.

    Repeating: returns it as it is and records nothing.
    Raises: EntryUnknown, also when the 30 days are over. Locks: the entry, then the budget of its category.
    After commit: a notice for each threshold passed.
    """
    with unit_of_work() as unit:
        entry = _locked(actor, kind, entry_id)
        if entry.deleted_at is None:
            return entry
        if entry.deleted_at <= datetime.now(UTC) - KEPT_FOR:
            raise EntryUnknown
        entry.deleted_at = None
        Entry.objects.filter(pk=entry.pk).update(deleted_at=None)
        _tell_spending(unit, entry)
        audit.record(actor_id=actor.id, action=f"{kind}.restored", target=entry)
    return entry


def record_money_movement(
    *,
    user_id: int,
    reference: str,
    is_outgoing: bool,
    amount: Decimal,
    at: datetime,
    title: str,
    description: str = "",
    is_loan_payment: bool = False,
    actor_id: int | None = None,
) -> Entry | None:
    """Put a posted transfer or payment into its owner's book. Banking calls this in the posting's unit of work, after
    it has locked the accounts: nobody who holds a budget asks for one.

    The owner may then sort, retitle or delete the entry like any other. `reference` is the posting's, one for each
    side of it. All amounts of a book are taken to be in one currency: a caller leaves others out.
    Repeating: with the same `reference` for the same person stores nothing and returns None.
    Locks: the budget of the category. After commit: a notice for each threshold passed.
    """
    entry = Entry(
        kind=Kind.EXPENSE if is_outgoing else Kind.INCOME,
        user_id=user_id,
        title=title[:TITLE_MAX],
        description=description[:TITLE_MAX],
        amount=amount,
        creation_date=at.astimezone(UTC).date(),
        creation_time=at.astimezone(UTC).time().replace(microsecond=0),
        reference=f"bank:{reference}",
    )
    place = _place_of_movement(is_outgoing, is_loan_payment)
    entry.category_id, entry.subcategory_id = place.category_id, place.subcategory_id
    with unit_of_work() as unit:
        if not _insert(unit, entry):
            return None
        audit.record(actor_id=actor_id, action=f"{entry.kind}.posted", target=entry, facts={"reference": reference})
    return entry


def purge_deleted() -> int:
    """Remove for good what was deleted over 30 days ago; return how much. Repeating it is safe, also at once.

    Locks: the rows it removes, but for those that somebody else holds.
    """
    removed = 0
    while True:
        with unit_of_work():
            old = Entry.objects.filter(deleted_at__lte=datetime.now(UTC) - KEPT_FOR).order_by("deleted_at")
            found = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:PURGED_AT_ONCE])
            if found:
                Entry.objects.filter(pk__in=found).delete()
                audit.record(actor_id=None, action="entries.purged", facts={"count": len(found)})
        removed += len(found)
        if len(found) < PURGED_AT_ONCE:
            return removed


def _insert(unit: UnitOfWork, entry: Entry) -> bool:
    """Store the entry and see to its budget; return False if its reference is known."""
    values = [getattr(entry, name) for name in _NAMES]
    with connection.cursor() as cursor:
        if entry.kind == Kind.INCOME or not is_news(entry.creation_date):
            cursor.execute(_INSERT, values)
            return bool(cursor.rowcount)
        cursor.execute(_INSERT_AND_LOCK, [*values, entry.user_id, [entry.category_id]])
        rows = cursor.fetchall()
    if not rows[0][0]:
        return False
    budgets = [row[1:] for row in rows if row[1]]
    reached = {(entry.category_id, month_of(entry.creation_date))}
    tell_of_budgets(unit, user_id=entry.user_id, budgets=budgets, reached=reached)
    return True


def _tell_spending(unit: UnitOfWork, entry: Entry) -> None:
    if entry.kind == Kind.EXPENSE:
        tell_what_is_reached(unit, user_id=entry.user_id, spent=[(entry.category_id, entry.creation_date)])


def _stored_before(entry: Entry) -> Entry:
    stored = Entry.objects.get(user_id=entry.user_id, reference=entry.reference)
    if any(getattr(stored, name) != getattr(entry, name) for name in _NAMES[1:]):
        raise ClientIdConflict(id=str(stored.pk))
    return stored


def _locked(actor: Principal, kind: str, entry_id: uuid.UUID) -> Entry:
    """Return the actor's entry, deleted or not, locked until the end of the unit. Raises: EntryUnknown."""
    own = Entry.objects.filter(pk=entry_id, user_id=actor.id, kind=kind)
    entry = own.select_for_update(no_key=True).first()
    if entry is None:
        raise EntryUnknown
    return entry


def _place_of_movement(is_outgoing: bool, is_loan_payment: bool) -> Place:
    if not is_outgoing:
        return TRANSFER_IN
    return LOAN_PAYMENT if is_loan_payment else TRANSFER_OUT


@contextmanager
def _explained() -> Iterator[list[Entry]]:
    """Turn the database's refusal of a category into what is wrong with it. The block names the entry it stores.

    Stands around the unit of work: asking what is wrong takes a transaction that has not failed.
    Raises: InvalidField.
    """
    tried: list[Entry] = []
    try:
        yield tried
    except IntegrityError as refusal:
        constraint = getattr(getattr(refusal.__cause__, "diag", None), "constraint_name", None) or ""
        if not (tried and constraint.startswith(TIES)):
            raise
        cause = refusal
    else:
        return
    entry = tried[-1]
    fault = categories.fault_of(kind=entry.kind, category_id=entry.category_id, subcategory_id=entry.subcategory_id)
    raise fault or InvalidField("category", "This category was changed just now. Try again.") from cause
