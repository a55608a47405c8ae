"""Labels, by which the desk finds its chats again."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from backend.support.models.chats import Chat


class Label(models.Model):
    """A word that agents put on chats. One that is no longer used is switched off, and stays where it is."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=40)
    colour = models.CharField(max_length=7, default="#888888")
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("name"), name="support_label_name_unique"),
            models.CheckConstraint(name="support_label_colour_is_hex", condition=Q(colour__regex=r"^#[0-9a-f]{6}$")),
        ]

    def __str__(self) -> str:
        return self.name


class ChatLabel(models.Model):
    id = models.BigAutoField(primary_key=True)
    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="labels")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="chats")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chat", "label"], name="support_chat_label_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.chat_id} {self.label_id}"
