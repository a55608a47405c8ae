"""The admin pages of what all slices share."""

from django.contrib import admin

from backend.common.adminpages import History
from backend.common.models import StoredFile


@admin.register(StoredFile)
class StoredFileAdmin(History):
    """Which sealed files there are, whose, and since when they cannot be read any more. Their bytes are not shown."""

    list_display = ["id", "kind", "owner_id", "size", "created_at", "kept_at", "destroyed_at", "removed_at"]
    list_filter = ["kind", "created_at"]
    search_fields = ["=owner_id", "sha256"]
    ordering = ["-created_at"]
    exclude = ["wrapped_key"]
