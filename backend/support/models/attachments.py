"""Files in chats: sealed in the vault (backend/common/vault.py). Here: whose they are, and which message has them."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from backend.support.models.chats import Chat


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
