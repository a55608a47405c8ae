"""Who manages which bank, and which banks somebody sees. Asked once a request, never for the rows of a list."""

from uuid import UUID

from django.db.models import Q, QuerySet

from backend.banking.errors import BankUnknown, InvalidField, NotABankManager
from backend.banking.models import Bank, BankGrant
from backend.common.principal import AUDITOR, Principal

MANAGE = "manage_bank"
SAY_WHICH_BANK = "You manage several banks: say which one."
NOT_YOUR_BANK = "You manage no such bank."


def banks_managed_by(user_id: int) -> QuerySet[Bank]:
    """The banks that somebody manages: as the first manager, or by a grant."""
    granted = BankGrant.objects.filter(user=user_id, permission__codename=MANAGE).values("content_object")
    return Bank.objects.filter(Q(manager=user_id) | Q(pk__in=granted))


def ids_managed_by(user_id: int) -> list[UUID]:
    return list(banks_managed_by(user_id).values_list("pk", flat=True))


def require_banks(actor: Principal) -> list[UUID]:
    """Return the ids of the banks that the actor manages. Raises: NotABankManager when there are none."""
    found = ids_managed_by(actor.id)
    if not found:
        raise NotABankManager
    return found


def chosen_bank(actor: Principal, bank_id: UUID | None) -> UUID:
    """Return the bank that a manager means: the one they name, else the only one that they manage.

    Raises: NotABankManager, InvalidField.
    """
    mine = require_banks(actor)
    if bank_id is None and len(mine) > 1:
        raise InvalidField("bank", SAY_WHICH_BANK)
    if bank_id is not None and bank_id not in mine:
        raise InvalidField("bank", NOT_YOUR_BANK)
    return bank_id or mine[0]


def sees_every_bank(actor: Principal) -> bool:
    """S0-B7: staff lists and edits banks, and sees nothing of what is in them."""
    return actor.is_staff or actor.is_superuser


def banks_visible_to(actor: Principal) -> QuerySet[Bank]:
    """All banks for staff, else the managed ones; the newest first."""
    found = Bank.objects.all() if sees_every_bank(actor) else banks_managed_by(actor.id)
    return found.order_by("-created_at", "pk")


def get_bank(*, actor: Principal, bank_id: UUID) -> Bank:
    """Raises: BankUnknown."""
    return _one(banks_visible_to(actor), bank_id)


def get_managed_bank(*, actor: Principal, bank_id: UUID) -> Bank:
    """Return a bank of which the actor may see what is in it. Raises: BankUnknown, also for staff."""
    return _one(banks_managed_by(actor.id), bank_id)


def get_audited_bank(*, actor: Principal, bank_id: UUID) -> Bank:
    """Return a bank whose books the actor may read: its managers, and auditors those of every bank.

    Raises: BankUnknown.
    """
    return _one(Bank.objects.all() if actor.has_role(AUDITOR) else banks_managed_by(actor.id), bank_id)


def grants_of(bank: Bank) -> QuerySet[BankGrant]:
    """Who manages the bank beside its first manager, in the order they came."""
    found = BankGrant.objects.filter(content_object=bank, permission__codename=MANAGE)
    return found.select_related("user").order_by("pk")


def _one(banks: QuerySet[Bank], bank_id: UUID) -> Bank:
    found = banks.filter(pk=bank_id).first()
    if found is None:
        raise BankUnknown
    return found
