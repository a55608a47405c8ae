"""Transfers between accounts, and the ones that are planned.

A transfer is posted at once, or held while the bank looks at it; a held one is posted or voided later. What money did
lies in the posting; the row here says who sent what to whom, and why it stands where it stands.
"""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class TransferState(models.TextChoices):
    """HELD -> POSTED | VOIDED; most are POSTED from the start. A voided one gave its money back."""

    POSTED = "posted"
    HELD = "held"
    VOIDED = "voided"


class VoidReason(models.TextChoices):
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"


class Rhythm(models.TextChoices):
    ONCE = "once"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class ScheduleState(models.TextChoices):
    """ACTIVE -> ENDED (nothing is left to send) | CANCELLED (by its owner) | STOPPED (it cannot be carried out)."""

    ACTIVE = "active"
    ENDED = "ended"
    CANCELLED = "cancelled"
    STOPPED = "stopped"


class Schedule(models.Model):
    """A transfer to be made on a day, or again and again. Days are those of the bank that the money leaves.

    `position` counts the occurrences from 0: `due_on` is the one that comes next (`recurrence.py` says which days), and
    `due_at` the moment from which it is tried; after a failed try that is later on the same day. Both are null when
    nothing is left. `failure` is the code of what the last try met.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    source = models.ForeignKey("banking.Account", on_delete=models.PROTECT, related_name="schedules", db_index=False)
    target = models.ForeignKey("banking.Account", on_delete=models.PROTECT, related_name="+", db_index=False)
    amount = models.DecimalField(max_digits=20, decimal_places=2)
    currency = models.CharField(max_length=3)
    payee_name = models.CharField(max_length=128, blank=True)
    memo = models.CharField(max_length=140, blank=True)
    rhythm = models.CharField(max_length=7, choices=Rhythm.choices)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True)
    state = models.CharField(max_length=9, choices=ScheduleState.choices, default=ScheduleState.ACTIVE)
    position = models.PositiveIntegerField(default=0)
    due_on = models.DateField(null=True)
    due_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    failure = models.CharField(max_length=40, blank=True)
    actor_id = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(name="banking_schedule_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="banking_schedule_two_accounts", condition=~Q(source=F("target"))),
            models.CheckConstraint(name="banking_schedule_rhythm_known", condition=Q(rhythm__in=Rhythm.values)),
            models.CheckConstraint(name="banking_schedule_state_known", condition=Q(state__in=ScheduleState.values)),
            models.CheckConstraint(
                name="banking_schedule_ends_behind_its_start",
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
            ),
            models.CheckConstraint(
                name="banking_schedule_active_is_due",
                condition=Q(state="active", due_on__isnull=False, due_at__isnull=False)
                | ~Q(state="active") & Q(due_on__isnull=True, due_at__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["source", "-created_at", "id"], name="banking_schedule_of_account"),
            models.Index(fields=["target"], name="banking_schedule_to_account", condition=Q(state="active")),
            models.Index(fields=["due_at"], name="banking_schedule_due", condition=Q(state="active")),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} {self.rhythm}"


class Transfer(models.Model):
    """Money from one account to another.

    `booked_on` is the day at the source's bank when it was asked for: daily limits sum over it. `payee_name` is what
    the sender calls the other side, `memo` what both read. One occurrence of a schedule (`due_on`) is sent once.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    source = models.ForeignKey("banking.Account", on_delete=models.PROTECT, related_name="sent", db_index=False)
    target = models.ForeignKey("banking.Account", on_delete=models.PROTECT, related_name="received", db_index=False)
    amount = models.DecimalField(max_digits=20, decimal_places=2)
    currency = models.CharField(max_length=3)
    payee_name = models.CharField(max_length=128, blank=True)
    memo = models.CharField(max_length=140, blank=True)
    state = models.CharField(max_length=6, choices=TransferState.choices)
    reason = models.CharField(max_length=9, choices=VoidReason.choices, blank=True)
    booked_on = models.DateField()
    is_own = models.BooleanField(default=False, help_text="Between accounts of one person.")
    is_confirmed = models.BooleanField(default=False, help_text="Sent with a step-up token.")
    actor_id = models.BigIntegerField(null=True)
    schedule = models.ForeignKey(
        Schedule, null=True, on_delete=models.PROTECT, related_name="transfers", db_index=False
    )
    due_on = models.DateField(null=True)
    assessment = models.ForeignKey("fraud.Assessment", null=True, on_delete=models.SET_NULL, related_name="+")
    hold = models.OneToOneField("banking.Hold", null=True, on_delete=models.PROTECT, related_name="transfer")
    posting = models.OneToOneField("banking.Posting", null=True, on_delete=models.PROTECT, related_name="transfer")
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["schedule", "due_on"], name="banking_transfer_occurrence_once"),
            models.CheckConstraint(name="banking_transfer_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="banking_transfer_two_accounts", condition=~Q(source=F("target"))),
            models.CheckConstraint(name="banking_transfer_state_known", condition=Q(state__in=TransferState.values)),
            models.CheckConstraint(
                name="banking_transfer_state_is_told_by_its_rows",
                condition=Q(state="posted", posting__isnull=False, decided_at__isnull=False, reason="")
                | Q(state="held", posting__isnull=True, hold__isnull=False, decided_at__isnull=True, reason="")
                | Q(state="voided", posting__isnull=True, hold__isnull=False, decided_at__isnull=False) & ~Q(reason=""),
            ),
            models.CheckConstraint(
                name="banking_transfer_of_a_schedule_has_its_day",
                condition=Q(schedule__isnull=True, due_on__isnull=True)
                | Q(schedule__isnull=False, due_on__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["source", "-created_at", "id"], name="banking_transfer_sent"),
            models.Index(fields=["target", "-created_at", "id"], name="banking_transfer_received"),
            models.Index(fields=["source", "target"], name="banking_transfer_to_payee", condition=Q(state="posted")),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} {self.state}"
