"""A partner's customers: accounts that it opens for people whom it alone knows, with a line to lend within.

The person may be nameless, the account's number is made up here, and the partner's `score` is the account's line.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.audit import services as audit
from backend.banking import ledger
from backend.banking.facts import LoanMoved
from backend.banking.models import Account, AccountStatus, Bank, Customer, Door, Registration
from backend.banking.partner_errors import CustomerPaused, FrozenByTheBank, KeyWithoutBank
from backend.banking.partners import PartnerPrincipal
from backend.banking.services import accounts
from backend.banking.services.names import unique_names
from backend.common.unit_of_work import unit_of_work


def default_bank(bank_id: UUID, *, is_made: bool) -> Bank:
    """Return the bank that unbound keys work for. `is_made`: make it where it is missing, once also when many ask.

    Raises: KeyWithoutBank.
    """
    bank = Bank.objects.filter(pk=bank_id).first()
    if bank is not None:
        return bank
    if not is_made:
        raise KeyWithoutBank
    with unit_of_work():
        bank, made = Bank.objects.get_or_create(pk=bank_id, defaults={"bank_name": "Partners"})
        if made:
            audit.record(actor_id=None, action="bank.registered", target=bank, facts={"for": "keys without a bank"})
    return bank


def register_customer(
    *, actor: PartnerPrincipal, external_id: str, score: Decimal, preapproved_at: datetime | None = None
) -> Account:
    """Open an account for a customer of the partner's and return it. It is active, whatever was asked (S4-B2).

    Raises: ExternalIdTaken (of two at once one wins, E-S4-7).
    """
    with unique_names(), unit_of_work():
        customer = Customer.objects.create()
        Registration.objects.create(customer=customer, bank_id=actor.bank_id)
        account = Account.objects.create(
            bank_id=actor.bank_id,
            customer=customer,
            account_number=accounts.new_number(),
            currency=actor.currency,
            external_id=external_id,
            credit_line=score,
            preapproved_at=preapproved_at,
        )
        facts = {"bank": str(actor.bank_id), "customer": str(customer.pk), "prefix": actor.key_prefix}
        audit.record(actor_id=None, action="account.opened", target=account, facts=facts)
    return account


def change_customer(*, actor: PartnerPrincipal, account_id: UUID, changes: dict[str, Any]) -> Account:
    """Change what is the partner's to say: the line, the pre-approval, whether it lends to this customer (BUG-S4-8).

    A line may be cut below the debt: nothing more is lent then. Repeating it changes nothing.
    Raises: AccountUnknown, FrozenByTheBank (made active while the bank keeps it frozen). Locks: the account.
    """
    with unit_of_work():
        (account,) = ledger.lock_accounts(account_id)
        if changes.get("is_paused") is False and account.status != AccountStatus.OPEN:
            raise FrozenByTheBank
        changed = sorted(name for name, value in changes.items() if getattr(account, name) != value)
        if not changed:
            return account
        for name in changed:
            setattr(account, name, changes[name])
        account.save(update_fields=[*changed, "updated_at"])
        audit.record(
            actor_id=None,
            action="account.changed",
            target=account,
            subject_id=account.customer.user_id,
            facts={"bank": str(actor.bank_id), "fields": changed, "prefix": actor.key_prefix},
        )
    return account


def refuse_paused(moved: LoanMoved) -> None:
    """Called when a loan was put on an account, and when one becomes active: not to a customer whom the partner has
    switched off (E-S4-9). Raises: CustomerPaused."""
    if moved.account.is_paused and moved.loan.door == Door.PARTNER:
        raise CustomerPaused
