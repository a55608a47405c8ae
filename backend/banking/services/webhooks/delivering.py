"""The outbox emptied: each delivery is claimed, sent without a transaction, and settled.

Claiming moves `due_at` ahead by a lease, passing over rows that somebody else is at (`SKIP LOCKED`): two processes do
not send one delivery at once, and what a killed one had claimed is sent again when the lease is over, under the same
id. A failure is tried again after the delays of Standard Webhooks, each a little off so that what failed together does
not come back together. An endpoint that answers 410 is switched off, one that failed for days too, and the bank's
managers hear of it.
"""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from django.db.models import F, Q
from standardwebhooks import Webhook

from backend.audit import services as audit
from backend.banking.models import DeliveryState, DisabledReason, WebhookDelivery, WebhookEndpoint, WebhookMessage
from backend.banking.selectors.webhooks import managers_of, webhook_id
from backend.banking.sending import AddressRefused, NotAnswered, post
from backend.banking.services.webhooks import endpoints
from backend.common.encryption import Damaged, KeyMissing
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.notifications import services as notifications
from backend.notifications.banking_notices import WebhookSwitchedOff

log = structlog.get_logger(__name__)

# After the first try: seconds to minutes, then hours; over three days in all.
DELAYS_S = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER = 0.2
LEASE = timedelta(seconds=90)
REST = timedelta(seconds=30)
FAILING_FOR = timedelta(days=2)
AT_ONCE = 20
SENDERS = 8
ROUNDS = 50
GONE = 410
KEPT_FOR = timedelta(days=30)
PRUNED_AT_ONCE = 1000
USER_AGENT = "Ease-Webhooks/1"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try went: the status that came back, or one word for why none did."""

    status: int | None = None
    fault: str = ""

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def deliver_due() -> int:
    """Send what is due; return how many arrived. Ends when nothing is due, or after 1,000 tries: the clock goes on.

    Repeating, or several at once: each delivery is tried by one of them. A receiver can get a message twice, when we
    die between sending and keeping that we did, and tells it by its `webhook-id`.
    """
    arrived = 0
    with ThreadPoolExecutor(SENDERS, thread_name_prefix="webhook") as senders:
        for _ in range(ROUNDS):
            claimed = _claim()
            if not claimed:
                break
            signed = [_signed(delivery) for delivery in claimed]
            outcomes = senders.map(_send, claimed, signed)
            arrived += sum([_settle(one, outcome) for one, outcome in zip(claimed, outcomes, strict=True)])
    return arrived


def prune() -> int:
    """Delete messages after 30 days, with how telling them went; return how many. In steps, safe to stop and repeat."""
    edge, total = datetime.now(UTC) - KEPT_FOR, 0
    while old := list(WebhookMessage.objects.filter(created_at__lt=edge).values_list("pk", flat=True)[:PRUNED_AT_ONCE]):
        WebhookMessage.objects.filter(pk__in=old).delete()
        total += len(old)
    return total


def _claim() -> list[WebhookDelivery]:
    """Take the next deliveries for ourselves, until the lease is over. Locks: them, passing over locked ones."""
    now = datetime.now(UTC)
    is_awake = Q(endpoint__rests_until=None) | Q(endpoint__rests_until__lte=now)
    with unit_of_work():
        due = WebhookDelivery.objects.select_for_update(of=("self",), skip_locked=True).filter(
            is_awake, state=DeliveryState.PENDING, due_at__lte=now, endpoint__disabled_at=None
        )
        found = list(due.select_related("message", "endpoint").order_by("due_at")[:AT_ONCE])
        for one in found:
            one.attempts += 1
        WebhookDelivery.objects.filter(pk__in=[one.pk for one in found]).update(
            due_at=now + LEASE, attempts=F("attempts") + 1
        )
    return found


def _signed(delivery: WebhookDelivery) -> dict[str, str] | None:
    """Return the headers of one try; None when the secret does not open."""
    at, name = datetime.now(UTC), webhook_id(delivery.message_id)
    try:
        keys = endpoints.secrets_of(delivery.endpoint)
    except (Damaged, KeyMissing) as fault:
        log.error("webhook.secret_does_not_open", endpoint=str(delivery.endpoint_id), fault=type(fault).__name__)
        return None
    return {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(name, at, delivery.message.body) for key in keys),
    }


def _send(delivery: WebhookDelivery, headers: dict[str, str] | None) -> Outcome:
    """Runs in a thread of its own and touches no database."""
    if headers is None:
        return Outcome(fault="secret")
    try:
        return Outcome(status=post(delivery.endpoint.url, headers=headers, body=delivery.message.body.encode()))
    except AddressRefused:
        return Outcome(fault="address")
    except NotAnswered as fault:
        return Outcome(fault=fault.fault)


def _settle(delivery: WebhookDelivery, outcome: Outcome) -> bool:
    """Keep how a try went; return whether it arrived. Locks: the endpoint, when it fails or failed before; then the
    delivery."""
    now = datetime.now(UTC)
    said = {"last_status": outcome.status, "last_fault": outcome.fault, "last_at": now}
    # Whoever claimed it after us, because our lease was over, has the word.
    mine = WebhookDelivery.objects.filter(pk=delivery.pk, state=DeliveryState.PENDING, attempts=delivery.attempts)
    with unit_of_work() as unit:
        if outcome.is_success:
            _note_success(delivery.endpoint)
            mine.update(state=DeliveryState.DELIVERED, **said)
            return True
        endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=delivery.endpoint_id).first()
        is_last = delivery.attempts > len(DELAYS_S)
        state = DeliveryState.FAILED if is_last else DeliveryState.PENDING
        is_ours = mine.update(state=state, due_at=now + _delay(delivery.attempts), **said)
        if is_ours and endpoint is not None and endpoint.is_active:
            _note_failure(unit, endpoint, outcome, is_last=is_last)
    log.info("webhook.failed", endpoint=str(delivery.endpoint_id), attempt=delivery.attempts, why=str(outcome))
    return False


def _delay(attempts: int) -> timedelta:
    seconds = DELAYS_S[min(attempts, len(DELAYS_S)) - 1]
    return timedelta(seconds=seconds * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - spreads retries


def _note_success(endpoint: WebhookEndpoint) -> None:
    if endpoint.failing_since is not None:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=None, rests_until=None)


def _note_failure(unit: UnitOfWork, endpoint: WebhookEndpoint, outcome: Outcome, *, is_last: bool) -> None:
    """Keep since when the (locked) endpoint fails; switch it off when it is gone, or when a message used up its tries
    and none has arrived for days."""
    now = datetime.now(UTC)
    endpoint.failing_since = endpoint.failing_since or now
    if outcome.status is None:
        endpoint.rests_until = now + REST  # Nobody was there: the others need not find out one by one.
    if outcome.status == GONE:
        _switch_off(unit, endpoint, DisabledReason.GONE)
    elif is_last and endpoint.failing_since <= now - FAILING_FOR:
        _switch_off(unit, endpoint, DisabledReason.FAILING)
    endpoint.save(update_fields=["failing_since", "rests_until", "disabled_at", "disabled_reason", "updated_at"])


def _switch_off(unit: UnitOfWork, endpoint: WebhookEndpoint, reason: DisabledReason) -> None:
    """Nothing more goes there. After commit: `webhook.disabled` to the bank's managers."""
    endpoints.switch(endpoint, reason)
    facts = {"bank": str(endpoint.bank_id), "reason": str(reason)}
    audit.record(actor_id=None, action="webhook.disabled", target=endpoint, facts=facts)
    notice = WebhookSwitchedOff(
        webhook_id=str(endpoint.pk), bank_id=str(endpoint.bank_id), url=endpoint.url, reason=str(reason)
    )
    topics = [notifications.inbox_of(user_id) for user_id in managers_of(endpoint.bank_id)]
    notifications.tell(unit, topics=topics, notice=notice)
