"""What the assistant did and used, on the admin site: to be looked at. Never what was asked or answered."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from backend.assistant.models import AnswerPreference, AutomaticAnswer, Circuit, Spending, Tally
from backend.common.adminpages import History


@admin.register(AutomaticAnswer)
class AutomaticAnswerAdmin(History):
    list_display = ["chat", "state", "created_at", "ended_at", "attempts", "seq", "prompt"]
    list_filter = ["state", "prompt", "created_at"]
    list_select_related = ["chat"]
    search_fields = ["=chat__id", "chat__customer__email"]
    ordering = ["-created_at", "chat_id"]
    fieldsets = [
        (None, {"fields": ["chat", "state", "seq", "prompt"]}),
        ("Course", {"fields": ["attempts", "claimed_until", "created_at", "ended_at", "stopped_by"]}),
    ]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for _, part in self.fieldsets or () for name in part["fields"]]


@admin.register(Spending)
class SpendingAdmin(History):
    """What a person, or the whole house, used on a day."""

    list_display = ["day", "user", "questions", "tokens"]
    list_filter = [("user", admin.EmptyFieldListFilter), "day"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    ordering = ["-day", "-tokens", "id"]


@admin.register(Tally)
class TallyAdmin(History):
    list_display = ["day", "task", "outcome", "questions", "prompt_tokens", "answer_tokens", "cost", "milliseconds"]
    list_filter = ["task", "outcome", "day"]
    search_fields = ["task", "outcome"]
    ordering = ["-day", "task", "outcome"]


@admin.register(Circuit)
class CircuitAdmin(History):
    list_display = ["id", "failures", "opened_until", "trial_until"]


@admin.register(AnswerPreference)
class AnswerPreferenceAdmin(History):
    list_display = ["user", "automatic_answers"]
    list_filter = ["automatic_answers"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    ordering = ["user_id"]
