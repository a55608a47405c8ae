"""Changes of rules, whom they reached, and the archives that people asked for."""

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest

from backend.common.adminpages import History, ThroughServices, acting
from backend.identity.models import PersonExport, RuleChange, RuleNotice
from backend.identity.services import rules

NEW = ("key", "title", "text", "affects", "effective_on")


@admin.register(RuleChange)
class RuleChangeAdmin(ThroughServices):
    """Saving a new one announces it: those whom it affects are told at once, so it is not changed afterwards."""

    list_display = ["title", "key", "version", "affects", "effective_on", "announced_at", "told_at"]
    list_filter = ["affects", "effective_on"]
    search_fields = ["key", "title"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: RuleChange | None = None) -> Any:
        return [*NEW, *(["version", "announced_at", "announced_by", "told_at"] if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: RuleChange | None = None) -> Any:
        return self.get_fields(request, obj) if obj else []

    def save_model(self, request: HttpRequest, obj: RuleChange, form: ModelForm, change: bool) -> None:
        made = rules.announce(actor=acting(request), **form.cleaned_data)
        obj.pk, obj.version = made.pk, made.version


@admin.register(RuleNotice)
class RuleNoticeAdmin(History):
    list_display = ["change", "user", "told_at", "mailed_at", "acknowledged_at"]
    list_filter = [("acknowledged_at", admin.EmptyFieldListFilter), "told_at"]
    list_select_related = ["change", "user"]
    search_fields = ["user__email", "change__key"]


@admin.register(PersonExport)
class PersonExportAdmin(History):
    """Who asked for their data, and whether they got it. What was in it nobody sees here."""

    list_display = ["user", "state", "asked_at", "finished_at", "fetched_at", "attempts"]
    list_filter = ["state", "asked_at"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    exclude = ["file"]
