"""Signed-in devices, and the log of attempts."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q


def _theirs(related_name: str, *, null: bool = False) -> Any:
    """Whose it is. History outlives an account that is deleted, with its number, so the database is not asked to
    keep the two together (BUG-S1-27); retention ends it (services/retention.py)."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=null,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name=related_name,
    )


class Session(models.Model):
    """A signed-in device. Its id is the `sid` claim of its tokens; its refresh tokens are one family.

    The row knows the family's newest refresh token (`refresh_jti`) and the one before it, so rotation is one UPDATE
    and the loser of a race can be given the same successor (design.md section 3).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = _theirs("sessions")
    door = models.CharField(max_length=10)
    name = models.CharField(max_length=100, blank=True)
    platform = models.CharField(max_length=50, blank=True)
    ip_address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_reason = models.CharField(max_length=40, blank=True)
    refresh_jti = models.CharField(max_length=32)
    previous_jti = models.CharField(max_length=32, blank=True)
    rotated_at = models.DateTimeField()
    token_hash = models.CharField(max_length=64, null=True, unique=True, help_text="Of the S3 door's 40-hex token.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="identity_session_revoked_has_reason",
                condition=Q(revoked_at__isnull=True) | ~Q(revoked_reason=""),
            )
        ]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="identity_session_open", condition=Q(revoked_at=None)),
            models.Index(fields=["expires_at"], name="identity_session_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.door} {self.id}"


class LoginLog(models.Model):
    """One attempt to sign in, by whom if the account exists, and how it ended (S1-M2, S1-B3)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = _theirs("login_logs", null=True)
    at = models.DateTimeField(auto_now_add=True)
    platform_os = models.CharField(max_length=50, blank=True)
    ip_address = models.GenericIPAddressField(null=True)
    successful = models.BooleanField(default=False)
    description = models.CharField(max_length=50)

    class Meta:
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["user", "-at"], name="identity_login_log_user"),
            BrinIndex(fields=["at"], name="identity_login_log_old"),  # For retention: rows lie in the order of time.
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.description}"
