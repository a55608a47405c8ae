"""Customers: registered at banks, changed by the one bank that has them, and left by each bank for itself.

A profile that several banks share is nobody's alone: while it is shared no bank changes it, and a bank that deletes
the customer takes away its own registration and accounts only (BUG-S0-17).
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from backend.audit import services as audit
from backend.banking.errors import CustomerShared, CustomerUnknown, HasPostings
from backend.banking.models import Account, Bank, Customer, Registration
from backend.banking.selectors import banks as selectors
from backend.banking.services import accounts
from backend.common import hooks
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import User


def register_customer(*, actor: Principal, bank_id: UUID | None, fields: dict[str, Any]) -> Customer:
    """Store a customer, registered at a bank of the caller's at once, so that they are never an orphan (BUG-S0-16).

    Raises: NotABankManager, InvalidField (another's bank, or none named by somebody who manages several).
    """
    with unit_of_work():
        bank_id = selectors.chosen_bank(actor, bank_id)
        customer = Customer.objects.create(**fields)
        register(customer.pk, bank_id)
        facts = {"bank": str(bank_id)}
        audit.record(actor_id=actor.id, action="customer.registered", target=customer, facts=facts)
    return customer


def register(customer_id: UUID, bank_id: UUID) -> Registration:
    """Have a bank know a customer, in the caller's unit of work. Repeating it changes nothing, also at once."""
    found, _ = Registration.objects.get_or_create(customer_id=customer_id, bank_id=bank_id)
    return found


def change_customer(*, actor: Principal, customer_id: UUID, changes: dict[str, Any]) -> Customer:
    """Change what a bank knows of its customer, and return them. Repeating it changes nothing.

    Raises: CustomerUnknown, CustomerShared (registered at a bank that the caller does not manage).
    Locks: the customer.
    """
    with unit_of_work():
        customer, mine = locked_customer(actor, customer_id)
        changed = sorted(name for name, value in changes.items() if getattr(customer, name) != value)
        if not changed:
            return customer
        require_unshared(customer, mine)
        old = {name: getattr(customer, name) for name in changed}
        new = {name: changes[name] for name in changed}
        for name, value in new.items():
            setattr(customer, name, value)
        customer.save(update_fields=changed)
        # The values are personal: they are kept where an erasure finds them, so only of somebody who can ask for one.
        values: dict[str, Any] = {"old": old, "new": new, "subject_id": customer.user_id} if customer.user_id else {}
        facts = {"fields": changed}
        audit.record(actor_id=actor.id, action="customer.changed", target=customer, facts=facts, **values)
    return customer


def delete_customer(*, actor: Principal, customer_id: UUID) -> None:
    """End what the caller's banks have with a customer: registrations, accounts without money history, their loans
    on record. The customer goes with the last registration, unless they belong to a signed-up person.

    Raises: CustomerUnknown, HasPostings or LoanSettled (of one of these accounts; then nothing is deleted).
    Locks: the customer, then those accounts by id.
    """
    with unit_of_work():
        customer, mine = locked_customer(actor, customer_id, for_good=True)
        ids = Account.objects.filter(customer=customer, bank__in=mine).order_by("pk").values_list("pk", flat=True)
        dropped = accounts.drop_accounts(list(ids))
        left = Registration.objects.filter(customer=customer, bank__in=mine)
        facts = {"banks": sorted(str(one) for one in left.values_list("bank_id", flat=True)), **dropped}
        left.delete()
        is_gone = customer.user_id is None and not Registration.objects.filter(customer=customer).exists()
        action = "customer.deleted" if is_gone else "customer.unregistered"
        audit.record(actor_id=actor.id, action=action, target=customer, facts=facts, subject_id=customer.user_id)
        if is_gone:
            _drop(customer)


def _drop(customer: Customer) -> None:
    try:
        customer.delete()
    except ProtectedError as fault:
        raise HasPostings from fault


def locked_customer(actor: Principal, customer_id: UUID, *, for_good: bool = False) -> tuple[Customer, list[UUID]]:
    """Return a customer registered at one of the caller's banks, locked, and the ids of those banks.

    Raises: CustomerUnknown.
    """
    mine = selectors.ids_managed_by(actor.id)
    customer = Customer.objects.select_for_update(no_key=not for_good).filter(pk=customer_id).first()
    if customer is None or not Registration.objects.filter(customer=customer, bank__in=mine).exists():
        raise CustomerUnknown
    return customer, mine


def require_unshared(customer: Customer, mine: Sequence[UUID]) -> None:
    """Raises: CustomerShared."""
    others = Registration.objects.filter(customer=customer).exclude(bank__in=mine).count()
    if others:
        raise CustomerShared(other_banks=others)


# Persons


def on_kyc_decided(decision: hooks.KycDecision) -> None:
    """Make the customer of somebody who was approved, in the transaction that decided it."""
    if decision.is_approved:
        customer_of(user_id=decision.user_id, by_id=decision.by_id)


def customer_of(*, user_id: int, by_id: int | None = None) -> Customer:
    """Return the customer that a signed-up person is, made if there is none; no bank has registered it then.

    Called for approved people only. Repeating it, also at once, returns the same one.
    """
    with unit_of_work():
        found = Customer.objects.filter(user=user_id).first()
        if found is not None:
            return found
        user = User.objects.get(pk=user_id)
        first, last = names_of(user)
        try:
            with transaction.atomic():
                made = Customer.objects.create(user=user, first_name=first[:128], last_name=last[:128])
        except IntegrityError:
            return Customer.objects.get(user=user_id)
        audit.record(actor_id=by_id, action="customer.created", target=made, subject_id=user_id)
    return made


def names_of(user: User) -> tuple[str, str]:
    """Return first and last names: those of the S3 door's one-field name where there are no others."""
    if user.first_name or user.last_name:
        return user.first_name, user.last_name
    first, _, last = user.name.strip().rpartition(" ")
    return (first, last) if first else (last, "")


def banks_of(customer: Customer) -> list[Bank]:
    """Return the banks that registered a customer, in the order in which they did."""
    found = Registration.objects.filter(customer=customer).select_related("bank").order_by("registered_at", "pk")
    return [one.bank for one in found]
