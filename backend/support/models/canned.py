"""Answers that agents keep ready."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q


class CannedReply(models.Model):
    """A text with variables, found by its shortcut. Without an owner the whole desk uses it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    shortcut = models.CharField(max_length=32)
    text = models.TextField()
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["shortcut", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "shortcut"], name="support_canned_shortcut_unique", nulls_distinct=False
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["shortcut"], name="support_canned_shared", condition=Q(owner=None)),
        ]

    def __str__(self) -> str:
        return self.shortcut
