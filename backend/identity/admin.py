"""The admin pages of this slice: API keys, roles and who holds them, sessions and the logs to look at."""

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from rest_framework_api_key.admin import APIKeyModelAdmin
from rest_framework_api_key.models import APIKey

from backend.identity.models import KeyGrant, LoginLog, Role, Session, User, UserRole
from backend.identity.services import roles

admin.site.unregister(APIKey)


class GrantInline(admin.StackedInline):
    model = KeyGrant
    fields = ["scopes"]
    extra = 0


@admin.register(APIKey)
class ApiKeyAdmin(APIKeyModelAdmin):
    """The key itself is shown once, in the message after saving."""

    inlines = [GrantInline]


@admin.register(Role)
class RoleAdmin(admin.ModelAdmin):
    list_display = ["name", "description", "is_active", "created_at"]
    search_fields = ["name", "description"]
    readonly_fields = ["created_at"]


@admin.register(UserRole)
class UserRoleAdmin(admin.ModelAdmin):
    """Giving and withdrawing a role go through the services, so that they are audited and take effect at once."""

    list_display = ["user", "role", "is_active", "assigned_by", "assigned_at"]
    list_filter = ["role", "is_active"]
    list_select_related = ["user", "role", "assigned_by"]
    search_fields = ["user__email"]
    autocomplete_fields = ["user"]
    fields = ["user", "role", "is_active"]

    def save_model(self, request: HttpRequest, obj: UserRole, form: ModelForm, change: bool) -> None:
        giver = User.objects.get(pk=request.user.pk)
        if form.cleaned_data.get("is_active", True):
            held = roles.assign_role(user=obj.user, name=obj.role.name, assigned_by=giver)
        else:
            roles.withdraw_role(user=obj.user, name=obj.role.name, withdrawn_by=giver)
            held = UserRole.objects.get(user=obj.user, role=obj.role)
        obj.pk = held.pk

    def get_readonly_fields(self, request: HttpRequest, obj: UserRole | None = None) -> list[str]:
        return ["user", "role"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    list_display = ["email", "username", "first_name", "is_active", "is_staff"]
    list_filter = ["is_active", "is_staff", "is_superuser", "kyc_status"]
    search_fields = ["email", "username", "first_name"]
    ordering = ["date_joined"]
    exclude = ["password", "groups", "user_permissions", "auth_version"]
    readonly_fields = ["customer_id", "last_login", "last_login_ip", "date_joined", "updated_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


class ReadOnlyAdmin(admin.ModelAdmin):
    """History: to be looked at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = ["user", "door", "name", "created_at", "seen_at", "revoked_at", "revoked_reason"]
    list_filter = ["door", "revoked_reason"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    exclude = ["refresh_jti", "previous_jti", "token_hash"]


@admin.register(LoginLog)
class LoginLogAdmin(ReadOnlyAdmin):
    list_display = ["at", "user", "platform_os", "ip_address", "successful", "description"]
    list_filter = ["successful"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
