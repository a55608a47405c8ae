"""What every slice shares in the database: the rate limits' fallback and memory (S2-M6)."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class RateLimit(models.Model):
    """How often one identity used one endpoint in one window, and until when it is blocked.

    Redis counts; this table counts while Redis is away (E-RATE-3), and remembers every block in any case, so that
    losing Redis frees nobody.
    """

    id = models.BigAutoField(primary_key=True)
    identifier = models.CharField(max_length=100)
    endpoint = models.CharField(max_length=200)
    request_count = models.PositiveIntegerField(default=1)
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    is_blocked = models.BooleanField(default=False)
    block_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["identifier", "endpoint", "window_start"], name="common_rate_limit_window_unique"
            ),
            models.CheckConstraint(
                name="common_rate_limit_block_has_end", condition=Q(is_blocked=False) | Q(block_until__isnull=False)
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["block_until"], name="common_rate_limit_blocks", condition=Q(is_blocked=True)),
            models.Index(fields=["window_end"], name="common_rate_limit_old"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.identifier}: {self.request_count}"
