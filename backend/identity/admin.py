"""The admin pages of this slice: API keys, roles and who holds them, sessions and the logs to look at."""

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from rest_framework_api_key.admin import APIKeyModelAdmin
from rest_framework_api_key.models import AbstractAPIKey, APIKey

from backend.audit import services as audit
from backend.common.adminpages import ThroughServices
from backend.identity.models import KeyGrant, LoginLog, Role, Session, User, UserRole
from backend.identity.principals import principal_of
from backend.identity.services import roles, users

admin.site.unregister(APIKey)


class GrantInline(admin.StackedInline):
    model = KeyGrant
    fields = ["scopes"]
    extra = 0


@admin.register(APIKey)
class ApiKeyAdmin(ThroughServices, APIKeyModelAdmin):
    """The key itself is shown once, in the message after saving."""

    inlines = [GrantInline]

    def save_model(self, request: HttpRequest, obj: AbstractAPIKey, form: Any = None, change: bool = False) -> None:
        super().save_model(request, obj, form, change)
        facts = {"prefix": obj.prefix, "fields": sorted(form.changed_data)}
        action = "api_key.changed" if change else "api_key.created"
        audit.record(actor_id=request.user.pk, action=action, facts=facts)


@admin.register(Role)
class RoleAdmin(ThroughServices):
    list_display = ["name", "description", "is_active", "created_at"]
    search_fields = ["name", "description"]
    readonly_fields = ["created_at"]

    def save_model(self, request: HttpRequest, obj: Role, form: ModelForm, change: bool) -> None:
        roles.change_role(role=obj, changed_by=_acting(request), fields=form.changed_data)


@admin.register(UserRole)
class UserRoleAdmin(ThroughServices):
    """Giving and withdrawing a role go through the services, so that they are audited and take effect at once."""

    list_display = ["user", "role", "is_active", "assigned_by", "assigned_at"]
    list_filter = ["role", "is_active"]
    list_select_related = ["user", "role", "assigned_by"]
    search_fields = ["user__email"]
    autocomplete_fields = ["user"]
    fields = ["user", "role", "is_active"]

    def save_model(self, request: HttpRequest, obj: UserRole, form: ModelForm, change: bool) -> None:
        giver = _acting(request)
        if form.cleaned_data.get("is_active", True):
            held = roles.assign_role(user=obj.user, name=obj.role.name, assigned_by=giver)
        else:
            roles.withdraw_role(user=obj.user, name=obj.role.name, withdrawn_by=giver)
            held = UserRole.objects.get(user=obj.user, role=obj.role)
        obj.pk = held.pk

    def get_readonly_fields(self, request: HttpRequest, obj: UserRole | None = None) -> list[str]:
        return ["user", "role"] if obj else []


@admin.register(User)
class UserAdmin(ThroughServices):
    """Who somebody is and what their flags are. KYC state, risk and password change where their rules are."""

    list_display = ["email", "username", "first_name", "is_active", "is_staff"]
    list_filter = ["is_active", "is_staff", "is_superuser", "kyc_status"]
    search_fields = ["email", "username", "first_name"]
    ordering = ["date_joined"]
    fields = (
        *("email", "first_name", "last_name", "is_active", "is_staff", "is_superuser"),
        *("username", "name", "phone_number", "customer_id", "kyc_status", "risk_profile", "is_account_verified"),
        *("last_login", "last_login_ip", "date_joined", "updated_at"),
    )
    readonly_fields = fields[6:]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        if changes:
            users.update_user(actor=principal_of(_acting(request)), user_id=obj.pk, changes=changes)


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


def _acting(request: HttpRequest) -> User:
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - the site lets nobody else in
    return user
