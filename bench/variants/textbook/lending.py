"""What the textbook stores of a payment: the same facts as ours, a model each."""

import uuid

from django.conf import settings
from django.db import models


class TextbookCustomer(models.Model):
    external_id = models.CharField(max_length=60, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    class Meta:
        app_label = "textbook"

    def __str__(self):
        return self.external_id


class TextbookLoan(models.Model):
    PENDING, ACTIVE, REJECTED, PAID = 1, 2, 3, 4

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    external_id = models.CharField(max_length=60, unique=True)
    customer = models.ForeignKey(TextbookCustomer, on_delete=models.PROTECT, related_name="loans")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    outstanding = models.DecimalField(max_digits=12, decimal_places=2)
    status = models.SmallIntegerField(default=PENDING)
    taken_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "textbook"

    def __str__(self):
        return self.external_id


class TextbookPayment(models.Model):
    COMPLETED, REJECTED = 1, 2

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    external_id = models.CharField(max_length=60, unique=True)
    customer = models.ForeignKey(TextbookCustomer, on_delete=models.PROTECT, related_name="+")
    total_amount = models.DecimalField(max_digits=12, decimal_places=2)
    status = models.SmallIntegerField(default=COMPLETED)
    paid_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "textbook"

    def __str__(self):
        return self.external_id


class TextbookPaymentDetail(models.Model):
    payment = models.ForeignKey(TextbookPayment, on_delete=models.PROTECT, related_name="payment_details")
    loan = models.ForeignKey(TextbookLoan, on_delete=models.PROTECT, related_name="+")
    amount = models.DecimalField(max_digits=12, decimal_places=2)

    class Meta:
        app_label = "textbook"

    def __str__(self):
        return str(self.amount)


class TextbookPosting(models.Model):
    kind = models.CharField(max_length=16)
    payment = models.OneToOneField(TextbookPayment, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "textbook"

    def __str__(self):
        return self.kind


class TextbookEntry(models.Model):
    posting = models.ForeignKey(TextbookPosting, on_delete=models.PROTECT, related_name="entries")
    account = models.CharField(max_length=40)
    amount = models.DecimalField(max_digits=20, decimal_places=2)

    class Meta:
        app_label = "textbook"

    def __str__(self):
        return str(self.amount)


class TextbookTopic(models.Model):
    key = models.CharField(max_length=80, unique=True)
    head = models.BigIntegerField(default=0)

    class Meta:
        app_label = "textbook"

    def __str__(self):
        return self.key


class TextbookEvent(models.Model):
    topic = models.ForeignKey(TextbookTopic, on_delete=models.PROTECT, related_name="+")
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=40)
    payload = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "textbook"
        constraints = [models.UniqueConstraint(fields=["topic", "seq"], name="textbook_event_seq")]

    def __str__(self):
        return self.kind
