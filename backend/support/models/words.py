"""Where to look for what was said."""

from typing import ClassVar

from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q

from backend.support.models.chats import Chat


class ChatWords(models.Model):
    """The words of up to 8 messages in a row: tells where in a chat a search has to look.

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
