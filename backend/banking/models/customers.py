"""People as banks know them: a credit profile, and the banks that registered it."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models


class JobYears(models.TextChoices):
    """S0-M3a."""

    UNDER_1 = "< 1 year"
    YEAR_1 = "1 year"
    YEARS_2 = "2 years"
    YEARS_3 = "3 years"
    YEARS_4 = "4 years"
    YEARS_5 = "5 years"
    YEARS_6 = "6 years"
    YEARS_7 = "7 years"
    YEARS_8 = "8 years"
    YEARS_9 = "9 years"
    OVER_10 = "10+ years"


class HomeOwnership(models.TextChoices):
    """S0-M3b. Loads write `HaveMortgage` as `Have Mortgage` (design.md section 5)."""

    RENT = "Rent"
    HOME_MORTGAGE = "Home Mortgage"
    OWN_HOME = "Own Home"
    HAVE_MORTGAGE = "Have Mortgage"
    OTHER = "Other"


class Customer(models.Model):
    """A person with a credit profile (S0-M3). `user` is null until that person's own KYC approval joins them.

    `joined_at` is when a manager joined the person to a customer that was there before. A partner's customer may be
    nameless. It belongs to the banks that registered it (`Registration`); opening an account registers it, too.
    """

    customer_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    joined_at = models.DateTimeField(null=True, blank=True)
    first_name = models.CharField(max_length=128, blank=True)
    last_name = models.CharField(max_length=128, blank=True)
    phone = models.CharField(max_length=20, null=True, blank=True)
    address = models.CharField(max_length=255, null=True, blank=True)
    city = models.CharField(max_length=255, null=True, blank=True)
    state = models.CharField(max_length=128, null=True, blank=True)
    zip_code = models.CharField(max_length=10, null=True, blank=True)
    country = models.CharField(max_length=128, null=True, blank=True)
    credit_score = models.DecimalField(max_digits=20, decimal_places=2, null=True, blank=True)
    annual_income = models.BigIntegerField(null=True, blank=True)
    years_in_current_job = models.CharField(max_length=20, choices=JobYears.choices, null=True, blank=True)
    home_ownership = models.CharField(max_length=20, choices=HomeOwnership.choices, null=True, blank=True)
    years_of_credit_history = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    number_of_open_accounts = models.IntegerField(null=True, blank=True)
    number_of_credit_problems = models.IntegerField(null=True, blank=True)
    bankruptcies = models.IntegerField(null=True, blank=True)
    tax_liens = models.IntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "customer_id"]
        indexes: ClassVar = [models.Index(fields=["-created_at", "customer_id"], name="banking_customer_order")]

    def __str__(self) -> str:
        return self.name or str(self.customer_id)

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class Registration(models.Model):
    """A bank knows a customer. One row each, however many accounts there are (E-S0-6, BUG-S0-15, BUG-S0-16)."""

    id = models.BigAutoField(primary_key=True)
    bank = models.ForeignKey("banking.Bank", on_delete=models.PROTECT, related_name="registrations")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="registrations")
    registered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["customer", "bank"], name="banking_registration_unique"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["bank", "-registered_at", "customer"], name="banking_registration_order")
        ]

    def __str__(self) -> str:
        return f"{self.bank_id}: {self.customer_id}"
