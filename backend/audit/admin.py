"""The trail on the admin site: nobody edits it. Bank admins and auditors of the staff see it (K-24)."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from backend.audit import services as audit
from backend.audit.models import AuditLog, SecurityEvent
from backend.common.admin_pages import History, acting, each
from backend.common.principal import AUDITOR, BANK_ADMIN


@admin.register(AuditLog)
class AuditLogAdmin(History):
    view_roles = (BANK_ADMIN, AUDITOR)
    list_display = ["at", "action", "actor_id", "target_type", "target_id", "ip_address"]
    list_filter = ["action", "at"]
    search_fields = ["=actor_id", "=target_id", "action"]
    search_help_text = "An action, or the id of whoever acted or what was acted on."


@admin.register(SecurityEvent)
class SecurityEventAdmin(History):
    view_roles = (BANK_ADMIN, AUDITOR)
    list_display = ["created_at", "severity", "event_type", "description", "user_id", "ip_address", "resolved"]
    list_filter = ["resolved", "severity", "event_type", "created_at"]
    search_fields = ["=user_id", "description"]
    search_help_text = "The id of whom it concerns, or words of the description."
    actions = ["resolve"]

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser or acting(request).has_role(BANK_ADMIN)

    @admin.action(description="Mark as dealt with", permissions=["resolve"])
    def resolve(self, request: HttpRequest, queryset: "QuerySet[SecurityEvent]") -> None:
        def act(event: Any) -> None:
            audit.resolve_security_event(actor=acting(request), event_id=event.pk)

        each(self, request, queryset.filter(resolved=False), act, "Marked as dealt with")
