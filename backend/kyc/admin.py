"""The admin pages of this slice: to be looked at. Decisions are made where their rules are."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from backend.kyc.models import Case, Document, Profile


class ReadOnly(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Profile)
class ProfileAdmin(ReadOnly):
    """That there is one. Phone, birth date, SSN and address are not for this page."""

    list_display = ["user", "created_at", "updated_at"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    fields = ["user", "created_at", "updated_at"]


@admin.register(Document)
class DocumentAdmin(ReadOnly):
    list_display = ["upload_date", "user", "document_type", "verification_status", "validation_score", "verified_by"]
    list_filter = ["verification_status", "document_type"]
    list_select_related = ["user", "verified_by"]
    search_fields = ["user__email"]
    exclude = ["document_number", "number_key", "file", "ocr_text"]


@admin.register(Case)
class CaseAdmin(ReadOnly):
    list_display = ["opened_at", "user", "assigned_to", "decision", "decided_by", "decided_at"]
    list_filter = ["decision"]
    list_select_related = ["user", "assigned_to", "decided_by"]
    search_fields = ["user__email"]
