"""What a bank's managers say that people may send from its accounts."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from backend.audit import services as audit
from backend.banking.models import Bank
from backend.banking.selectors import banks as selectors
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work

NAMES = ("transfer_max", "transfer_day_max", "step_up_from")


def set_limits(*, actor: Principal, bank_id: UUID, limits: Mapping[str, Decimal | None]) -> Bank:
    """Set a bank's limits, None for what the settings say, and return it. Transfers under way go by the old ones.

    Repeating changes nothing. Raises: BankUnknown (also one that the actor does not manage). Locks: the bank.
    """
    selectors.get_managed_bank(actor=actor, bank_id=bank_id)
    with unit_of_work():
        bank = Bank.objects.select_for_update(no_key=True).get(pk=bank_id)
        new = {name: limits[name] for name in NAMES if getattr(bank, name) != limits[name]}
        if not new:
            return bank
        facts = {name: {"old": getattr(bank, name), "new": value} for name, value in new.items()}
        for name, value in new.items():
            setattr(bank, name, value)
        bank.save(update_fields=list(new))
        audit.record(actor_id=actor.id, action="bank.limits_changed", target=bank, facts=facts)
    return bank
