"""Files on their way into the books: how far each is, and what did not fit.

A file is gone through in parts, each by one process at a time (services/loads/running.py). A batch of lines, the
position behind it and its bad lines are one transaction, so that any process can go on where another one died.
"""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class LoadKind(models.TextChoices):
    BOOK = "book"  # A bank's CSV: customers, accounts, loans on record.
    CUSTOMERS = "customers"  # A partner's file of customers and their lines.


class LoadState(models.TextChoices):
    """READING -> (STORING ->) DONE, or FAILED with what was stored until then."""

    READING = "reading"
    STORING = "storing"
    DONE = "done"
    FAILED = "failed"


UNDER_WAY = (LoadState.READING, LoadState.STORING)


class Load(models.Model):
    """One file for one bank. `file` is its sealed copy, kept until it is through; a command reads the file itself.

    `options` is what was asked for, and what the kind must know on the way. `key_prefix` names the partner's key.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.CharField(max_length=9, choices=LoadKind.choices)
    bank = models.ForeignKey("banking.Bank", on_delete=models.CASCADE, related_name="loads", db_index=False)
    state = models.CharField(max_length=8, choices=LoadState.choices, default=LoadState.READING)
    name = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    file = models.ForeignKey(
        "common.StoredFile", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    key_prefix = models.CharField(max_length=8, blank=True)
    options = models.JSONField(default=dict, blank=True)
    fault = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(name="banking_load_kind_known", condition=Q(kind__in=LoadKind.values)),
            models.CheckConstraint(name="banking_load_state_known", condition=Q(state__in=LoadState.values)),
            models.UniqueConstraint(
                fields=["kind", "bank", "sha256"],
                name="banking_load_once_under_way",
                condition=Q(state__in=["reading", "storing"]),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["bank", "-created_at", "id"], name="banking_load_of_bank"),
            models.Index(fields=["kind", "sha256"], name="banking_load_of_file"),
        ]

    def __str__(self) -> str:
        return f"{self.name or self.pk}: {self.state}"

    @property
    def is_under_way(self) -> bool:
        return self.state in UNDER_WAY


class LoadPart(models.Model):
    """Some lines of a file, or some of what was read from it: the bytes from `start` to `end`, or a bucket of rows.

    `position` and `line` stand behind the last line that is stored. `tries` counts how often it was begun without
    coming any further, so that what kills processes is given up one day.
    """

    class Phase(models.TextChoices):
        READ = "read"
        STORE = "store"

    id = models.BigAutoField(primary_key=True)
    owner = models.ForeignKey(Load, on_delete=models.CASCADE, related_name="parts", db_index=False)
    phase = models.CharField(max_length=5, choices=Phase.choices, default=Phase.READ)
    number = models.PositiveIntegerField()
    start = models.BigIntegerField(default=0)
    end = models.BigIntegerField(default=0)
    position = models.BigIntegerField(default=0)
    line = models.PositiveIntegerField(default=0)
    rows_good = models.PositiveIntegerField(default=0)
    rows_bad = models.PositiveIntegerField(default=0)
    rows_blank = models.PositiveIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    is_done = models.BooleanField(default=False)
    touched_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["owner", "phase", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "phase", "number"], name="banking_load_part_once"),
            models.CheckConstraint(
                name="banking_load_part_position_within", condition=Q(position__gte=F("start"), position__lte=F("end"))
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["touched_at"], name="banking_load_part_open", condition=Q(is_done=False)),
        ]

    def __str__(self) -> str:
        return f"{self.owner_id} {self.phase} {self.number}"


class LoadLine(models.Model):
    """A line that was not stored, by its number in the file, and why: words, or faults by field."""

    id = models.BigAutoField(primary_key=True)
    owner = models.ForeignKey(Load, on_delete=models.CASCADE, related_name="lines", db_index=False)
    line = models.PositiveIntegerField()
    fault = models.JSONField()

    class Meta:
        ordering: ClassVar = ["owner", "line"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner", "line"], name="banking_load_line_once")]

    def __str__(self) -> str:
        return f"{self.owner_id} {self.line}"


class LoadRow(models.Model):
    """A partner's customer who was read and is not stored yet. Of one name several may wait, all in one bucket.

    Without a foreign key, which would be looked up for each of millions: rows go with the bucket that stores them.
    """

    id = models.BigAutoField(primary_key=True)
    load = models.UUIDField()
    bucket = models.SmallIntegerField()
    line = models.IntegerField()
    external_id = models.CharField(max_length=60)
    credit_line = models.DecimalField(max_digits=12, decimal_places=2)
    preapproved_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["load", "bucket"], name="banking_load_row_of_bucket")]

    def __str__(self) -> str:
        return f"{self.load} {self.line}"
