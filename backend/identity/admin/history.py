"""What happened at the doors and on this site; who is locked or kept out at the moment."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest

from backend.common.adminpages import History, acting, each
from backend.common.models import RateLimit
from backend.identity.models import LoginLog, Session, SignInCounter, TotpDevice
from backend.identity.services import desk


@admin.register(Session)
class SessionAdmin(History):
    list_display = ["user", "door", "name", "created_at", "seen_at", "revoked_at", "revoked_reason"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), "door", "revoked_reason", "created_at"]
    list_select_related = ["user"]
    search_fields = ["user__email", "=ip_address"]
    ordering = ["-created_at", "id"]
    exclude = ["refresh_jti", "previous_jti", "token_hash"]
    actions = ["end"]

    def has_end_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    @admin.action(description="End these sessions", permissions=["end"])
    def end(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        def act(session: Session) -> None:
            desk.end_session(actor=acting(request), session=session)

        each(self, request, queryset.filter(revoked_at=None), act, "Ended")


@admin.register(LoginLog)
class LoginLogAdmin(History):
    list_display = ["at", "user", "platform_os", "ip_address", "successful", "description"]
    list_filter = ["successful", "description", "at"]
    list_select_related = ["user"]
    search_fields = ["user__email", "=ip_address"]


@admin.register(TotpDevice)
class TotpDeviceAdmin(History):
    """Who has a second factor, and since when. Its secret is shown to nobody."""

    list_display = ["user", "name", "confirmed", "created_at", "confirmed_at"]
    list_filter = ["confirmed"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    ordering = ["-created_at"]
    fields = ["user", "name", "confirmed", "created_at", "confirmed_at", "key_version"]


@admin.register(SignInCounter)
class SignInCounterAdmin(History):
    """Failures in a row. A lock is lifted on the page of people."""

    list_display = ["key", "failures", "locked_until", "updated_at"]
    list_filter = [("locked_until", admin.EmptyFieldListFilter)]
    search_fields = ["key"]
    search_help_text = "user:<id>, or device:<id>: for one person."
    ordering = ["-updated_at"]


@admin.register(RateLimit)
class RateLimitAdmin(History):
    """Who went over a limit, and until when they are kept out."""

    list_display = ["endpoint", "identifier", "request_count", "is_blocked", "block_until", "window_start"]
    list_filter = ["is_blocked", "endpoint"]
    search_fields = ["identifier"]
    search_help_text = "ip:<address>, user:<id>, or key:<prefix>."
    ordering = ["-window_start", "-id"]
    actions = ["lift"]

    def has_lift_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    @admin.action(description="Lift these blocks", permissions=["lift"])
    def lift(self, request: HttpRequest, queryset: QuerySet[RateLimit]) -> None:
        def act(block: RateLimit) -> None:
            desk.lift_block(actor=acting(request), name=block.endpoint, identity=block.identifier)

        each(self, request, queryset.filter(is_blocked=True), act, "Lifted")


@admin.register(LogEntry)
class LogEntryAdmin(History):
    """What was done on this site, page by page; the audit log has the acts themselves."""

    list_display = ["action_time", "user", "content_type", "object_repr", "action_flag", "change"]
    list_filter = ["action_flag", "action_time"]
    list_select_related = ["user", "content_type"]
    search_fields = ["user__email", "object_repr"]

    @admin.display(description="Change")
    def change(self, entry: Any) -> str:
        return str(entry.get_change_message())
