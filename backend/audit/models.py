"""What happened, and who did it. User ids are plain numbers: the trail outlives the people in it.

Rows, seals and anchors only ever come (triggers in migration 0002 refuse the rest). What they prove, and against
whom: backend/docs/trust.md.
"""

import json
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from backend.audit.offline.chain import canonical


class CanonicalJson(models.TextField):
    """JSON that is stored as the very text that digests are made over; `jsonb` would write numbers its own way."""

    _pyi_private_set_type: Any  # For the type checker, which takes it for text.
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(value)

    def get_prep_value(self, value: Any) -> Any:
        return value if value is None else canonical(value).decode()

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value


class Bytes(models.BinaryField):
    """Bytes that are read as bytes."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> bytes | None:
        return None if value is None else bytes(value)


class AuditLog(models.Model):
    """One write by or about a person, stored in the transaction of that write (design.md section 8, S2-M5).

    Only `services.record` makes rows: it alone can make their digest. IP and agent are kept as text, since the digest
    covers them as they were written.
    """

    id = models.BigAutoField(primary_key=True)
    log_id = models.UUIDField(unique=True)
    at = models.DateTimeField()
    actor_id = models.BigIntegerField(null=True)
    subject_id = models.BigIntegerField(null=True, help_text="Whom it is about, where that is a person.")
    action = models.CharField(max_length=64)
    action_type = models.CharField(max_length=20, blank=True, help_text="S2's word for the action, if it has one.")
    target_type = models.CharField(max_length=50, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    ip_address = models.CharField(max_length=45, null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    facts = CanonicalJson(default=dict)
    detail_hash = Bytes(null=True, help_text="Commits to the personal values in AuditDetail.")
    xid = models.BigIntegerField(help_text="The transaction that wrote the row; it decides the order of sealing.")
    key = models.SmallIntegerField(help_text="The version of AUDIT_KEY that made the digest.")
    digest = Bytes()

    class Meta:
        db_table = "audit_log"
        ordering: ClassVar = ["-id"]
        indexes = [
            models.Index(fields=["actor_id", "-id"], name="audit_log_by_actor"),
            models.Index(fields=["subject_id", "-id"], name="audit_log_by_subject"),
            models.Index(fields=["target_type", "target_id"], name="audit_log_by_target"),
            models.Index(fields=["action", "-id"], name="audit_log_by_action"),
            models.Index(fields=["action_type", "-id"], name="audit_log_by_type"),
            models.Index(fields=["at"], name="audit_log_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}".strip()


class AuditDetail(models.Model):
    """The personal values of one row: gone when the person is erased, and the row that is left proves no less.

    `salt` goes with them, so that nobody who keeps the row's hash can try values out afterwards.
    """

    row_id = models.BigIntegerField(primary_key=True)
    subject_id = models.BigIntegerField(null=True)
    salt = Bytes()
    values = CanonicalJson(help_text="An object with `old` and `new`.")

    class Meta:
        db_table = "audit_detail"
        indexes = [models.Index(fields=["subject_id"], name="audit_detail_by_subject")]

    def __str__(self) -> str:
        return f"values of row {self.row_id}"


class AuditPending(models.Model):
    """A row that waits for its seal: written with it, gone with the sealing, so none can be passed over."""

    row_id = models.BigIntegerField(primary_key=True)
    xid = models.BigIntegerField()

    class Meta:
        db_table = "audit_pending"
        # The sealer's order. Without it each batch would sort all that waits: two thirds of its time at a million.
        indexes = [models.Index(fields=["xid", "row_id"], name="audit_pending_in_order")]

    def __str__(self) -> str:
        return f"row {self.row_id}"


class AuditSeal(models.Model):
    """A row's place in the chain. `seq` has no gaps; `link` covers the row and every row before it."""

    seq = models.BigIntegerField(primary_key=True)
    row_id = models.BigIntegerField(unique=True)
    leaf = Bytes()
    link = Bytes()
    mac = Bytes(help_text="Made with the key, so that nobody else can make the chain again.")
    key = models.SmallIntegerField()

    class Meta:
        db_table = "audit_seal"

    def __str__(self) -> str:
        return f"seal {self.seq}"


class AuditCheckpoint(models.Model):
    """A copy of a signed line that is kept outside of the database: if one of the two is set back, the other tells."""

    number = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=12)
    seq = models.BigIntegerField()
    line = CanonicalJson()

    class Meta:
        db_table = "audit_checkpoint"

    def __str__(self) -> str:
        return f"checkpoint {self.number} at {self.seq}"


class AuditPatrol(models.Model):
    """How far the periodic verification has come on its way around the chain. Worth nothing to whoever changes it."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    seq = models.BigIntegerField(default=0)
    rounds = models.BigIntegerField(default=0)
    at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "audit_patrol"

    def __str__(self) -> str:
        return f"patrol at {self.seq}"


class SecurityEvent(models.Model):
    """Something that staff should look at (S2-M7)."""

    class Severity(models.TextChoices):
        LOW = "LOW"
        MEDIUM = "MEDIUM"
        HIGH = "HIGH"
        CRITICAL = "CRITICAL"

    id = models.BigAutoField(primary_key=True)
    event_type = models.CharField(max_length=40)
    user_id = models.BigIntegerField(null=True)
    ip_address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.MEDIUM)
    description = models.TextField()
    metadata = models.JSONField(default=dict)
    resolved = models.BooleanField(default=False)
    resolved_by = models.BigIntegerField(null=True)
    resolved_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="audit_security_event_resolution_is_whole",
                condition=Q(resolved=False) | Q(resolved_at__isnull=False),
            )
        ]
        indexes = [
            models.Index(fields=["user_id", "-id"], name="audit_event_user"),
            models.Index(fields=["event_type", "-id"], name="audit_event_type"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.severity}"
