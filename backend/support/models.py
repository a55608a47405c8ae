"""Chats and who answers them. What is said lives in the chat's topic; here is only what is queried."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Chat(models.Model):
    """A customer's conversation with the support desk. `admin` is the assigned agent, null while it waits."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    customer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    admin = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    assigned_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering: ClassVar = ["-created_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["customer"], condition=Q(closed_at__isnull=True), name="support_chat_one_open_per_customer"
            ),
            models.CheckConstraint(name="support_chat_nobody_is_own_agent", condition=~Q(admin=F("customer"))),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["admin", "created_at"], name="support_chat_open_of_agent", condition=Q(closed_at=None)
            ),
            models.Index(
                fields=["created_at", "id"], name="support_chat_queue", condition=Q(closed_at=None, admin=None)
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_active(self) -> bool:
        return self.closed_at is None


class AgentStatus(models.Model):
    """Whether an agent can be given chats: switched on, and holding a lease that any of their sockets renews."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="+")
    is_switched_on = models.BooleanField(default=True)
    lease_until = models.DateTimeField(null=True)
    last_assigned_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["lease_until"], name="support_agent_lease")]

    def __str__(self) -> str:
        return str(self.user_id)


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


class Attachment(models.Model):
    """A file in a chat. Its uploader's alone until a message carries it; `seq` says which."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="attachments")
    uploader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    file = models.OneToOneField("common.StoredFile", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=40)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    seq = models.BigIntegerField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="support_attachment_seq_positive", condition=Q(seq__gt=0)),
            models.CheckConstraint(
                name="support_attachment_withdrawn_was_sent",
                condition=Q(withdrawn_at__isnull=True) | Q(seq__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["chat", "seq"], name="support_attachment_of_message"),
            models.Index(fields=["uploader", "created_at"], name="support_attachment_uploader"),
            models.Index(fields=["created_at"], name="support_attachment_unsent", condition=Q(seq=None)),
        ]

    def __str__(self) -> str:
        return f"{self.chat_id} {self.name}"
