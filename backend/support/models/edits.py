"""What messages said before they were edited or withdrawn."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from backend.support.models.chats import Chat


class MessageVersion(models.Model):
    """A text that the message at `seq` once had, until `replaced_at`. Numbered from 1, the first one said."""

    id = models.BigAutoField(primary_key=True)
    chat = models.ForeignKey(Chat, on_delete=models.PROTECT, related_name="versions")
    seq = models.BigIntegerField()
    number = models.PositiveIntegerField()
    text = models.TextField()
    replaced_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["chat", "seq", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chat", "seq", "number"], name="support_version_number_unique"),
            models.CheckConstraint(name="support_version_number_positive", condition=Q(number__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.chat_id}:{self.seq} version {self.number}"
