"""API keys of partner systems."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from rest_framework_api_key.models import AbstractAPIKey, APIKeyManager


class APIKey(AbstractAPIKey):
    """A partner's key: shown once, stored hashed. `scopes` says what it may do; an empty list is everything.

    `APIKey.objects.create_key(name=…)` returns the row and the key.
    """

    scopes = models.JSONField(default=list, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects: ClassVar[APIKeyManager] = APIKeyManager()

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"
        verbose_name_plural = "API keys"

    def may(self, scope: str) -> bool:
        return not self.scopes or scope in self.scopes
