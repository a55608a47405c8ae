"""Alerts, verdicts and rules on the admin site: to be looked at. Deciding and publishing take two people, and have
their routes; a snooze can be ended here."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from backend.common.adminpages import History, acting, each
from backend.common.principal import AUDITOR, BANK_ADMIN
from backend.fraud.models import AlertNote, Assessment, DryRun, FraudAlert, RuleSet, Snooze
from backend.fraud.services import snoozes

READERS = (BANK_ADMIN, AUDITOR)


class NoteInline(admin.TabularInline):
    model = AlertNote
    fields = ["created_at", "author", "text"]
    readonly_fields = ["created_at", "author", "text"]
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertNote]:
        return super().get_queryset(request).select_related("author")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # Whoever may see the alert, which this stands on.


class NotAboutOneself(History):
    """Nobody sees here what is about themselves, either."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).exclude(user_id=acting(request).id)


@admin.register(FraudAlert)
class FraudAlertAdmin(NotAboutOneself):
    view_roles = READERS
    list_display = [
        *("alert_id", "created_at", "alert_type", "severity", "status", "risk_score", "is_held", "user", "claimed_by"),
    ]
    list_filter = ["status", "severity", "alert_type", "is_held", "label", "created_at"]
    list_select_related = ["user", "claimed_by"]
    search_fields = ["=alert_id", "=subject_id", "=account_number", "user__email"]
    inlines = [NoteInline]
    fieldsets = [
        (None, {"fields": ["alert_id", "alert_type", "severity", "status", "title", "description", "risk_score"]}),
        ("About", {"fields": ["user", "subject_kind", "subject_id", "account_number", "amount", "currency"]}),
        ("Money", {"fields": ["is_held", "hold_until", "assessment"]}),
        ("Time", {"fields": ["created_at", "last_seen_at", "repeats", "escalated_at"]}),
        ("Review", {"fields": ["claimed_by", "claimed_until", "proposed_verdict", "proposed_by", "proposed_at"]}),
        ("Decision", {"fields": ["decided_by", "decided_at", "reason", "label", "labelled_by", "labelled_at"]}),
    ]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for _, part in self.fieldsets or () for name in part["fields"]]


@admin.register(Assessment)
class AssessmentAdmin(NotAboutOneself):
    """Every verdict with its frozen inputs, as bytes that a replay compares."""

    view_roles = READERS
    list_display = ["at", "subject_kind", "subject_id", "amount", "currency", "score", "is_alert", "is_held"]
    list_filter = ["is_alert", "is_held", "at"]
    list_select_related = ["rule_set"]
    search_fields = ["=subject_id", "=account_number"]


@admin.register(RuleSet)
class RuleSetAdmin(History):
    view_roles = READERS
    list_display = ["version", "state", "note", "created_by", "published_by", "published_at", "retired_at"]
    list_filter = ["state"]
    list_select_related = ["created_by", "published_by"]
    search_fields = ["note"]


@admin.register(DryRun)
class DryRunAdmin(History):
    view_roles = READERS
    list_display = ["asked_at", "rule_set", "revision", "state", "asked_by", "finished_at"]
    list_filter = ["state"]
    list_select_related = ["rule_set", "asked_by"]
    search_fields = ["=rule_set__version"]


@admin.register(Snooze)
class SnoozeAdmin(History):
    view_roles = READERS
    list_display = ["rule", "account_id", "user", "created_by", "created_at", "until", "ended_at"]
    list_filter = ["rule", ("ended_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user", "created_by"]
    search_fields = ["=account_id", "user__email"]
    actions = ["end"]

    @admin.action(description="End now")
    def end(self, request: HttpRequest, chosen: QuerySet[Snooze]) -> None:
        each(
            self,
            request,
            chosen,
            lambda one: snoozes.end_snooze(actor=acting(request), snooze_id=one.pk),
            "Ended",
        )
