"""Transfers and plans: what people sent and mean to send. Fraud's desk decides about held ones, nobody here."""

from django.contrib import admin

from backend.banking.admin.pages import Record
from backend.banking.models import Schedule, Transfer


@admin.register(Transfer)
class TransferAdmin(Record):
    list_display = ["created_at", "source", "target", "amount", "currency", "state", "reason", "booked_on", "is_own"]
    list_filter = ["state", "reason", "is_own", "is_confirmed", "booked_on"]
    list_select_related = ["source", "target"]
    search_fields = ["=id", "source__account_number", "target__account_number", "=posting__id"]
    search_help_text = "An id, the number of either account, or a posting's."
    ordering = ["-created_at", "id"]
    fieldsets = (
        (None, {"fields": ("id", "source", "target", "amount", "currency", "state", "reason")}),
        ("Words", {"fields": ("payee_name", "memo")}),
        ("Rows behind it", {"fields": ("posting", "hold", "assessment", "schedule", "due_on")}),
        (
            "Record",
            {"fields": ("booked_on", "is_own", "is_confirmed", "actor_id", "created_at", "decided_at")},
        ),
    )


@admin.register(Schedule)
class ScheduleAdmin(Record):
    list_display = ["created_at", "source", "target", "amount", "currency", "rhythm", "state", "due_on", "failure"]
    list_filter = ["state", "rhythm", "failure", "due_on"]
    list_select_related = ["source", "target"]
    search_fields = ["=id", "source__account_number", "target__account_number"]
    search_help_text = "An id, or the number of either account."
    ordering = ["-created_at", "id"]
    about = (("Transfers", "transfer", "schedule__id__exact"),)
    fieldsets = (
        (None, {"fields": ("id", "source", "target", "amount", "currency", "state", "more")}),
        ("Days", {"fields": ("rhythm", "starts_on", "ends_on", "position", "due_on", "due_at", "attempts", "failure")}),
        ("Words", {"fields": ("payee_name", "memo")}),
        ("Record", {"fields": ("actor_id", "created_at", "updated_at")}),
    )
