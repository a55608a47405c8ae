"""Which webhooks somebody sees: a key those of its bank, a manager those of the banks that they manage."""

from uuid import UUID

from django.db.models import QuerySet

from backend.banking.models import Bank, WebhookDelivery, WebhookEndpoint
from backend.banking.partner_errors import DeliveryUnknown, WebhookUnknown
from backend.banking.partners import PartnerPrincipal
from backend.banking.selectors import banks
from backend.common.principal import Principal

Actor = Principal | PartnerPrincipal


def bank_of(actor: Actor, bank_id: UUID | None) -> UUID:
    """Return the bank that is meant: the key's, or the one that a manager names.

    Raises: NotABankManager, InvalidField.
    """
    return actor.bank_id if isinstance(actor, PartnerPrincipal) else banks.chosen_bank(actor, bank_id)


def endpoints_of(actor: Actor) -> QuerySet[WebhookEndpoint]:
    mine = [actor.bank_id] if isinstance(actor, PartnerPrincipal) else banks.require_banks(actor)
    return WebhookEndpoint.objects.filter(bank__in=mine).order_by("created_at", "id")


def get_endpoint(actor: Actor, endpoint_id: UUID) -> WebhookEndpoint:
    """Raises: WebhookUnknown."""
    mine = [actor.bank_id] if isinstance(actor, PartnerPrincipal) else banks.ids_managed_by(actor.id)
    found = WebhookEndpoint.objects.filter(bank__in=mine, pk=endpoint_id).first()
    if found is None:
        raise WebhookUnknown
    return found


def get_delivery(endpoint: WebhookEndpoint, delivery_id: int) -> WebhookDelivery:
    """Raises: DeliveryUnknown."""
    found = WebhookDelivery.objects.filter(endpoint=endpoint, pk=delivery_id).select_related("message").first()
    if found is None:
        raise DeliveryUnknown
    return found


def deliveries_of(
    endpoint: WebhookEndpoint, *, state: str | None, after: int | None, limit: int
) -> list[WebhookDelivery]:
    """Return deliveries, the newest first, behind the one with the id `after`. One query."""
    found = WebhookDelivery.objects.filter(endpoint=endpoint).select_related("message").order_by("-id")
    if state is not None:
        found = found.filter(state=state)
    return list(found.filter(id__lt=after)[:limit] if after is not None else found[:limit])


def webhook_id(message_id: UUID) -> str:
    """Return the id that receivers tell repeats by."""
    return f"msg_{message_id.hex}"


def managers_of(bank_id: UUID) -> list[int]:
    """Return the user ids of those who manage a bank."""
    bank = Bank.objects.get(pk=bank_id)
    granted = banks.grants_of(bank).values_list("user_id", flat=True)
    return sorted({*granted, *([bank.manager_id] if bank.manager_id is not None else [])})
