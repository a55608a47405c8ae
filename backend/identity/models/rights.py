"""What people may ask for: everything about themselves, and to be told when a rule that concerns them changes."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


class PersonExport(models.Model):
    """An archive of everything about one person: asked for, made by a job, fetched once (E-COMP-4)."""

    class State(models.TextChoices):
        PENDING = "PENDING"
        READY = "READY"
        FETCHED = "FETCHED"
        EXPIRED = "EXPIRED"
        FAILED = "FAILED"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField(auto_now_add=True)
    tried_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    fetched_at = models.DateTimeField(null=True)
    file = models.ForeignKey("common.StoredFile", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(state__in=["PENDING", "READY"]), name="identity_person_export_one_open"
            ),
            models.CheckConstraint(
                name="identity_person_export_ready_expires",
                condition=~Q(state="READY") | Q(expires_at__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["user", "-asked_at"], name="identity_person_export_latest")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.state}"


class RuleChange(models.Model):
    """A version of a rule that people are held to, from a day on; whom it affects is told before (E-COMP-3)."""

    class Affects(models.TextChoices):
        EVERYBODY = "EVERYBODY"
        CUSTOMERS = "CUSTOMERS"
        UNVERIFIED = "UNVERIFIED", "Customers whose KYC is not approved"
        STAFF = "STAFF"

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=64, help_text="Which rule: `kyc.documents`, `password.length`.")
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=120)
    text = models.TextField(help_text="What changes, and what to do. Plain text, for the people it concerns.")
    affects = models.CharField(max_length=20, choices=Affects.choices, default=Affects.EVERYBODY)
    effective_on = models.DateField()
    announced_at = models.DateTimeField(auto_now_add=True)
    announced_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    told_at = models.DateTimeField(null=True, help_text="When the last of them had been told.")

    class Meta:
        ordering = ["-announced_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["key", "version"], name="identity_rule_change_version_unique")]

    def __str__(self) -> str:
        return f"{self.key} {self.version}"


class RuleNotice(models.Model):
    """That one person was told of a change, and whether they have acknowledged it."""

    id = models.BigAutoField(primary_key=True)
    change = models.ForeignKey(RuleChange, on_delete=models.CASCADE, related_name="notices")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    told_at = models.DateTimeField(auto_now_add=True)
    mailed_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["change", "user"], name="identity_rule_notice_once")]
        indexes = [models.Index(fields=["user", "-id"], name="identity_rule_notice_of_user")]

    def __str__(self) -> str:
        return f"{self.change_id} to {self.user_id}"
