"""API keys and roles, and who holds them."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.forms import ModelForm
from django.http import HttpRequest
from rest_framework_api_key.admin import APIKeyModelAdmin
from rest_framework_api_key.models import AbstractAPIKey, APIKey

from backend.audit import services as audit
from backend.common.adminpages import ThroughServices
from backend.identity.admin.people import acting_user
from backend.identity.models import KeyGrant, Role, UserRole
from backend.identity.services import roles

admin.site.unregister(APIKey)
admin.site.unregister(Group)  # Roles say what people may do; a second set of rights would only hide who may what.


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
    list_filter = ["is_active"]
    search_fields = ["name", "description"]
    readonly_fields = ["created_at"]

    def save_model(self, request: HttpRequest, obj: Role, form: ModelForm, change: bool) -> None:
        roles.change_role(role=obj, changed_by=acting_user(request), fields=form.changed_data)


@admin.register(UserRole)
class UserRoleAdmin(ThroughServices):
    """Giving and withdrawing a role go through the services, so that they are audited and take effect at once."""

    list_display = ["user", "role", "is_active", "assigned_by", "assigned_at"]
    list_filter = ["role", "is_active"]
    list_select_related = ["user", "role", "assigned_by"]
    search_fields = ["user__email"]
    autocomplete_fields = ["user"]
    fields = ["user", "role", "is_active"]
    ordering = ["-assigned_at", "-id"]

    def save_model(self, request: HttpRequest, obj: UserRole, form: ModelForm, change: bool) -> None:
        giver = acting_user(request)
        if form.cleaned_data.get("is_active", True):
            held = roles.assign_role(user=obj.user, name=obj.role.name, assigned_by=giver)
        else:
            roles.withdraw_role(user=obj.user, name=obj.role.name, withdrawn_by=giver)
            held = UserRole.objects.get(user=obj.user, role=obj.role)
        obj.pk = held.pk

    def get_readonly_fields(self, request: HttpRequest, obj: UserRole | None = None) -> list[str]:
        return ["user", "role"] if obj else []
