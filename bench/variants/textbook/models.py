from django.conf import settings
from django.db import models


class TextbookMessage(models.Model):
    chat = models.ForeignKey("support.Chat", on_delete=models.CASCADE, related_name="+")
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "textbook"

    def __str__(self) -> str:
        return self.text
