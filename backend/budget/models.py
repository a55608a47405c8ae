"""A person's income and expenses, the categories they share, their budgets, and the files they import.

Income and expenses are one table (S1-M5, S1-M6 are its two kinds): what compares, sums or exports them reads one
index. That a category is of the entry's kind, and a subcategory under the entry's category, are foreign keys of two
columns (migration 0002), so no race and no second way in can break it (E-S1-8).
"""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

MONEY_DIGITS = 20  # of what banking records; what people type is at most 99,999,999.99 (S1-M5)


class Kind(models.TextChoices):
    EXPENSE = "expense"
    INCOME = "income"


class Category(models.Model):
    """Global reference data, managed by staff (S1-B14)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=100, blank=True)
    type = models.CharField(max_length=7, choices=Kind.choices)
    hex_color = models.CharField(max_length=7)

    class Meta:
        ordering: ClassVar = ["type", "name", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(name="budget_category_type_known", condition=Q(type__in=Kind.values)),
            models.CheckConstraint(
                name="budget_category_color", condition=Q(hex_color__regex=r"^#([0-9a-fA-F]{3}){1,2}$")
            ),
            models.UniqueConstraint(fields=["id", "type"], name="budget_category_with_type"),
        ]

    def __str__(self) -> str:
        return self.name


class SubCategory(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=100, blank=True)
    hex_color = models.CharField(max_length=7)
    category = models.ForeignKey(
        Category, on_delete=models.DO_NOTHING, related_name="subcategories", db_constraint=False
    )

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="budget_subcategory_color", condition=Q(hex_color__regex=r"^#([0-9a-fA-F]{3}){1,2}$")
            ),
            models.UniqueConstraint(fields=["id", "category"], name="budget_subcategory_with_category"),
        ]

    def __str__(self) -> str:
        return self.name


class Entry(models.Model):
    """One expense or income of one person. Owned by column: nobody else reads or writes it (S1-M10, K-74).

    `reference` makes a repeat recognisable: `client:<id>` of an app that tried again, `bank:<id>` of a movement of
    money. A deleted entry keeps `deleted_at` for 30 days, then it goes.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.CharField(max_length=7, choices=Kind.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    title = models.CharField(max_length=100)
    description = models.CharField(max_length=100, blank=True)
    amount = models.DecimalField(max_digits=MONEY_DIGITS, decimal_places=2)
    creation_date = models.DateField()
    creation_time = models.TimeField()
    # Both without a constraint of one column: the ones of two columns say more.
    category = models.ForeignKey(Category, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    subcategory = models.ForeignKey(
        SubCategory, null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )
    reference = models.CharField(max_length=100, null=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="budget_entry_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="budget_entry_expense_has_subcategory",
                condition=Q(kind=Kind.EXPENSE, subcategory__isnull=False)
                | Q(kind=Kind.INCOME, subcategory__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["user", "reference"], name="budget_entry_once", condition=Q(reference__isnull=False)
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                F("user"),
                F("kind"),
                F("creation_date").desc(),
                F("creation_time").desc(),
                F("id").desc(),
                name="budget_entry_of_user",
                condition=Q(deleted_at=None),
            ),
            models.Index(fields=["deleted_at"], name="budget_entry_bin", condition=Q(deleted_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Budget(models.Model):
    """What a person wants to spend at most in a category each calendar month."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    category = models.ForeignKey(Category, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    kind = models.CharField(max_length=7, choices=Kind.choices, default=Kind.EXPENSE, editable=False)
    amount = models.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "category"], name="budget_budget_one_per_category"),
            models.CheckConstraint(name="budget_budget_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="budget_budget_of_expenses", condition=Q(kind=Kind.EXPENSE)),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class BudgetNotice(models.Model):
    """That a budget's owner was told, this month, that so many percent are spent: once each."""

    id = models.BigAutoField(primary_key=True)
    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="+", db_index=False)
    month = models.DateField()
    percent = models.PositiveSmallIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["budget", "month", "percent"], name="budget_notice_once_a_month")
        ]

    def __str__(self) -> str:
        return f"{self.budget_id} {self.month}: {self.percent} %"


class Import(models.Model):
    """A file of entries: first checked line by line, then, when its owner says so, loaded."""

    class State(models.TextChoices):
        CHECKING = "checking"
        READY = "ready"
        LOADING = "loading"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    name = models.CharField(max_length=200, blank=True)
    size = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.CHECKING)
    layout = models.JSONField(default=dict)
    sample = models.JSONField(default=list)
    run = models.PositiveIntegerField(default=1, help_text="Rises when checking or loading starts over.")
    lines_total = models.PositiveIntegerField(null=True)
    lines_done = models.PositiveIntegerField(default=0)
    rows_good = models.PositiveIntegerField(default=0)
    rows_bad = models.PositiveIntegerField(default=0)
    rows_duplicate = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="budget_import_state_known",
                condition=Q(state__in=["checking", "ready", "loading", "done", "failed"]),
            )
        ]
        indexes: ClassVar = [
            models.Index(F("user"), F("created_at").desc(), name="budget_import_of_user"),
            models.Index(
                fields=["touched_at"], name="budget_import_at_work", condition=Q(state__in=["checking", "loading"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name or self.pk}: {self.state}"


class ImportChunk(models.Model):
    """A compressed piece of an import's file, kept until it is loaded: every process and worker can read it here."""

    id = models.BigAutoField(primary_key=True)
    owner = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.PositiveIntegerField()
    body = models.BinaryField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner", "number"], name="budget_import_chunk_once")]

    def __str__(self) -> str:
        return f"{self.owner_id} {self.number}"


class ImportLine(models.Model):
    """A line that was not loaded, by its number in the file, and why."""

    class Outcome(models.TextChoices):
        BAD = "bad"
        DUPLICATE = "duplicate"

    id = models.BigAutoField(primary_key=True)
    owner = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="+", db_index=False)
    line = models.PositiveIntegerField()
    outcome = models.CharField(max_length=9, choices=Outcome.choices)
    reason = models.CharField(max_length=200)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner", "line"], name="budget_import_line_once")]

    def __str__(self) -> str:
        return f"{self.owner_id} {self.line}: {self.outcome}"
