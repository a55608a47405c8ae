"""Loans of the customer door: their terms, their schedules, and what was repaid.

Everything here is guarded by the account's row lock, as the loans themselves are.
"""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from backend.banking.amortisation import DayCount, Method


class InstalmentState(models.TextChoices):
    """OPEN -> PAID, or WRITTEN_OFF with the loan. Whether an open one is due or late its date says."""

    OPEN = "open"
    PAID = "paid"
    WRITTEN_OFF = "written_off"


class RepaymentKind(models.TextChoices):
    """One instalment as the schedule has it; a part of the principal before its day; or all that is owed."""

    INSTALMENT = "instalment"
    EARLY = "early"
    PAYOFF = "payoff"


class Effect(models.TextChoices):
    """What an early repayment does to the schedule: the same dates with less to pay, or as much for a shorter time."""

    LOWER_INSTALMENTS = "lower_instalments"
    SHORTER_TERM = "shorter_term"


class LoanTerms(models.Model):
    """What was agreed about a loan, and where it stands.

    Until it is paid out, there are no dates. Then interest is settled up to `interest_from`, `level` is what the
    instalments have in common (amortisation.level_of), and the oldest unpaid one is due on `next_due_on`, asks for
    `next_amount` and is late from `late_on` on: all three are null when nothing is left to pay. The last three say for
    which due date, or when, the person was told.
    """

    loan = models.OneToOneField("banking.Loan", primary_key=True, on_delete=models.CASCADE, related_name="terms")
    bank = models.ForeignKey("banking.Bank", on_delete=models.PROTECT, related_name="+", db_index=False)
    product = models.ForeignKey("banking.LoanProduct", on_delete=models.PROTECT, related_name="+")
    annual_rate = models.DecimalField(max_digits=7, decimal_places=4)
    day_count = models.CharField(max_length=10, choices=[(one.value, one.value) for one in DayCount])
    method = models.CharField(max_length=15, choices=[(one.value, one.value) for one in Method])
    months = models.PositiveSmallIntegerField()
    grace_days = models.PositiveSmallIntegerField()
    charge_off_days = models.PositiveSmallIntegerField()
    apr = models.DecimalField(max_digits=7, decimal_places=2, null=True, blank=True)
    started_on = models.DateField(null=True, blank=True)
    interest_from = models.DateField(null=True, blank=True)
    level = models.DecimalField(max_digits=20, decimal_places=2, null=True, blank=True)
    next_due_on = models.DateField(null=True, blank=True)
    next_amount = models.DecimalField(max_digits=20, decimal_places=2, null=True, blank=True)
    late_on = models.DateField(null=True, blank=True)
    reminded_for = models.DateField(null=True, blank=True)
    missed_for = models.DateField(null=True, blank=True)
    late_told_on = models.DateField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "loan terms"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="banking_terms_method_known", condition=Q(method__in=[one.value for one in Method])
            ),
            models.CheckConstraint(
                name="banking_terms_day_count_known", condition=Q(day_count__in=[one.value for one in DayCount])
            ),
            models.CheckConstraint(
                name="banking_terms_begin_at_once",
                condition=Q(started_on__isnull=True, interest_from__isnull=True, level__isnull=True, apr__isnull=True)
                | Q(started_on__isnull=False, interest_from__isnull=False, level__gt=0, apr__gte=0),
            ),
            models.CheckConstraint(
                name="banking_terms_next_is_whole",
                condition=Q(next_due_on__isnull=True, next_amount__isnull=True, late_on__isnull=True)
                | Q(next_due_on__isnull=False, next_amount__gt=0, late_on__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_due_on", "loan"], name="banking_terms_due", condition=Q(next_due_on__isnull=False)
            ),
            models.Index(
                fields=["bank", "next_due_on", "loan"],
                name="banking_terms_due_at_bank",
                condition=Q(next_due_on__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.loan_id}: {self.annual_rate} %, {self.months} months"


class Repayment(models.Model):
    """Money that came out of the account towards one loan: the payment's one detail is the principal, the rest of it
    interest. `on` is the bank's day."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    loan = models.ForeignKey("banking.Loan", on_delete=models.PROTECT, related_name="repayments", db_index=False)
    kind = models.CharField(max_length=10, choices=RepaymentKind.choices)
    effect = models.CharField(max_length=17, choices=Effect.choices, blank=True)
    is_automatic = models.BooleanField(default=False)
    principal = models.DecimalField(max_digits=20, decimal_places=2)
    interest = models.DecimalField(max_digits=20, decimal_places=2)
    outstanding = models.DecimalField(max_digits=20, decimal_places=2, help_text="What was owed afterwards.")
    on = models.DateField()
    payment = models.OneToOneField("banking.Payment", on_delete=models.PROTECT, related_name="repayment")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(name="banking_repayment_kind_known", condition=Q(kind__in=RepaymentKind.values)),
            models.CheckConstraint(
                name="banking_repayment_of_principal", condition=Q(principal__gt=0, interest__gte=0, outstanding__gte=0)
            ),
            models.CheckConstraint(
                name="banking_repayment_effect_of_early",
                condition=Q(kind="early") & ~Q(effect="") | ~Q(kind="early") & Q(effect=""),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["loan", "-created_at", "id"], name="banking_repayment_of_loan"),
        ]

    def __str__(self) -> str:
        return f"{self.loan_id}: {self.principal + self.interest}"


class Instalment(models.Model):
    """A row of a loan's schedule; `balance` is what the schedule leaves behind it.

    Open ones are made anew when a part is repaid early, and those that are not due go when all of it is.
    """

    id = models.BigAutoField(primary_key=True)
    loan = models.ForeignKey("banking.Loan", on_delete=models.CASCADE, related_name="instalments", db_index=False)
    number = models.PositiveSmallIntegerField()
    due_on = models.DateField()
    principal = models.DecimalField(max_digits=20, decimal_places=2)
    interest = models.DecimalField(max_digits=20, decimal_places=2)
    balance = models.DecimalField(max_digits=20, decimal_places=2)
    state = models.CharField(max_length=11, choices=InstalmentState.choices, default=InstalmentState.OPEN)
    repayment = models.ForeignKey(
        Repayment, null=True, blank=True, on_delete=models.PROTECT, related_name="instalments"
    )

    class Meta:
        ordering: ClassVar = ["loan", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["loan", "number"], name="banking_instalment_number_once"),
            models.CheckConstraint(
                name="banking_instalment_amounts", condition=Q(principal__gt=0, interest__gte=0, balance__gte=0)
            ),
            models.CheckConstraint(
                name="banking_instalment_state_known", condition=Q(state__in=InstalmentState.values)
            ),
            models.CheckConstraint(
                name="banking_instalment_paid_by_a_repayment",
                condition=Q(state="paid", repayment__isnull=False) | ~Q(state="paid") & Q(repayment__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.loan_id} {self.number}"
