"""Banks: registered by whoever will manage them, changed by them and by staff, and gone only while empty."""

import re
import zoneinfo
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from backend.audit import services as audit
from backend.banking.errors import BankInUse, BankUnknown, InvalidField, ManagersAreFirstManagers
from backend.banking.models import Account, Bank, PartnerKey, Posting, Registration
from backend.banking.selectors import banks as selectors
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import User

MANAGES_ONE = "You are the first manager of a bank already; one person registers at most one."
MANAGES_ANOTHER = "They are the first manager of a bank already."


def register_bank(*, actor: Principal, fields: dict[str, Any]) -> Bank:
    """Store a bank whose first manager is the caller (S0-R6), and return it.

    Raises: InvalidField (they registered one before, S0-B8; of two at once one wins; no such currency or time zone).
    """
    return _stored(actor, actor.id, fields, MANAGES_ONE)


def found_bank(*, actor: Principal, manager_id: int | None, fields: dict[str, Any]) -> Bank:
    """Store a bank for somebody else, and return it. Only superusers do, on the admin site.

    Raises: ManagersAreFirstManagers, InvalidField (nobody active, or they manage a bank already).
    """
    if not actor.is_superuser:
        raise ManagersAreFirstManagers
    _require_active(manager_id)
    return _stored(actor, manager_id, fields, MANAGES_ANOTHER)


def change_bank(*, actor: Principal, bank_id: UUID, changes: dict[str, Any]) -> Bank:
    """Change what a bank says of itself; its managers may, and staff (S0-B7). Who manages it is not changed here.

    Raises: BankUnknown, InvalidField. Locks: the bank.
    """
    _check(changes)
    with unit_of_work():
        bank = _locked(actor, bank_id)
        changed = sorted(name for name, value in changes.items() if getattr(bank, name) != value)
        if not changed:
            return bank
        old = {name: getattr(bank, name) for name in changed}
        new = {name: changes[name] for name in changed}
        for name, value in new.items():
            setattr(bank, name, value)
        bank.save(update_fields=changed)
        facts = {"fields": changed}
        audit.record(actor_id=actor.id, action="bank.changed", target=bank, facts=facts, old=old, new=new)
    return bank


def delete_bank(*, actor: Principal, bank_id: UUID) -> None:
    """Delete a bank that has nothing any more: no customer, account, posting or partner's key.

    Raises: BankUnknown, BankInUse with the counts. Locks: the bank, so that nothing comes meanwhile.
    """
    with unit_of_work():
        bank = _locked(actor, bank_id, for_good=True)
        has = {
            "customers": Registration.objects.filter(bank=bank).count(),
            "accounts": Account.objects.filter(bank=bank).count(),
            "postings": Posting.objects.filter(bank=bank).count(),
            "partner_keys": PartnerKey.objects.filter(bank=bank).count(),
        }
        left = {name: count for name, count in has.items() if count}
        if left:
            said = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in left.items())
            raise BankInUse(f"The bank still has {said}; it can be deleted when it has nothing any more.", **left)
        audit.record(actor_id=actor.id, action="bank.deleted", target=bank)
        try:
            bank.delete()
        except ProtectedError as fault:
            raise BankInUse from fault


def hand_over_bank(*, actor: Principal, bank_id: UUID, user_id: int | None) -> Bank:
    """Make somebody else the bank's first manager, or nobody. Only superusers do (BUG-S0-18), on the admin site.

    Raises: ManagersAreFirstManagers, BankUnknown, InvalidField (nobody active, or they manage a bank already).
    Locks: the bank.
    """
    if not actor.is_superuser:
        raise ManagersAreFirstManagers
    with unit_of_work():
        bank = _locked(actor, bank_id)
        if bank.manager_id == user_id:
            return bank
        _require_active(user_id)
        facts = {"from": bank.manager_id, "to": user_id}
        try:
            with transaction.atomic():
                bank.manager_id = user_id
                bank.save(update_fields=["manager"])
        except IntegrityError as fault:
            raise InvalidField("manager", MANAGES_ANOTHER) from fault
        audit.record(actor_id=actor.id, action="bank.handed_over", target=bank, facts=facts)
    return bank


def _stored(actor: Principal, manager_id: int | None, fields: dict[str, Any], refusal: str) -> Bank:
    _check(fields)
    with unit_of_work():
        try:
            with transaction.atomic():
                bank = Bank.objects.create(manager_id=manager_id, **fields)
        except IntegrityError as fault:
            raise InvalidField("manager", refusal) from fault
        audit.record(actor_id=actor.id, action="bank.registered", target=bank, facts={"manager": manager_id})
    return bank


def _check(fields: dict[str, Any]) -> None:
    """Raises: InvalidField, for a currency or a time zone that there is not: books could not be kept in it."""
    if not re.fullmatch("[A-Z]{3}", fields.get("currency", "USD")):
        raise InvalidField("currency", "Three capital letters, such as USD.")
    if fields.get("time_zone", "UTC") not in zoneinfo.available_timezones():
        raise InvalidField("time_zone", "There is no such time zone.")


def _require_active(user_id: int | None) -> None:
    if user_id is not None and not User.objects.filter(pk=user_id, is_active=True).exists():
        raise InvalidField("manager", "There is no such person, or they are blocked.")


def _locked(actor: Principal, bank_id: UUID, *, for_good: bool = False) -> Bank:
    bank = Bank.objects.select_for_update(no_key=not for_good).filter(pk=bank_id).first()
    if bank is None or not selectors.banks_visible_to(actor).filter(pk=bank_id).exists():
        raise BankUnknown
    return bank
