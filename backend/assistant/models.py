"""What is kept of the assistant's work: what it used, how its server fares, where it answered by itself.

Never what was asked or answered: an automatic answer's text is a message of its chat, everything else is gone once it
is on the screen.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Task(models.TextChoices):
    SUGGESTION = "suggestion"
    SUMMARY = "summary"
    FIRST_ANSWER = "first_answer"
    CHATBOT = "chatbot"
    CATEGORY = "category"


class Spending(models.Model):
    """What a person's questions have used on a day (UTC); without a person, the whole house's.

    A question that is being answered is booked with the most that it can use, and settled afterwards: a process that
    dies in between has spent too much, never too little.
    """

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    day = models.DateField()
    questions = models.PositiveIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "spending"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "day"], name="assistant_spending_once", nulls_distinct=False)
        ]
        indexes: ClassVar = [models.Index(fields=["day"], name="assistant_spending_day")]

    def __str__(self) -> str:
        return f"{self.user_id or 'the house'} {self.day}: {self.tokens}"


class Tally(models.Model):
    """How many questions of a kind ended in a way on a day, and what they used: for operators, about nobody."""

    id = models.BigAutoField(primary_key=True)
    day = models.DateField()
    task = models.CharField(max_length=12, choices=Task.choices)
    outcome = models.CharField(max_length=16)
    questions = models.PositiveBigIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    answer_tokens = models.PositiveBigIntegerField(default=0)
    cost = models.DecimalField(max_digits=18, decimal_places=6, default=0)
    milliseconds = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "tallies"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "task", "outcome"], name="assistant_tally_once"),
            models.CheckConstraint(name="assistant_tally_task_known", condition=Q(task__in=Task.values)),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.task} {self.outcome}: {self.questions}"


class Circuit(models.Model):
    """The circuit breaker, one row for all processes. Open until `opened_until`; then one question is a trial, for
    which the others wait until `trial_until`."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    failures = models.PositiveIntegerField(default=0)
    opened_until = models.DateTimeField(null=True)
    trial_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="assistant_circuit_only_one", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"{self.failures} failures in a row"


class AutomaticAnswer(models.Model):
    """The one answer that the assistant gives by itself in a chat that waits. Claimed by a process for a while."""

    class State(models.TextChoices):
        TRYING = "trying"
        ANSWERED = "answered"
        STOPPED = "stopped"
        NOT_NEEDED = "not_needed"
        GIVEN_UP = "given_up"

    chat = models.OneToOneField("support.Chat", primary_key=True, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.TRYING)
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    stopped_by = models.BigIntegerField(null=True)
    seq = models.BigIntegerField(null=True)
    prompt = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="assistant_automatic_answer_ended", condition=Q(state="trying") ^ Q(ended_at__isnull=False)
            ),
            models.CheckConstraint(
                name="assistant_automatic_answer_is_said", condition=Q(seq__isnull=False) | ~Q(state="answered")
            ),
        ]
        indexes: ClassVar = [models.Index(F("created_at").desc(), name="assistant_answer_newest")]

    def __str__(self) -> str:
        return f"{self.chat_id}: {self.state}"


class AnswerPreference(models.Model):
    """Whether a person wants automatic answers. Without a row they do."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="+")
    automatic_answers = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"user {self.user_id}: {'automatic answers' if self.automatic_answers else 'people only'}"
