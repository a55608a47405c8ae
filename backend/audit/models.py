"""What happened, and who did it. User ids are plain numbers: the trail outlives the people in it."""

from django.db import models
from django.db.models import Q


class AuditLog(models.Model):
    """One write by or about a person, stored in the transaction of that write (design.md section 8)."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(auto_now_add=True)
    actor_id = models.BigIntegerField(null=True)
    action = models.CharField(max_length=64)
    target_type = models.CharField(max_length=50, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    ip_address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    facts = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["actor_id", "-id"], name="audit_log_actor"),
            models.Index(fields=["target_type", "target_id"], name="audit_log_target"),
            models.Index(fields=["action", "-id"], name="audit_log_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}".strip()


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
