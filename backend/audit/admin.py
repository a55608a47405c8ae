"""The trail on the admin site: nobody edits it. Bank admins and auditors of the staff see it (K-24)."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from backend.audit import services as audit
from backend.audit.models import AuditLog, AuditSeal, SecurityEvent
from backend.common.adminpages import History, acting, each
from backend.common.principal import AUDITOR, BANK_ADMIN


def person(user_id: int | None) -> str:
    """Return a link to the person's page, by their number: the trail knows no names."""
    if user_id is None:
        return "-"
    page = "admin:{}_{}_change".format(*settings.AUTH_USER_MODEL.lower().split("."))
    return format_html('<a href="{}">{}</a>', reverse(page, args=[user_id]), user_id)


@admin.register(AuditLog)
class AuditLogAdmin(History):
    """Rows without their personal values: who may see those asks by REST, where it is recorded."""

    view_roles = (BANK_ADMIN, AUDITOR)
    list_display = ["at", "action", "actor", "target_type", "target_id", "ip_address"]
    list_filter = ["action_type", "at"]
    search_fields = ["=actor_id", "=subject_id", "=target_id", "^action"]
    search_help_text = "An action, or the id of whoever acted or what was acted on."
    exclude = ["detail_hash", "digest", "xid", "key"]

    @admin.display(description="Actor", ordering="actor_id")
    def actor(self, row: AuditLog) -> str:
        return person(row.actor_id)


@admin.register(AuditSeal)
class AuditSealAdmin(History):
    """How far the trail is sealed; `manage.py verify_audit` says whether it proves out."""

    view_roles = (AUDITOR,)
    list_display = ["seq", "row_id", "key"]
    search_fields = ["=seq", "=row_id"]
    ordering = ["-seq"]
    exclude = ["leaf", "link", "mac"]


@admin.register(SecurityEvent)
class SecurityEventAdmin(History):
    view_roles = (BANK_ADMIN, AUDITOR)
    list_display = ["created_at", "severity", "event_type", "description", "whom", "ip_address", "resolved"]
    list_filter = ["resolved", "severity", "event_type", "created_at"]
    search_fields = ["=user_id", "description"]
    search_help_text = "The id of whom it concerns, or words of the description."
    actions = ["resolve"]

    @admin.display(description="Whom it concerns", ordering="user_id")
    def whom(self, event: SecurityEvent) -> str:
        return person(event.user_id)

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser or acting(request).has_role(BANK_ADMIN)

    @admin.action(description="Mark as dealt with", permissions=["resolve"])
    def resolve(self, request: HttpRequest, queryset: "QuerySet[SecurityEvent]") -> None:
        def act(event: Any) -> None:
            audit.resolve_security_event(actor=acting(request), event_id=event.pk)

        each(self, request, queryset.filter(resolved=False), act, "Marked as dealt with")
