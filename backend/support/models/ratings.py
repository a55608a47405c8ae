"""What customers thought of it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from backend.support.models.chats import Chat


class Rating(models.Model):
    """One to five stars and a comment, by the chat's customer, about a chat that was closed."""

    chat = models.OneToOneField(Chat, primary_key=True, on_delete=models.CASCADE, related_name="rating")
    stars = models.PositiveSmallIntegerField()
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="support_rating_stars_1_to_5", condition=Q(stars__gte=1, stars__lte=5))
        ]

    def __str__(self) -> str:
        return f"{self.chat_id}: {self.stars}"
