"""What a partner's API key may do. The key itself is the library's `rest_framework_api_key.models.APIKey`.

`APIKey.objects.create_key(name=…)` therefore makes a key that works, as partners' engineers know it; a grant narrows
it. Shown once, stored hashed.
"""

from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models


class KeyGrant(models.Model):
    """The scopes of one API key. A key without a grant may do everything that keys may do."""

    api_key = models.OneToOneField(
        "rest_framework_api_key.APIKey", primary_key=True, on_delete=models.CASCADE, related_name="grant"
    )
    scopes = models.JSONField(default=list, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name: ClassVar = "grant of an API key"
        verbose_name_plural: ClassVar = "grants of API keys"

    def __str__(self) -> str:
        return ", ".join(map(str, self.scopes)) or "everything"

    def clean(self) -> None:
        """Raises: ValidationError unless the scopes are a list of words. An emptied field is an empty list."""
        self.scopes = [] if self.scopes is None else self.scopes
        if not (isinstance(self.scopes, list) and all(isinstance(scope, str) for scope in self.scopes)):
            raise ValidationError({"scopes": 'Write a list of words: ["partner"]. An empty list allows everything.'})
