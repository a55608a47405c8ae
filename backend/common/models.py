"""What every slice shares in the database: the rate limits' fallback and memory (S2-M6), and files' keys."""

import uuid
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


class StoredFile(models.Model):
    """A sealed file in the storage, and the wrapped key that opens it (backend/common/vault.py, ADR 0005).

    Written before the bytes are; `kept_at` says that a slice has taken it over. Without its `wrapped_key` the file is
    unreadable for ever; `removed_at` says that its bytes have left the storage, too.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.CharField(max_length=40)
    owner_id = models.BigIntegerField(null=True)
    path = models.CharField(max_length=200)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    key_version = models.CharField(max_length=12, blank=True)
    wrapped_key = models.BinaryField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    kept_at = models.DateTimeField(null=True)
    destroyed_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="common_stored_file_key_until_destroyed",
                condition=Q(destroyed_at__isnull=True, wrapped_key__isnull=False)
                | Q(destroyed_at__isnull=False, wrapped_key__isnull=True),
            ),
            models.CheckConstraint(
                name="common_stored_file_removed_is_destroyed",
                condition=Q(removed_at__isnull=True) | Q(destroyed_at__isnull=False),
            ),
            models.CheckConstraint(name="common_stored_file_size_not_negative", condition=Q(size__gte=0)),
        ]
        indexes: ClassVar = [
            models.Index(fields=["owner_id"], name="common_stored_file_owner"),
            models.Index(
                fields=["created_at"],
                name="common_stored_file_to_sweep",
                condition=Q(removed_at=None) & (Q(kept_at=None) | Q(destroyed_at__isnull=False)),
            ),
            models.Index(fields=["key_version", "id"], name="common_stored_file_keys", condition=Q(destroyed_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class SavedAnswer(models.Model):
    """What a request with an `Idempotency-Key` was answered, and which request that was (common/idempotency.py).

    `actor` is `user:<id>` or `key:<prefix>`, `route` the method and the route's pattern, `request` a hash.
    """

    id = models.BigAutoField(primary_key=True)
    actor = models.CharField(max_length=80)
    route = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    request = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["actor", "route", "key"], name="common_saved_answer_key_unique"),
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="common_saved_answer_old")]

    def __str__(self) -> str:
        return f"{self.actor} {self.route} {self.key}: {self.status}"
