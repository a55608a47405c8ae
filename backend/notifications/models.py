"""What is kept beside the notices themselves, which are events of their topics.

Who has read which, and what is still to be mailed or pushed. User ids are plain numbers.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class ReadMark(models.Model):
    """A person has read a notice of their inbox or of a desk (S2-M8: `is_read`, `read_at`)."""

    id = models.BigAutoField(primary_key=True)
    user_id = models.BigIntegerField()
    topic = models.CharField(max_length=100)
    seq = models.BigIntegerField()
    read_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user_id", "topic", "seq"], name="notifications_read_mark_unique")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.topic} {self.seq}"


class PushDevice(models.Model):
    """A phone that takes pushes, by the token its push service gave it."""

    id = models.BigAutoField(primary_key=True)
    user_id = models.BigIntegerField()
    token = models.CharField(max_length=255, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["user_id"], name="notifications_push_of_user")]

    def __str__(self) -> str:
        return f"device {self.pk} of user {self.user_id}"


class DeliveryPreference(models.Model):
    """By which ways a person wants to hear of notices while they are not connected. Without a row: by both."""

    user_id = models.BigIntegerField(primary_key=True)
    by_email = models.BooleanField(default=True, db_default=True)
    by_push = models.BooleanField(default=True, db_default=True)

    def __str__(self) -> str:
        return f"user {self.user_id}: mail {self.by_email}, push {self.by_push}"


class Delivery(models.Model):
    """A notice on its way out of the product: the outbox of mail and push.

    Stored with the notice, so a lost job delays it and never loses it. It is cancelled when the person has read the
    notice, or is connected and so has seen it.
    """

    class State(models.TextChoices):
        PENDING = "PENDING"
        SENT = "SENT"
        CANCELLED = "CANCELLED"
        FAILED = "FAILED"

    id = models.BigAutoField(primary_key=True)
    user_id = models.BigIntegerField()
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user_id", "seq"], name="notifications_delivery_unique"),
            models.CheckConstraint(
                name="notifications_delivery_ended", condition=Q(state="PENDING") ^ Q(ended_at__isnull=False)
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="notifications_delivery_due", condition=Q(state="PENDING"))
        ]

    def __str__(self) -> str:
        return f"{self.kind} to user {self.user_id}: {self.state}"
