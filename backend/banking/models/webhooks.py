"""Webhooks: where a bank's partners want to hear of things, what they are to hear, and how each telling went."""

import uuid
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class WebhookKind(models.TextChoices):
    """What can be heard of. Each is told with what the partner's own routes would show of it."""

    LOAN_ACTIVATED = "loan.activated"
    LOAN_PAID = "loan.paid"
    PAYMENT_COMPLETED = "payment.completed"
    PAYMENT_REJECTED = "payment.rejected"


class DisabledReason(models.TextChoices):
    BY_HAND = "by_hand"
    GONE = "gone"
    FAILING = "failing"


class DeliveryState(models.TextChoices):
    """PENDING -> DELIVERED | FAILED (every try failed) | CANCELLED (its endpoint was switched off). Replaying starts
    again at PENDING."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WebhookEndpoint(models.Model):
    """An address that a bank's partner listens at. `kinds` are those it wants to hear; none is all.

    Secrets are sealed by `ENCRYPTION_KEY_WEBHOOKS` and bound to the row. After a rotation the older one signs too,
    until `old_secret_until`. `failing_since` is the first failure since the last success; until `rests_until` nobody
    tries, since the address did not even answer.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    bank = models.ForeignKey("banking.Bank", on_delete=models.PROTECT, related_name="webhook_endpoints")
    url = models.CharField(max_length=500)
    description = models.CharField(max_length=140, blank=True)
    kinds = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    sealed_secret = models.BinaryField()
    sealed_old_secret = models.BinaryField(null=True)
    old_secret_until = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=8, choices=DisabledReason.choices, blank=True)
    failing_since = models.DateTimeField(null=True)
    rests_until = models.DateTimeField(null=True)
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["created_at", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="banking_webhook_endpoint_disabled_has_reason",
                condition=Q(disabled_at__isnull=True, disabled_reason="")
                | Q(disabled_at__isnull=False) & ~Q(disabled_reason=""),
            ),
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def is_active(self) -> bool:
        return self.disabled_at is None


class WebhookMessage(models.Model):
    """Something that happened to an account, written in its transaction: the body as it is sent, byte for byte, at
    each try. Of a trial there is no account."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    bank = models.ForeignKey("banking.Bank", on_delete=models.PROTECT, related_name="+", db_index=False)
    account = models.ForeignKey("banking.Account", null=True, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    body = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["created_at"], name="banking_webhook_message_old")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class WebhookDelivery(models.Model):
    """A message on its way to one endpoint: the outbox.

    Whoever sends it moves `due_at` ahead first, so that nobody else does meanwhile, and that somebody does if they
    die; `attempts` counts these claims, and only the claim that counted last says how it went.
    """

    id = models.BigAutoField(primary_key=True)
    message = models.ForeignKey(WebhookMessage, on_delete=models.CASCADE, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    state = models.CharField(max_length=9, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    last_status = models.PositiveSmallIntegerField(null=True)
    last_fault = models.CharField(max_length=40, blank=True)
    last_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["endpoint", "message"], name="banking_webhook_delivery_once"),
            models.CheckConstraint(
                name="banking_webhook_delivery_state_known", condition=Q(state__in=DeliveryState.values)
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="banking_webhook_delivery_due", condition=Q(state="pending")),
            models.Index(fields=["endpoint", "-id"], name="banking_webhook_delivery_of"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} {self.state}"
