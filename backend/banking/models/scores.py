"""What the loan model said: of single loans when they were asked for, and of a bank's loans all at once."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from backend.banking.models.loans import LoanStatus, Term


class RiskBand(models.TextChoices):
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class Scored(models.Model):
    """`probability`: that the loan will be fully paid. `prediction` and `risk_band` follow from it."""

    prediction = models.CharField(max_length=11, choices=LoanStatus.choices)
    probability = models.DecimalField(max_digits=5, decimal_places=4)
    risk_band = models.CharField(max_length=6, choices=RiskBand.choices)

    class Meta:
        abstract = True


class LoanScore(Scored):
    """A score with its reasons, and `told`: the 16 features as the model was told them, so that it can be asked again.

    Never changed; when the person is erased, what they told and the reasons, which repeat it, go.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey("banking.Account", on_delete=models.CASCADE, related_name="loan_scores")
    current_loan_amount = models.DecimalField(max_digits=20, decimal_places=2)
    term = models.CharField(max_length=10, choices=Term.choices, null=True, blank=True)
    purpose = models.CharField(max_length=255, blank=True)
    model_version = models.CharField(max_length=64)
    told = models.JSONField(default=dict)
    reasons = models.JSONField(default=list)
    outside = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="banking_loan_score_probability", condition=Q(probability__gte=0, probability__lte=1)
            ),
            models.CheckConstraint(name="banking_loan_score_band_known", condition=Q(risk_band__in=RiskBand.values)),
        ]

    def __str__(self) -> str:
        return f"{self.prediction} {self.probability}"


class RunState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ScoringRun(models.Model):
    """Scoring of a bank's loans by a job. One is under way at a time for each bank.

    `after_at` and `after_id` are the last loan that is done: a job that dies is taken up there. `summary` is written
    with the last loan; the scores of older runs go then.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    bank = models.ForeignKey("banking.Bank", on_delete=models.CASCADE, related_name="scoring_runs", db_index=False)
    started_by = models.BigIntegerField()
    ended_too = models.BooleanField(default=False)
    state = models.CharField(max_length=7, choices=RunState.choices, default=RunState.QUEUED)
    model_version = models.CharField(max_length=64, blank=True)
    loans_total = models.PositiveIntegerField(default=0)
    loans_done = models.PositiveIntegerField(default=0)
    after_at = models.DateTimeField(null=True)
    after_id = models.UUIDField(null=True)
    summary = models.JSONField(null=True)
    fault = models.CharField(max_length=140, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["bank"], name="banking_scoring_run_one_at_a_time", condition=Q(state__in=["queued", "running"])
            ),
            models.CheckConstraint(name="banking_scoring_run_state_known", condition=Q(state__in=RunState.values)),
            models.CheckConstraint(
                name="banking_scoring_run_done_is_summed_up", condition=~Q(state="done") | Q(summary__isnull=False)
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["bank", "-created_at"], name="banking_scoring_run_of_bank")]

    def __str__(self) -> str:
        return f"{self.state} {self.loans_done}/{self.loans_total}"


class RunScore(Scored):
    """What a run said of one loan."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(ScoringRun, on_delete=models.CASCADE, related_name="scores", db_index=False)
    loan = models.ForeignKey("banking.Loan", on_delete=models.CASCADE, related_name="+")

    class Meta:
        ordering: ClassVar = ["probability", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "loan"], name="banking_run_score_once_a_loan"),
            models.CheckConstraint(
                name="banking_run_score_probability", condition=Q(probability__gte=0, probability__lte=1)
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["run", "probability", "id"], name="banking_run_score_riskiest")]

    def __str__(self) -> str:
        return f"{self.loan_id}: {self.probability}"
