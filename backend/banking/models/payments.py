"""Payments on an account's debt, and what of each went to which loan."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q


class PaymentStatus(models.TextChoices):
    COMPLETED = "completed"
    REJECTED = "rejected"


class Payment(models.Model):
    """Money towards an account's ACTIVE loans (S4-M3). One above that debt is kept as REJECTED and moves nothing."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey("banking.Account", on_delete=models.PROTECT, related_name="payments", db_index=False)
    bank = models.ForeignKey("banking.Bank", on_delete=models.PROTECT, related_name="payments", db_index=False)
    external_id = models.CharField(max_length=60, null=True, blank=True)
    total_amount = models.DecimalField(max_digits=20, decimal_places=2)
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=9, choices=PaymentStatus.choices)
    paid_at = models.DateTimeField(null=True)
    posting = models.OneToOneField("banking.Posting", null=True, on_delete=models.PROTECT, related_name="payment")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bank", "external_id"], name="banking_payment_external_id_unique"),
            models.CheckConstraint(name="banking_payment_amount_positive", condition=Q(total_amount__gt=0)),
            models.CheckConstraint(
                name="banking_payment_completed_is_posted",
                condition=Q(status="completed", paid_at__isnull=False, posting__isnull=False)
                | Q(status="rejected", paid_at__isnull=True, posting__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["bank", "-created_at", "id"], name="banking_payment_of_bank"),
            models.Index(fields=["account", "-created_at", "id"], name="banking_payment_of_account"),
            models.Index(
                fields=["bank", "-created_at", "id"],
                name="banking_payment_of_partner",
                condition=Q(external_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.total_amount} {self.status}"


class PaymentDetail(models.Model):
    """The part of a payment that one loan took (S4-M4). Neither can go while it stands (BUG-S4-21)."""

    id = models.BigAutoField(primary_key=True)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="payment_details")
    loan = models.ForeignKey("banking.Loan", on_delete=models.PROTECT, related_name="payment_details")
    amount = models.DecimalField(max_digits=20, decimal_places=2)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["payment", "loan"], name="banking_payment_detail_once_a_loan"),
            models.CheckConstraint(name="banking_payment_detail_amount_positive", condition=Q(amount__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.loan_id}: {self.amount}"
