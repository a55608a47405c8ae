"""Chats and who answers them, on the admin site: when and who, never what was said."""

from django.contrib import admin

from backend.common.adminpages import History
from backend.support.models import AgentStatus, Attachment, CannedReply, Chat, ChatGrant, Handover, Label, Rating

# Only the words on this site; in the model they would cost a migration that changes nothing.
AgentStatus._meta.verbose_name_plural = "agents"
CannedReply._meta.verbose_name_plural = "canned replies"


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


@admin.register(ChatGrant)
class ChatGrantAdmin(History):
    """Supervisors and second agents: who takes part in whose chat."""

    list_display = ["content_object", "user", "permission"]
    list_select_related = ["content_object", "user", "permission__content_type"]
    search_fields = ["user__email", "=content_object__id"]
    ordering = ["-id"]


@admin.register(Handover)
class HandoverAdmin(History):
    list_display = ["at", "chat", "from_agent", "to_agent"]
    list_filter = ["at"]
    list_select_related = ["chat"]
    search_fields = ["=chat__id", "=from_agent", "=to_agent"]
    ordering = ["-at", "-id"]


@admin.register(Attachment)
class AttachmentAdmin(History):
    """Which files were sent, and by whom. Their bytes are for the members of the chat."""

    list_display = ["created_at", "chat", "uploader", "content_type", "seq", "withdrawn_at"]
    list_filter = ["content_type", "created_at"]
    list_select_related = ["chat", "uploader"]
    search_fields = ["uploader__email", "=chat__id"]
    ordering = ["-created_at", "id"]
    exclude = ["name"]


@admin.register(CannedReply)
class CannedReplyAdmin(History):
    list_display = ["shortcut", "owner", "text", "changed_at"]
    list_select_related = ["owner"]
    search_fields = ["shortcut", "text"]


@admin.register(Label)
class LabelAdmin(History):
    list_display = ["name", "colour", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name"]


@admin.register(Rating)
class RatingAdmin(History):
    list_display = ["created_at", "chat", "stars", "changed_at"]
    list_filter = ["stars", "created_at"]
    list_select_related = ["chat"]
    ordering = ["-created_at"]
    exclude = ["comment"]
