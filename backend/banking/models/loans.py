"""Loans: one book and one life, whichever door they came through."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class LoanState(models.TextChoices):
    """PENDING -> ACTIVE -> PAID | CHARGED_OFF, PENDING -> REJECTED (design.md section 5). Partners read numbers."""

    PENDING = "pending"
    ACTIVE = "active"
    REJECTED = "rejected"
    PAID = "paid"
    CHARGED_OFF = "charged_off"


class LoanStatus(models.TextChoices):
    """How a recorded loan ended (S0-M5). Other loans have none, and a state instead."""

    FULLY_PAID = "Fully Paid"
    CHARGED_OFF = "Charged Off"


class Term(models.TextChoices):
    SHORT = "Short Term"
    LONG = "Long Term"


class Door(models.TextChoices):
    """Through which door a loan came: it decides who may move it on."""

    MANAGER = "manager"
    PARTNER = "partner"
    CUSTOMER = "customer"


class Loan(models.Model):
    """A loan on an account (S0-M5, S4-M2). `outstanding` is the principal still owed: the amount until paid back.

    A `recorded` loan is history that a manager or a load wrote down: it has ended, nothing is outstanding, and the
    ledger never heard of it. `taken_at` is when it became ACTIVE, and the order in which payments reach loans (S4-B8).
    """

    loan_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey("banking.Account", on_delete=models.PROTECT, related_name="loans", db_index=False)
    bank = models.ForeignKey("banking.Bank", on_delete=models.PROTECT, related_name="loans", db_index=False)
    door = models.CharField(max_length=8, choices=Door.choices)
    recorded = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=11, choices=LoanState.choices, default=LoanState.PENDING)
    loan_status = models.CharField(max_length=11, choices=LoanStatus.choices, null=True, blank=True)
    current_loan_amount = models.DecimalField(max_digits=20, decimal_places=2)
    outstanding = models.DecimalField(max_digits=20, decimal_places=2)
    currency = models.CharField(max_length=3)
    term = models.CharField(max_length=10, choices=Term.choices, null=True, blank=True)
    purpose = models.CharField(max_length=255, blank=True)
    external_id = models.CharField(max_length=60, null=True, blank=True)
    contract_version = models.CharField(max_length=30, blank=True)
    maximum_payment_date = models.DateTimeField(null=True, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "loan_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bank", "external_id"], name="banking_loan_external_id_unique"),
            models.CheckConstraint(name="banking_loan_amount_positive", condition=Q(current_loan_amount__gt=0)),
            models.CheckConstraint(
                name="banking_loan_outstanding_within_amount",
                condition=Q(outstanding__gte=0, outstanding__lte=F("current_loan_amount")),
            ),
            models.CheckConstraint(name="banking_loan_state_known", condition=Q(state__in=LoanState.values)),
            models.CheckConstraint(
                name="banking_loan_ended_owes_nothing",
                condition=Q(state__in=["pending", "active"], outstanding__gt=0)
                | Q(state__in=["paid", "charged_off", "rejected"], outstanding=0),
            ),
            models.CheckConstraint(
                name="banking_loan_recorded_has_status",
                condition=Q(recorded=True, state="paid", loan_status="Fully Paid")
                | Q(recorded=True, state="charged_off", loan_status="Charged Off")
                | Q(recorded=False, loan_status__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["bank", "-created_at", "loan_id"], name="banking_loan_of_bank"),
            models.Index(fields=["account", "-created_at", "loan_id"], name="banking_loan_of_account"),
            models.Index(
                fields=["bank", "-created_at", "loan_id"],
                name="banking_loan_of_partner",
                condition=Q(external_id__isnull=False),
            ),
            models.Index(
                F("account"),
                F("taken_at").asc(nulls_last=True),
                F("created_at"),
                F("loan_id"),
                name="banking_loan_debt",
                condition=Q(state__in=["pending", "active"]),
            ),
        ]

    def __str__(self) -> str:
        return str(self.loan_id)
