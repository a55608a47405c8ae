"""The second factor: an authenticator app, codes for the day it is lost, and step-up tokens that were spent."""

import hmac
import time
from functools import cache
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_otp.models import Device
from django_otp.oath import hotp

from backend.common.encryption import MasterKeys

STEP_S = 30
DIGITS = 6
# How many steps of 30 s a phone's clock may be wrong, either way.
TOLERANCE = 1


class TotpDevice(Device):
    """A person's authenticator app (RFC 6238). At most one counts, and one more waits to be confirmed.

    Its secret is sealed by `ENCRYPTION_KEY_OTP` and bound to the row: whoever reads or swaps rows has no code.
    `last_step` is the 30 s step of the newest code that was accepted: no code of that step or before counts again.
    """

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    sealed_secret = models.BinaryField()
    key_version = models.CharField(max_length=12)
    last_step = models.BigIntegerField(default=-1)
    created_at = models.DateTimeField(auto_now_add=True)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "authenticator app"
        constraints = [
            models.UniqueConstraint(fields=["user", "confirmed"], name="identity_totp_device_one_each"),
            models.CheckConstraint(
                name="identity_totp_device_confirmed_has_time",
                condition=Q(confirmed=False) | Q(confirmed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def seal(self, secret: bytes) -> None:
        """Take the secret, sealed by the newest key."""
        self.key_version, self.sealed_secret = _keys().wrap(secret, self._bound_to())

    def secret(self) -> bytes:
        """Raises: KeyMissing, Damaged."""
        return _keys().unwrap(self.key_version, bytes(self.sealed_secret), self._bound_to())

    def step_of(self, code: str) -> int | None:
        """Return the step whose code this is, within the tolerance; None if there is none. Changes nothing."""
        secret, now = self.secret(), int(time.time()) // STEP_S
        for step in range(now - TOLERANCE, now + TOLERANCE + 1):
            if hmac.compare_digest(f"{hotp(secret, step, DIGITS):0{DIGITS}}".encode(), code.encode()):
                return step
        return None

    def verify_token(self, token: Any) -> bool:
        """Accept a code once: of two at the same moment one passes, as does none that is older than the last one."""
        step = self.step_of(str(token))
        if step is None:
            return False
        fresh = TotpDevice.objects.filter(pk=self.pk, last_step__lt=step)
        return bool(fresh.update(last_step=step))

    def _bound_to(self) -> bytes:
        return f"totp:{self.user_id}".encode()


class RecoveryCode(models.Model):
    """A code that stands in for the app once. Stored hashed: it has 80 random bits, which nobody guesses back."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "hash"], name="identity_recovery_code_unique")]

    def __str__(self) -> str:
        return f"{self.user_id} {'used' if self.used_at else 'unused'}"


class SpentStepUp(models.Model):
    """A step-up token that did its one act. Kept until it would have expired anyway."""

    id = models.UUIDField(primary_key=True)
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="identity_spent_step_up_old")]

    def __str__(self) -> str:
        return str(self.id)


def newest_key_version() -> str:
    return _keys().newest


def _keys() -> MasterKeys:
    return _keys_of(tuple(settings.ENCRYPTION_KEY_OTP))


@cache
def _keys_of(texts: tuple[str, ...]) -> MasterKeys:
    return MasterKeys(texts)
