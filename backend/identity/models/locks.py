"""Counting failures, and credentials that are used once."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


class SignInCounter(models.Model):
    """Failures in a row of one account, one unknown name, or one known device (S2-B24).

    `key` says which: `user:<id>`, `device:<user id>:<device id>` or `name:<keyed hash>`; what somebody typed is never
    stored.
    """

    key = models.CharField(primary_key=True, max_length=80)
    failures = models.PositiveIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["updated_at"], name="identity_sign_in_counter_old")]

    def __str__(self) -> str:
        return f"{self.key}: {self.failures}"


class SocketTicket(models.Model):
    """A credential for opening one WebSocket, good for 30 s and once. Only its hash is stored."""

    hash = models.CharField(primary_key=True, max_length=64)
    session = models.ForeignKey("identity.Session", on_delete=models.CASCADE, related_name="+")
    token_expires_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="identity_socket_ticket_old")]

    def __str__(self) -> str:
        return self.hash[:8]


class PasswordReset(models.Model):
    """A link that was mailed to set a new password: used once, for an hour. Only its hash is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(used_at__isnull=True), name="identity_password_reset_one_open"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)
