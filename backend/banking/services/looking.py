"""Looks at what is private that leave a trace."""

from uuid import UUID

from backend.audit import services as audit
from backend.banking.models import Account
from backend.banking.selectors.banks import banks_managed_by
from backend.banking.selectors.customers import get_audited_account
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work


def look_at_ledger(*, actor: Principal, account_id: UUID) -> Account:
    """Return an account whose entries the actor is about to read; that an auditor does is on record.

    Raises: AccountUnknown.
    """
    account = get_audited_account(actor=actor, account_id=account_id)
    if not banks_managed_by(actor.id).filter(pk=account.bank_id).exists():
        with unit_of_work():
            audit.record(
                actor_id=actor.id,
                action="account.ledger_viewed",
                target=account,
                facts={"bank": str(account.bank_id)},
                subject_id=account.customer.user_id,
            )
    return account
