"""How far the patrol of the books has come, and what it found (backend/banking/services/patrolling.py)."""

from typing import ClassVar

from django.db import models


class LedgerPatrol(models.Model):
    """One row: up to which posting and which account the present round has looked."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    posting_id = models.BigIntegerField(default=0)
    account_id = models.UUIDField(null=True)
    rounds = models.BigIntegerField(default=0)
    at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"round {self.rounds + 1}"


class LedgerFinding(models.Model):
    """Something in the books that does not prove out. Staff are told of each once, by a security event."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=20)
    subject = models.CharField(max_length=80)
    words = models.CharField(max_length=300)
    event_id = models.BigIntegerField()
    found_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "subject"], name="banking_ledger_finding_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}"
