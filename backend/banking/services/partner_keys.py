"""Which bank an API key works for. Superusers say so, on the admin site; the demo's key works for the demo's bank."""

from uuid import UUID

from rest_framework_api_key.models import APIKey

from backend.audit import services as audit
from backend.banking.models import Bank, PartnerKey
from backend.banking.partner_errors import KeysAreSuperusers
from backend.common import hooks
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work


def bind_key(*, actor: Principal, api_key_id: str, bank_id: UUID) -> PartnerKey:
    """Have a key work for a bank, from its next request on. Repeating it changes nothing.

    What it did for another bank before stays there.
    Raises: KeysAreSuperusers. Locks: the binding.
    """
    if not actor.is_superuser:
        raise KeysAreSuperusers
    return _bound(actor.id, APIKey.objects.get(pk=api_key_id), bank_id)


def bind_demo_key(demo: hooks.Demo) -> None:
    """Have the demo's key work for the bank of the demo's manager, once both are there."""
    key = APIKey.objects.filter(prefix=demo.key_prefix).first()
    bank = Bank.objects.filter(manager=demo.accounts["manager"]).first()
    if key is not None and bank is not None:
        _bound(None, key, bank.pk)


def _bound(actor_id: int | None, key: APIKey, bank_id: UUID) -> PartnerKey:
    with unit_of_work():
        found, made = PartnerKey.objects.select_for_update().get_or_create(api_key=key, defaults={"bank_id": bank_id})
        before = None if made else found.bank_id
        if before != bank_id:
            found.bank_id = bank_id
            found.save(update_fields=["bank"])
            facts = {"prefix": key.prefix, "from": str(before) if before else None, "bank": str(bank_id)}
            audit.record(actor_id=actor_id, action="api_key.bound", facts=facts)
    return found
