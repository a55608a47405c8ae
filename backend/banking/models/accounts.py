"""Accounts: a customer at a bank, with what is there and what is promised away."""

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

ZERO = Decimal("0.00")


def today() -> date:
    return datetime.now(UTC).date()


class AccountStatus(models.TextChoices):
    OPEN = "open"
    FROZEN = "frozen"
    CLOSED = "closed"


class Account(models.Model):
    """A customer's account at a bank (S0-M4); to a partner it is "the customer" (S4-M1).

    `balance` is what the entries sum to and `held` what its pending holds do: `ledger.py` alone changes both, under a
    row lock, and `verify_ledger` proves them. `credit_line` is the partner's `score`; null is no line.
    `is_paused`: the partner has switched its customer off, and lends them nothing until it switches them on again.
    """

    account_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    bank = models.ForeignKey("banking.Bank", on_delete=models.PROTECT, related_name="accounts")
    customer = models.ForeignKey("banking.Customer", on_delete=models.PROTECT, related_name="accounts")
    account_number = models.CharField(max_length=255)
    currency = models.CharField(max_length=3, default="USD", db_default="USD")
    balance = models.DecimalField(max_digits=20, decimal_places=2, default=ZERO, db_default=ZERO)
    held = models.DecimalField(max_digits=20, decimal_places=2, default=ZERO, db_default=ZERO)
    status = models.CharField(
        max_length=8, choices=AccountStatus.choices, default=AccountStatus.OPEN, db_default=AccountStatus.OPEN.value
    )
    date_opened = models.DateField(default=today)
    monthly_debt = models.DecimalField(max_digits=20, decimal_places=2, null=True, blank=True)
    current_credit_balance = models.DecimalField(max_digits=20, decimal_places=2, null=True, blank=True)
    maximum_open_credit = models.BigIntegerField(null=True, blank=True)
    months_since_last_delinquent = models.IntegerField(null=True, blank=True)
    external_id = models.CharField(max_length=60, null=True, blank=True)
    credit_line = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    preapproved_at = models.DateTimeField(null=True, blank=True)
    is_paused = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "account_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bank", "account_number"], name="banking_account_number_unique"),
            models.UniqueConstraint(fields=["bank", "external_id"], name="banking_account_external_id_unique"),
            models.CheckConstraint(name="banking_account_held_not_negative", condition=Q(held__gte=0)),
            models.CheckConstraint(name="banking_account_held_within_balance", condition=Q(balance__gte=F("held"))),
            models.CheckConstraint(name="banking_account_status_known", condition=Q(status__in=AccountStatus.values)),
            models.CheckConstraint(
                name="banking_account_closed_is_empty", condition=~Q(status="closed") | Q(balance=0)
            ),
            models.CheckConstraint(name="banking_account_currency_shape", condition=Q(currency__regex="^[A-Z]{3}$")),
            models.CheckConstraint(
                name="banking_account_credit_line_not_negative",
                condition=Q(credit_line__isnull=True) | Q(credit_line__gte=0),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["bank", "-created_at", "account_id"], name="banking_account_of_bank"),
            models.Index(fields=["customer", "created_at"], name="banking_account_of_customer"),
            models.Index(
                fields=["bank", "-created_at", "account_id"],
                name="banking_account_of_partner",
                condition=Q(external_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.account_number

    @property
    def available(self) -> Decimal:
        return self.balance - self.held

    @property
    def is_active(self) -> bool:
        return self.status == AccountStatus.OPEN
