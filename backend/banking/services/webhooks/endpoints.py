"""Where webhooks go: written down, changed, switched off, and their secrets.

By a partner's key with the scope `webhooks` for its bank, or by a manager for one that they manage.
"""

import base64
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from backend.audit import services as audit
from backend.banking.errors import InvalidField
from backend.banking.models import (
    Bank,
    DeliveryState,
    DisabledReason,
    WebhookDelivery,
    WebhookEndpoint,
)
from backend.banking.partner_errors import StillPending, TooManyWebhooks, WebhookDisabled
from backend.banking.partners import PartnerPrincipal
from backend.banking.sealing import place_of, webhook_envelopes
from backend.banking.selectors import webhooks as selectors
from backend.banking.selectors.webhooks import Actor
from backend.banking.sending import AddressRefused, NotAnswered, checked, resolved
from backend.banking.services.webhooks import outbox
from backend.common.encryption import Damaged, KeyMissing
from backend.common.unit_of_work import unit_of_work

log = structlog.get_logger(__name__)

ENDPOINTS_MAX = 20
SECRET_BYTES = 32
OLD_SECRET_FOR = timedelta(hours=24)
LEFT_OUT = (DeliveryState.FAILED, DeliveryState.CANCELLED)


def create_endpoint(
    *, actor: Actor, bank_id: UUID | None, url: str, description: str = "", kinds: Sequence[str] = ()
) -> tuple[WebhookEndpoint, str]:
    """Write an address down and return it with its secret, which is shown this once.

    Raises: NotABankManager, InvalidField (`url`: none that webhooks go to; `bank`), TooManyWebhooks. Locks: the bank.
    """
    bank = selectors.bank_of(actor, bank_id)
    _require_public(url)
    endpoint = WebhookEndpoint(
        bank_id=bank, url=url, description=description, kinds=list(kinds), created_by=_name_of(actor)
    )
    secret = _new_secret()
    endpoint.sealed_secret = _sealed(endpoint, secret)
    with unit_of_work():
        Bank.objects.select_for_update(no_key=True).get(pk=bank)
        if WebhookEndpoint.objects.filter(bank=bank).count() >= ENDPOINTS_MAX:
            raise TooManyWebhooks
        endpoint.save(force_insert=True)
        _record(actor, "webhook.created", endpoint)
    return endpoint, secret


def change_endpoint(*, actor: Actor, endpoint_id: UUID, changes: dict[str, Any]) -> WebhookEndpoint:
    """Change address, words or kinds, or switch it off or on (`is_active`). Repeating it changes nothing.

    Switched off, what was on its way is cancelled; it can be replayed later.
    Raises: WebhookUnknown, InvalidField. Locks: the endpoint.
    """
    selectors.get_endpoint(actor, endpoint_id)
    if "url" in changes:
        _require_public(changes["url"])
    with unit_of_work():
        endpoint = _locked(actor, endpoint_id)
        changed = sorted(name for name, value in changes.items() if getattr(endpoint, name) != value)
        if not changed:
            return endpoint
        for name in set(changed) - {"is_active"}:
            setattr(endpoint, name, changes[name])
        if "is_active" in changed:
            switch(endpoint, None if changes["is_active"] else DisabledReason.BY_HAND)
        endpoint.save()
        _record(actor, "webhook.changed", endpoint, fields=changed)
    return endpoint


def delete_endpoint(*, actor: Actor, endpoint_id: UUID) -> None:
    """Forget an address and what was told to it. Raises: WebhookUnknown. Locks: the endpoint."""
    with unit_of_work():
        endpoint = _locked(actor, endpoint_id, for_good=True)
        _record(actor, "webhook.deleted", endpoint)
        endpoint.delete()


def rotate_secret(*, actor: Actor, endpoint_id: UUID) -> tuple[WebhookEndpoint, str]:
    """Give an endpoint a new secret and return it, shown this once. For a day the old one signs, too.

    Raises: WebhookUnknown. Locks: the endpoint.
    """
    secret = _new_secret()
    with unit_of_work():
        endpoint = _locked(actor, endpoint_id)
        endpoint.sealed_old_secret, endpoint.old_secret_until = endpoint.sealed_secret, _now() + OLD_SECRET_FOR
        endpoint.sealed_secret = _sealed(endpoint, secret)
        endpoint.save()
        _record(actor, "webhook.secret_rotated", endpoint)
    return endpoint, secret


def try_out(*, actor: Actor, endpoint_id: UUID) -> UUID:
    """Send a message that says only that it is a trial; return its id. Raises: WebhookUnknown, WebhookDisabled.

    After commit: the job that delivers.
    """
    with unit_of_work():
        endpoint = _locked(actor, endpoint_id)
        _require_active(endpoint)
        message = outbox.write_trial(endpoint)
        _record(actor, "webhook.tried", endpoint)
    return message.pk


def replay(*, actor: Actor, endpoint_id: UUID, delivery_id: int) -> WebhookDelivery:
    """Send a message again, under the id that it had: receivers know it, if they have had it.

    Raises: WebhookUnknown, DeliveryUnknown, WebhookDisabled, StillPending. Locks: the endpoint, the delivery.
    After commit: the job that delivers.
    """
    with unit_of_work():
        endpoint = _locked(actor, endpoint_id)
        _require_active(endpoint)
        delivery = selectors.get_delivery(endpoint, delivery_id)
        if not _start_again(WebhookDelivery.objects.filter(pk=delivery.pk).exclude(state=DeliveryState.PENDING)):
            raise StillPending
        _record(actor, "webhook.replayed", endpoint, deliveries=1)
    delivery.refresh_from_db(fields=["state", "attempts", "due_at"])
    return delivery


def replay_since(*, actor: Actor, endpoint_id: UUID, since: datetime) -> int:
    """Send again whatever has not arrived since a moment; return how many that are. After an outage of the receiver's.

    Raises: WebhookUnknown, WebhookDisabled. Locks: the endpoint, those deliveries. After commit: the job that delivers.
    """
    with unit_of_work():
        endpoint = _locked(actor, endpoint_id)
        _require_active(endpoint)
        left = WebhookDelivery.objects.filter(endpoint=endpoint, state__in=LEFT_OUT, created_at__gte=since)
        count = _start_again(left)
        _record(actor, "webhook.replayed", endpoint, deliveries=count)
    return count


def switch(endpoint: WebhookEndpoint, reason: DisabledReason | None) -> None:
    """Switch a locked endpoint off for a reason, or on; the caller saves it. What is on its way ends with it."""
    endpoint.failing_since = endpoint.rests_until = None
    if reason is None:
        endpoint.disabled_at, endpoint.disabled_reason = None, ""
        return
    endpoint.disabled_at, endpoint.disabled_reason = _now(), reason
    pending = WebhookDelivery.objects.filter(endpoint=endpoint, state=DeliveryState.PENDING)
    pending.update(state=DeliveryState.CANCELLED)


def secrets_of(endpoint: WebhookEndpoint) -> list[str]:
    """Return what signs at the moment, the newest first. Raises: Damaged, KeyMissing."""
    sealed = [bytes(endpoint.sealed_secret)]
    if endpoint.sealed_old_secret and endpoint.old_secret_until and endpoint.old_secret_until > _now():
        sealed.append(bytes(endpoint.sealed_old_secret))
    return [webhook_envelopes().open(one, bound_to=place_of(endpoint.pk)) for one in sealed]


def turn_keys() -> tuple[int, int]:
    """Seal by the newest ENCRYPTION_KEY_WEBHOOKS what an older one sealed, each in its own transaction.

    Safe to stop, to repeat, and to run twice at once. Returns how many endpoints were turned, and how many not opened.
    """
    turned = failed = 0
    envelopes = webhook_envelopes()
    for endpoint_id in list(WebhookEndpoint.objects.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=endpoint_id).first()
            names = ("sealed_secret", "sealed_old_secret")
            old = [
                name
                for name in names
                if endpoint and getattr(endpoint, name) and not envelopes.is_current(getattr(endpoint, name))
            ]
            if endpoint is None or not old:
                continue
            try:
                for name in old:
                    setattr(endpoint, name, envelopes.turned(getattr(endpoint, name), bound_to=place_of(endpoint_id)))
            except (Damaged, KeyMissing) as fault:
                log.error("webhook_key.does_not_open", endpoint=str(endpoint_id), fault=type(fault).__name__)
                failed += 1
            else:
                endpoint.save(update_fields=old)
                turned += 1
    return turned, failed


def _require_public(url: str) -> None:
    """Raises: InvalidField, unless webhooks go there. Looks the name up, so no transaction is open meanwhile."""
    try:
        resolved(checked(url))
    except AddressRefused as fault:
        raise InvalidField("url", str(fault)) from fault
    except NotAnswered as fault:
        raise InvalidField("url", "The host of this address is not known.") from fault


def _require_active(endpoint: WebhookEndpoint) -> None:
    if not endpoint.is_active:
        raise WebhookDisabled


def _start_again(deliveries: Any) -> int:
    count = int(deliveries.update(state=DeliveryState.PENDING, attempts=0, due_at=_now()))
    if count:
        outbox.deliver_soon()
    return count


def _locked(actor: Actor, endpoint_id: UUID, *, for_good: bool = False) -> WebhookEndpoint:
    selectors.get_endpoint(actor, endpoint_id)
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=not for_good).filter(pk=endpoint_id).first()
    return endpoint if endpoint is not None else selectors.get_endpoint(actor, endpoint_id)


def _record(actor: Actor, action: str, endpoint: WebhookEndpoint, **facts: Any) -> None:
    """The address is no fact: it may hold what only the partner is to know."""
    by_key = {"prefix": actor.key_prefix} if isinstance(actor, PartnerPrincipal) else {}
    audit.record(
        actor_id=None if isinstance(actor, PartnerPrincipal) else actor.id,
        action=action,
        target=endpoint,
        facts={"bank": str(endpoint.bank_id), **facts, **by_key},
    )


def _name_of(actor: Actor) -> str:
    return f"key:{actor.key_prefix}" if isinstance(actor, PartnerPrincipal) else f"user:{actor.id}"


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _sealed(endpoint: WebhookEndpoint, secret: str) -> bytes:
    return webhook_envelopes().seal(secret, bound_to=place_of(endpoint.pk))


def _now() -> datetime:
    return datetime.now(UTC)
