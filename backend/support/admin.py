"""Chats and who answers them, on the admin site: when and who, never what was said."""

from django.contrib import admin

from backend.common.admin_pages import History
from backend.support.models import AgentStatus, Chat


@admin.register(Chat)
class ChatAdmin(History):
    list_display = ["id", "customer", "admin", "created_at", "assigned_at", "closed_at"]
    list_filter = [("closed_at", admin.EmptyFieldListFilter), ("admin", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["customer", "admin"]
    search_fields = ["=id", "customer__email", "admin__email"]


@admin.register(AgentStatus)
class AgentStatusAdmin(History):
    list_display = ["user", "is_switched_on", "lease_until", "last_assigned_at"]
    list_filter = ["is_switched_on"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    ordering = ["user__email"]
