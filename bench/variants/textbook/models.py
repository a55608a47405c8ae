import uuid

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


class TextbookExpense(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.CharField(max_length=100)
    description = models.CharField(max_length=100)
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    creation_date = models.DateField()
    creation_time = models.TimeField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    category = models.ForeignKey("budget.Category", on_delete=models.PROTECT, related_name="+")
    subcategory = models.ForeignKey("budget.SubCategory", on_delete=models.PROTECT, related_name="+")

    class Meta:
        app_label = "textbook"

    def __str__(self) -> str:
        return self.title


class TextbookAudit(models.Model):
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    action = models.CharField(max_length=64)
    target_type = models.CharField(max_length=50)
    target_id = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "textbook"

    def __str__(self) -> str:
        return self.action


from bench.variants.textbook.lending import (  # noqa: E402, F401 - models of the same application
    TextbookCustomer,
    TextbookEntry,
    TextbookEvent,
    TextbookLoan,
    TextbookPayment,
    TextbookPaymentDetail,
    TextbookPosting,
    TextbookTopic,
)
