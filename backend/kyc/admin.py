"""The admin pages of this slice: to be looked at. Decisions are made where their rules are."""

from django.contrib import admin

from backend.common.adminpages import History
from backend.kyc.models import Case, Document, Profile


@admin.register(Profile)
class ProfileAdmin(History):
    """That there is one. Phone, birth date, SSN and address are not for this page."""

    list_display = ["user", "created_at", "updated_at"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    fields = ["user", "created_at", "updated_at"]


@admin.register(Document)
class DocumentAdmin(History):
    list_display = ["upload_date", "user", "document_type", "verification_status", "validation_score", "verified_by"]
    list_filter = ["verification_status", "document_type"]
    list_select_related = ["user", "verified_by"]
    search_fields = ["user__email"]
    exclude = ["document_number", "number_key", "file", "ocr_text"]


@admin.register(Case)
class CaseAdmin(History):
    list_display = ["opened_at", "user", "assigned_to", "decision", "decided_by", "decided_at"]
    list_filter = ["decision"]
    list_select_related = ["user", "assigned_to", "decided_by"]
    search_fields = ["user__email"]
