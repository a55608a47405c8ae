"""Chats and who answers them. What is said lives in the chat's topic; here is only what is queried."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.search import SearchVectorField
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


class ChatWords(models.Model):
    """The words of up to 16 messages in a row: tells where in a chat a search has to look.

    Words only, without positions and without the text, which lives in its event alone: a hit here is a place to read.
    `is_desk` rows are about the chat's desk topic. One row for each topic of an open chat has no words, last_seq and
    times yet: its tail, from `first_seq` on, which is always read. A trigger makes that row with the chat and
    writes the chat's agent into `agent_id`, whoever changes it; `services/words.py` fills in the rest.
    """

    id = models.BigAutoField(primary_key=True)
    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, db_index=False, related_name="+")
    is_desk = models.BooleanField()
    customer_id = models.BigIntegerField(null=True)  # null on the desk's rows: no customer finds a note
    agent_id = models.BigIntegerField(null=True)
    first_seq = models.BigIntegerField()
    last_seq = models.BigIntegerField(null=True)
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    words = SearchVectorField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["chat", "is_desk", "first_seq"],
                condition=Q(words__isnull=False),
                name="support_chatwords_start_unique",
            ),
            models.UniqueConstraint(
                fields=["chat", "is_desk"], condition=Q(words__isnull=True), name="support_chatwords_one_tail"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer_id", "-last_at"], name="support_words_of_customer"),
            models.Index(fields=["agent_id", "-last_at"], name="support_words_of_agent"),
            models.Index(fields=["chat", "-last_at"], name="support_words_of_chat"),
        ]

    def __str__(self) -> str:
        return f"{self.chat_id} {self.first_seq}-{self.last_seq}"


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
