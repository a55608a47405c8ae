"""Chats, their further members, and how far each member has read."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from guardian.models import UserObjectPermissionBase


class Priority(models.IntegerChoices):
    LOW = 0, "low"
    NORMAL = 1, "normal"
    HIGH = 2, "high"
    URGENT = 3, "urgent"


class Chat(models.Model):
    """A customer's conversation with the support desk. `admin` is the assigned agent, null while it waits.

    `former_admin` is the agent whom it was taken from last: what they still try hears that it is a colleague's now.
    A chat is snoozed until `snoozed_until`, or until its customer says something; nothing has to happen at that time.
    The statement that stores messages keeps when the customer first asked and who first answered; a trigger keeps for
    how long the chat rested and was closed in between (migration 0008), whoever snoozes, wakes, closes or reopens it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    customer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    admin = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    former_admin = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    priority = models.PositiveSmallIntegerField(
        choices=Priority.choices, default=Priority.NORMAL, db_default=Priority.NORMAL.value
    )
    created_at = models.DateTimeField(auto_now_add=True)
    assigned_at = models.DateTimeField(null=True)
    snoozed_until = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    first_asked_at = models.DateTimeField(null=True)
    first_answered_at = models.DateTimeField(null=True)
    first_answered_by = models.BigIntegerField(null=True)
    snoozed_at = models.DateTimeField(null=True)
    snoozed_for = models.DurationField(default=timedelta, db_default=timedelta())
    away_for = models.DurationField(default=timedelta, db_default=timedelta())

    class Meta:
        ordering: ClassVar = ["-created_at", "id"]
        permissions: ClassVar = [("join_chat", "Can take part in a chat that a colleague answers")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["customer"], condition=Q(closed_at__isnull=True), name="support_chat_one_open_per_customer"
            ),
            models.CheckConstraint(name="support_chat_nobody_is_own_agent", condition=~Q(admin=F("customer"))),
            models.CheckConstraint(name="support_chat_priority_known", condition=Q(priority__in=Priority.values)),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["admin", "created_at"], name="support_chat_open_of_agent", condition=Q(closed_at=None)
            ),
            models.Index(fields=["admin", "-created_at", "id"], name="support_chat_of_agent"),
            models.Index(
                fields=["-priority", "created_at", "id"],
                name="support_chat_queue_order",
                condition=Q(closed_at=None, admin=None),
            ),
            models.Index(fields=["closed_at"], name="support_chat_closed"),
            models.Index(fields=["first_asked_at"], name="support_chat_first_asked"),
            models.Index(fields=["assigned_at"], name="support_chat_assigned"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_active(self) -> bool:
        return self.closed_at is None

    @property
    def is_snoozed(self) -> bool:
        return self.snoozed_until is not None and self.snoozed_until > datetime.now(UTC)

    @property
    def state(self) -> str:
        if self.closed_at is not None:
            return "closed"
        if self.admin_id is None:
            return "waiting"
        return "snoozed" if self.is_snoozed else "open"


class Handover(models.Model):
    """A chat left an agent, for a colleague or for the queue. Written by the trigger that sees it (migration 0008)."""

    id = models.BigAutoField(primary_key=True)
    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="handovers")
    from_agent = models.BigIntegerField()
    to_agent = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at"], name="support_handover_at")]

    def __str__(self) -> str:
        return f"{self.chat_id}: {self.from_agent} to {self.to_agent}"


class ChatGrant(UserObjectPermissionBase):
    """A guardian grant: a supervisor or second agent may take part in this chat (design.md section 3)."""

    content_object = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="grants")

    class Meta(UserObjectPermissionBase.Meta):
        pass


class ReadPosition(models.Model):
    """How far a member has read a chat."""

    id = models.BigAutoField(primary_key=True)
    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="read_positions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seq = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chat", "user"], name="support_read_position_unique"),
            models.CheckConstraint(name="support_read_position_seq_not_negative", condition=Q(seq__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.chat_id} {self.user_id}: {self.seq}"
