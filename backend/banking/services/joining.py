"""A customer that a bank wrote down becomes a signed-up person's, by an act of the bank's manager (design.md 5)."""

from datetime import UTC, datetime
from uuid import UUID

from backend.audit import services as audit
from backend.banking.errors import AccountsOfTheirOwn, CustomerJoined, CustomerNotJoined, InvalidField, OwnCustomer
from backend.banking.models import Account, Customer, Registration
from backend.banking.services import customers
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import User
from backend.notifications import services as notifications
from backend.notifications.banking_notices import CustomerJoined as JoinedNotice
from backend.notifications.banking_notices import CustomerParted as PartedNotice

NOBODY = "Nobody verified with this customer's last name is signed up with this address."
HAS_ACCOUNTS = "This person has accounts as another customer already."


def join_person(*, actor: Principal, customer_id: UUID, email: str) -> Customer:
    """Make a bank's customer the one that a verified person is: from now on these accounts are theirs.

    What their verification made for them gives way to it, as long as no bank knows it. The last names have to agree,
    so that a mistyped address joins nobody else.
    Repeating: for the same person, nothing changes.
    Raises: CustomerUnknown, CustomerShared, CustomerJoined (somebody else's), OwnCustomer, InvalidField (`email`).
    Locks: the person, then the customer. After commit: `customer.joined` in the person's inbox.
    """
    with unit_of_work() as unit:
        person = _verified(email)
        customer, mine = customers.locked_customer(actor, customer_id)
        customers.require_unshared(customer, mine)
        if person is None or not _agree(customers.names_of(person)[1], customer.last_name):
            raise InvalidField("email", NOBODY)  # One answer for both: this is no way to learn who is signed up.
        if person.pk == actor.id:
            raise OwnCustomer
        if customer.user_id == person.pk:
            return customer
        if customer.user_id is not None:
            raise CustomerJoined
        _make_way(person)
        customer.user, customer.joined_at = person, datetime.now(UTC)
        customer.save(update_fields=["user", "joined_at"])
        audit.record(actor_id=actor.id, action="customer.joined", target=customer, subject_id=person.pk)
        banks = [bank.bank_name for bank in customers.banks_of(customer)]
        notice = JoinedNotice(customer_id=str(customer.pk), banks=banks)
        notifications.tell(unit, topics=[notifications.inbox_of(person.pk)], notice=notice)
    return customer


def part_person(*, actor: Principal, customer_id: UUID) -> Customer:
    """Undo a joining: the customer is nobody's again, and the person gets one of their own.

    Raises: CustomerUnknown, CustomerShared, CustomerNotJoined (nobody, or by their own verification), and
    AccountsOfTheirOwn (they have opened accounts since).
    Locks: the person, then the customer. After commit: `customer.parted` in the person's inbox.
    """
    with unit_of_work() as unit:
        joined = Customer.objects.filter(pk=customer_id).values_list("user", flat=True).first()
        if joined is not None:
            User.objects.select_for_update(no_key=True).get(pk=joined)
        customer, mine = customers.locked_customer(actor, customer_id)
        if joined is None or customer.user_id != joined or customer.joined_at is None:
            raise CustomerNotJoined
        customers.require_unshared(customer, mine)
        if Account.objects.filter(customer=customer, created_at__gt=customer.joined_at).exists():
            raise AccountsOfTheirOwn
        banks = [bank.bank_name for bank in customers.banks_of(customer)]
        customer.user = customer.joined_at = None
        customer.save(update_fields=["user", "joined_at"])
        audit.record(actor_id=actor.id, action="customer.parted", target=customer, subject_id=joined)
        customers.customer_of(user_id=joined, by_id=actor.id)
        notice = PartedNotice(customer_id=str(customer.pk), banks=banks)
        notifications.tell(unit, topics=[notifications.inbox_of(joined)], notice=notice)
    return customer


def _verified(email: str) -> User | None:
    found = User.objects.known_by("email", email).filter(is_active=True, kyc_status=User.KycStatus.APPROVED)
    return found.select_for_update(no_key=True).first()


def _agree(verified: str, written: str) -> bool:
    return " ".join(verified.split()).casefold() == " ".join(written.split()).casefold()


def _make_way(person: User) -> None:
    """Delete the customer that the person's verification made. Raises: InvalidField when a bank knows it."""
    theirs = Customer.objects.select_for_update().filter(user=person).first()
    if theirs is None:
        return
    if Registration.objects.filter(customer=theirs).exists() or Account.objects.filter(customer=theirs).exists():
        raise InvalidField("email", HAS_ACCOUNTS)
    theirs.delete()
