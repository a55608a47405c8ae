"""What banks lend to people for, and who has asked for it."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from backend.banking.amortisation import DayCount

MONTHS_MAX = 480
RATE_MAX = 100


class ApplicationStatus(models.TextChoices):
    """SUBMITTED -> APPROVED | REJECTED (by the bank) | WITHDRAWN (by the person). All but the first are for good."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Purpose(models.TextChoices):
    """What people borrow for, in the words of the loans on record (S0-B16): predictions know these."""

    BUSINESS = "Business Loan"
    HOUSE = "Buy House"
    CAR = "Buy a Car"
    DEBT = "Debt Consolidation"
    EDUCATION = "Educational Expenses"
    HOME = "Home Improvements"
    MEDICAL = "Medical Bills"
    OTHER = "Other"
    TRIP = "Take a Trip"
    MAJOR_PURCHASE = "major_purchase"
    MOVING = "moving"
    RENEWABLE_ENERGY = "renewable_energy"
    SMALL_BUSINESS = "small_business"
    VACATION = "vacation"
    WEDDING = "wedding"


class LoanProduct(models.Model):
    """On which terms a bank lends in one currency. `annual_rate` is in percent.

    Who applies takes these terms as they are then; a change is for later applications. An instalment is late when
    `grace_days` have passed behind its due date, and a loan may be given up `charge_off_days` behind its oldest one.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    bank = models.ForeignKey("banking.Bank", on_delete=models.CASCADE, related_name="loan_products", db_index=False)
    name = models.CharField(max_length=80)
    currency = models.CharField(max_length=3)
    annual_rate = models.DecimalField(max_digits=7, decimal_places=4)
    day_count = models.CharField(max_length=10, choices=[(one.value, one.value) for one in DayCount])
    amount_min = models.DecimalField(max_digits=20, decimal_places=2)
    amount_max = models.DecimalField(max_digits=20, decimal_places=2)
    months_min = models.PositiveSmallIntegerField(default=1)
    months_max = models.PositiveSmallIntegerField()
    grace_days = models.PositiveSmallIntegerField(default=5)
    charge_off_days = models.PositiveSmallIntegerField(default=90)
    is_open = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(name="banking_product_currency_shape", condition=Q(currency__regex="^[A-Z]{3}$")),
            models.CheckConstraint(
                name="banking_product_rate_in_range", condition=Q(annual_rate__gte=0, annual_rate__lte=RATE_MAX)
            ),
            models.CheckConstraint(
                name="banking_product_amounts_in_order",
                condition=Q(amount_min__gt=0, amount_max__gte=F("amount_min")),
            ),
            models.CheckConstraint(
                name="banking_product_months_in_order",
                condition=Q(months_min__gte=1, months_max__gte=F("months_min"), months_max__lte=MONTHS_MAX),
            ),
            models.CheckConstraint(
                name="banking_product_day_count_known", condition=Q(day_count__in=[one.value for one in DayCount])
            ),
            models.CheckConstraint(
                name="banking_product_given_up_behind_grace", condition=Q(charge_off_days__gt=F("grace_days"))
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["bank", "-created_at", "id"], name="banking_product_of_bank"),
            models.Index(fields=["-created_at", "id"], name="banking_product_order"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.currency})"


class LoanApplication(models.Model):
    """Somebody has asked for a loan: the loan is there, PENDING, with its terms, and this says what becomes of it.

    `reason` is what the person was told. `score` is what the model said when it was asked for, null where the model
    could not be used. Guarded by the account's lock, as the loan is.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    loan = models.OneToOneField("banking.Loan", on_delete=models.PROTECT, related_name="application")
    account = models.ForeignKey(
        "banking.Account", on_delete=models.PROTECT, related_name="loan_applications", db_index=False
    )
    bank = models.ForeignKey("banking.Bank", on_delete=models.PROTECT, related_name="+", db_index=False)
    status = models.CharField(max_length=9, choices=ApplicationStatus.choices, default=ApplicationStatus.SUBMITTED)
    reason = models.CharField(max_length=300, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    score = models.OneToOneField(
        "banking.LoanScore", null=True, blank=True, on_delete=models.SET_NULL, related_name="application"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account"], name="banking_application_one_at_a_time", condition=Q(status="submitted")
            ),
            models.CheckConstraint(
                name="banking_application_status_known", condition=Q(status__in=ApplicationStatus.values)
            ),
            models.CheckConstraint(
                name="banking_application_decided_has_time",
                condition=Q(status="submitted", decided_at__isnull=True)
                | ~Q(status="submitted") & Q(decided_at__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["bank", "-created_at", "id"], name="banking_application_of_bank"),
            models.Index(fields=["account", "-created_at", "id"], name="banking_application_of_account"),
            models.Index(fields=["-created_at", "id"], name="banking_application_order"),
            models.Index(
                fields=["-created_at", "id"], name="banking_application_waiting", condition=Q(status="submitted")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.loan_id} {self.status}"
