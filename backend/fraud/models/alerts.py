"""Verdicts with what they rest on, and the alerts that people decide."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import F, Q


def new_alert_id() -> str:
    """Return `ALERT` and ten upper-case hexadecimal characters (S2-M9)."""
    return "ALERT" + secrets.token_hex(5).upper()


class Assessment(models.Model):
    """One verdict: the frozen inputs, the version of the rules, and what came out. Never changed (a trigger).

    `inputs` and `verdict` are canonical JSON, kept as text: a replay compares bytes.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    subject_kind = models.CharField(max_length=20)
    subject_id = models.CharField(max_length=64)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    account_id = models.CharField(max_length=64)
    account_number = models.CharField(max_length=64)
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=20, decimal_places=2)
    rule_set = models.ForeignKey("fraud.RuleSet", on_delete=models.PROTECT, related_name="+", db_index=False)
    engine = models.PositiveSmallIntegerField()
    score = models.PositiveSmallIntegerField()
    is_alert = models.BooleanField()
    is_held = models.BooleanField()
    inputs = models.TextField()
    verdict = models.TextField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="fraud_assessment_score_is_percent", condition=Q(score__lte=100)),
            models.CheckConstraint(
                name="fraud_assessment_held_is_alert", condition=Q(is_held=False) | Q(is_alert=True)
            ),
            models.CheckConstraint(name="fraud_assessment_amount_positive", condition=Q(amount__gt=0)),
        ]
        indexes = [
            models.Index(fields=["at"], name="fraud_assessment_at"),
            models.Index(fields=["user", "-id"], name="fraud_assessment_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.subject_kind} {self.subject_id}: {self.score}"


class FraudAlert(models.Model):
    """Something that a bank admin must look at (S2-M9): a suspicious transfer, or a signal from elsewhere.

    `is_held` says that money waits. A claim is a lease: after `claimed_until` it is nobody's. Above an amount the first
    person's verdict is a proposal until another agrees. `repeats` counts the signals that came after the first.
    """

    class Type(models.TextChoices):
        SUSPICIOUS_TRANSACTION = "SUSPICIOUS_TRANSACTION"
        REFRESH_REUSE = "REFRESH_REUSE"
        MANY_ADDRESSES = "MANY_ADDRESSES"
        MALICIOUS_FILE = "MALICIOUS_FILE"
        HONEYPOT = "HONEYPOT"

    class Severity(models.TextChoices):
        MEDIUM = "MEDIUM"
        HIGH = "HIGH"
        CRITICAL = "CRITICAL"

    class Status(models.TextChoices):
        OPEN = "OPEN"
        PROPOSED = "PROPOSED"
        RELEASED = "RELEASED"
        REJECTED = "REJECTED"
        EXPIRED = "EXPIRED"

    class Verdict(models.TextChoices):
        RELEASE = "release"
        REJECT = "reject"

    class Label(models.TextChoices):
        TRUE_POSITIVE = "TRUE_POSITIVE"
        FALSE_POSITIVE = "FALSE_POSITIVE"

    UNDECIDED = ("OPEN", "PROPOSED")

    id = models.BigAutoField(primary_key=True)
    alert_id = models.CharField(max_length=20, unique=True, default=new_alert_id)
    alert_type = models.CharField(max_length=30, choices=Type.choices)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    title = models.CharField(max_length=120)
    description = models.TextField()
    risk_score = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    assessment = models.OneToOneField(Assessment, null=True, on_delete=models.PROTECT, related_name="alert")
    subject_kind = models.CharField(max_length=20, blank=True)
    subject_id = models.CharField(max_length=64, blank=True)
    account_number = models.CharField(max_length=64, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    amount = models.DecimalField(max_digits=20, decimal_places=2, null=True)
    is_held = models.BooleanField(default=False)
    hold_until = models.DateTimeField(null=True)
    dedup_key = models.CharField(max_length=80, null=True, unique=True)
    repeats = models.PositiveIntegerField(default=0)
    last_seen_at = models.DateTimeField()
    escalated_at = models.DateTimeField(null=True)
    claimed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    claimed_until = models.DateTimeField(null=True)
    proposed_verdict = models.CharField(max_length=10, choices=Verdict.choices, blank=True)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(null=True)
    proposed_reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)
    label = models.CharField(max_length=20, choices=Label.choices, blank=True)
    labelled_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    labelled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="fraud_alert_nobody_reviews_themselves",
                condition=Q(user=None)
                | (
                    (Q(claimed_by=None) | ~Q(claimed_by=F("user")))
                    & (Q(proposed_by=None) | ~Q(proposed_by=F("user")))
                    & (Q(decided_by=None) | ~Q(decided_by=F("user")))
                    & (Q(labelled_by=None) | ~Q(labelled_by=F("user")))
                ),
            ),
            models.CheckConstraint(
                name="fraud_alert_two_people_decide",
                condition=Q(proposed_by=None) | Q(decided_by=None) | ~Q(proposed_by=F("decided_by")),
            ),
            models.CheckConstraint(
                name="fraud_alert_decided_whole",
                condition=Q(status__in=["OPEN", "PROPOSED"], decided_at=None, decided_by=None)
                | Q(status__in=["RELEASED", "REJECTED"], decided_at__isnull=False, decided_by__isnull=False)
                | Q(status="EXPIRED", decided_at__isnull=False, decided_by=None),
            ),
            models.CheckConstraint(
                name="fraud_alert_proposed_whole",
                condition=~Q(status="PROPOSED") | (Q(proposed_by__isnull=False) & ~Q(proposed_verdict="")),
            ),
            models.CheckConstraint(
                name="fraud_alert_claim_has_end", condition=Q(claimed_by=None) | Q(claimed_until__isnull=False)
            ),
            models.CheckConstraint(
                name="fraud_alert_held_has_subject",
                condition=Q(is_held=False) | (~Q(subject_id="") & Q(amount__gt=0)),
            ),
            models.CheckConstraint(name="fraud_alert_score_is_percent", condition=Q(risk_score__lte=100)),
            models.UniqueConstraint(
                fields=["subject_kind", "subject_id"],
                condition=~Q(subject_id=""),
                name="fraud_alert_one_of_a_subject",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"], name="fraud_alert_waiting", condition=Q(status__in=["OPEN", "PROPOSED"])
            ),
            models.Index(fields=["status", "-id"], name="fraud_alert_status"),
            models.Index(fields=["user", "-id"], name="fraud_alert_of_user"),
            models.Index(fields=["alert_type", "-id"], name="fraud_alert_type"),
        ]

    def __str__(self) -> str:
        return self.alert_id

    @property
    def is_decided(self) -> bool:
        return self.status not in self.UNDECIDED


class AlertNote(models.Model):
    """What a reviewer wrote down about an alert. Erasing whom the alert is about takes the text away."""

    id = models.BigAutoField(primary_key=True)
    alert = models.ForeignKey(FraudAlert, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"note {self.pk} on {self.alert_id}"
