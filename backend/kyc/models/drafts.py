"""What somebody has typed so far."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Draft(models.Model):
    """An unfinished registration or profile, saved step by step (E-UX-1, E-UX-3), sealed like what it will become.

    It belongs to a signed-in person, or, before there is an account, to whoever holds its token.
    """

    id = models.BigAutoField(primary_key=True)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64, null=True)
    step = models.CharField(max_length=40)
    sealed = models.BinaryField()
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token_hash"], name="kyc_draft_token_unique"),
            models.CheckConstraint(
                name="kyc_draft_has_one_owner", condition=Q(user__isnull=True) ^ Q(token_hash__isnull=True)
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], name="kyc_draft_expiry")]

    def __str__(self) -> str:
        return f"draft {self.pk}"
