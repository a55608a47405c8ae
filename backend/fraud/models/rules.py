"""Versions of thresholds and weights, what was tried with them, and where a rule is silent for a while."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q


def _person(*, null: bool = True) -> models.ForeignKey:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, null=null, blank=null, on_delete=models.PROTECT, related_name="+"
    )


class RuleSet(models.Model):
    """One version of the rules' thresholds and points (backend/fraud/rulesets.py says their form).

    At most one is in force. What was in force never changes (a trigger), so what it judged can be judged again.
    Version 1 ships with the product and has no author.
    """

    class State(models.TextChoices):
        DRAFT = "DRAFT"
        PUBLISHED = "PUBLISHED"
        RETIRED = "RETIRED"

    id = models.BigAutoField(primary_key=True)
    version = models.PositiveIntegerField(unique=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    rules = models.JSONField()
    note = models.CharField(max_length=500, blank=True, help_text="What is meant to get better.")
    revision = models.PositiveIntegerField(default=1, help_text="Rises with each change of the draft.")
    created_by = _person()
    created_at = models.DateTimeField(auto_now_add=True)
    changed_by = _person()
    changed_at = models.DateTimeField(auto_now_add=True)
    published_by = _person()
    published_at = models.DateTimeField(null=True, blank=True)
    retired_by = _person()
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="PUBLISHED"), name="fraud_rule_set_one_in_force"
            ),
            models.CheckConstraint(
                name="fraud_rule_set_second_person_publishes",
                condition=Q(published_by=None) | (~Q(published_by=F("created_by")) & ~Q(published_by=F("changed_by"))),
            ),
            models.CheckConstraint(
                name="fraud_rule_set_published_has_time",
                condition=~Q(state="PUBLISHED") | Q(published_at__isnull=False),
            ),
            models.CheckConstraint(
                name="fraud_rule_set_retired_has_time", condition=Q(state="RETIRED") ^ Q(retired_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"rules {self.version}"


class Snooze(models.Model):
    """A rule that adds no points until a time: for one account, for one person, or for all."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    rule = models.CharField(max_length=40)
    account_id = models.CharField(max_length=64, blank=True)
    user = _person()
    reason = models.CharField(max_length=500)
    created_by = _person(null=False)
    created_at = models.DateTimeField(auto_now_add=True)
    until = models.DateTimeField()
    ended_by = _person()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(name="fraud_snooze_one_scope", condition=Q(account_id="") | Q(user__isnull=True)),
            models.CheckConstraint(
                name="fraud_snooze_not_for_oneself", condition=Q(user=None) | ~Q(user=F("created_by"))
            ),
            models.CheckConstraint(name="fraud_snooze_has_an_end", condition=Q(until__gt=F("created_at"))),
        ]
        indexes = [models.Index(fields=["until"], name="fraud_snooze_open", condition=Q(ended_at=None))]

    def __str__(self) -> str:
        return f"{self.rule} until {self.until:%Y-%m-%d %H:%M}"


class DryRun(models.Model):
    """What a version would have said of the assessments of the last 30 days. A job goes through them in steps and can
    be stopped and resumed behind `after`."""

    class State(models.TextChoices):
        RUNNING = "RUNNING"
        DONE = "DONE"
        FAILED = "FAILED"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    rule_set = models.ForeignKey(RuleSet, on_delete=models.CASCADE, related_name="dry_runs")
    revision = models.PositiveIntegerField()
    rules = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    since = models.DateTimeField()
    asked_by = _person(null=False)
    asked_at = models.DateTimeField(auto_now_add=True)
    after = models.BigIntegerField(default=0)
    last = models.BigIntegerField()
    counts = models.JSONField(default=dict)
    samples = models.JSONField(default=list)
    stepped_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-asked_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule_set"], condition=Q(state="RUNNING"), name="fraud_dry_run_one_running"
            ),
            models.CheckConstraint(
                name="fraud_dry_run_finished_has_time", condition=Q(state="RUNNING") ^ Q(finished_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"dry run of rules {self.rule_set_id}"
