"""Further managers of a bank, by a guardian grant (design.md section 3). It counts at their next request."""

from uuid import UUID

from guardian.shortcuts import assign_perm

from backend.audit import services as audit
from backend.banking.errors import BankUnknown, InvalidField, ManagersAreFirstManagers, NotAManagerHere
from backend.banking.models import Bank, BankGrant
from backend.banking.selectors import banks as selectors
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import User
from backend.notifications import services as notifications
from backend.notifications.banking_notices import BankShared

MANAGERS_MAX = 50


def add_manager(*, actor: Principal, bank_id: UUID, email: str) -> BankGrant:
    """Let somebody manage a bank beside its first manager: they see and do there what that one does, but for this.

    Repeating: the same grant, and nobody is told again.
    Raises: BankUnknown, ManagersAreFirstManagers, InvalidField (nobody of this address, the first manager, too many).
    Locks: the bank. After commit: `bank.shared` in their inbox.
    """
    with unit_of_work() as unit:
        bank = _locked_by_its_first(actor, bank_id)
        person = User.objects.known_by("email", email).filter(is_active=True).first()
        if person is None:
            raise InvalidField("email", "Nobody is signed up with this address.")
        if person.pk == bank.manager_id:
            raise InvalidField("email", "This is the bank's first manager.")
        existing = selectors.grants_of(bank).filter(user=person).first()
        if existing is not None:
            return existing
        if selectors.grants_of(bank).count() >= MANAGERS_MAX:
            raise InvalidField("email", f"A bank has at most {MANAGERS_MAX} further managers.")
        assign_perm(f"banking.{selectors.MANAGE}", person, bank)
        audit.record(actor_id=actor.id, action="bank.manager_added", target=bank, facts={"manager": person.pk})
        notice = BankShared(bank_id=str(bank.pk), bank=bank.bank_name, shared_by=actor.id)
        notifications.tell(unit, topics=[notifications.inbox_of(person.pk)], notice=notice)
        return selectors.grants_of(bank).get(user=person)


def remove_manager(*, actor: Principal, bank_id: UUID, user_id: int) -> None:
    """Withdraw a grant: the first manager may, a superuser, and whoever has it themselves.

    Raises: BankUnknown, ManagersAreFirstManagers, NotAManagerHere. Locks: the bank.
    """
    with unit_of_work():
        bank = (_locked if actor.id == user_id else _locked_by_its_first)(actor, bank_id)
        grant = selectors.grants_of(bank).filter(user=user_id).first()
        if grant is None:
            raise NotAManagerHere
        grant.delete()
        audit.record(actor_id=actor.id, action="bank.manager_removed", target=bank, facts={"manager": user_id})


def list_managers(*, actor: Principal, bank_id: UUID) -> tuple[Bank, list[BankGrant]]:
    """Return the bank with its first manager, and the grants in the order they came: for its managers, and superusers.

    Raises: BankUnknown.
    """
    found = Bank.objects.all() if actor.is_superuser else selectors.banks_managed_by(actor.id)
    bank = found.select_related("manager").filter(pk=bank_id).first()
    if bank is None:
        raise BankUnknown
    return bank, list(selectors.grants_of(bank))


def _locked(actor: Principal, bank_id: UUID) -> Bank:
    bank = Bank.objects.select_for_update(no_key=True).filter(pk=bank_id).first()
    manages = selectors.banks_managed_by(actor.id).filter(pk=bank_id).exists()
    if bank is None or not (manages or actor.is_superuser):
        raise BankUnknown
    return bank


def _locked_by_its_first(actor: Principal, bank_id: UUID) -> Bank:
    bank = _locked(actor, bank_id)
    if bank.manager_id != actor.id and not actor.is_superuser:
        raise ManagersAreFirstManagers
    return bank
