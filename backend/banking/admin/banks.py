"""Banks, who manages them beside their first managers, and which partner keys are theirs."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from backend.banking.admin.pages import Linked
from backend.banking.models import Bank, BankGrant, PartnerKey
from backend.banking.services import banks, grants
from backend.common.adminpages import History, ThroughServices, acting, each

# Only the words on this site; in the model they would cost a migration that changes nothing.
BankGrant._meta.verbose_name = "further manager"
PartnerKey._meta.verbose_name = "partner's key"


@admin.register(Bank)
class BankAdmin(Linked, ThroughServices):
    """A bank. Whoever is put in as its manager sees what is in it from their next request on (BUG-S0-18)."""

    list_display = ["bank_name", "manager", "city", "country", "currency", "time_zone", "created_at"]
    list_filter = ["currency", "country", ("manager", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["manager"]
    search_fields = ["bank_name", "city", "=bank_id", "manager__email"]
    search_help_text = "A name, a city, an id, or the first manager's e-mail address."
    raw_id_fields = ["manager"]
    ordering = ["bank_name", "bank_id"]
    about = (
        ("Customers", "registration", "bank__bank_id__exact"),
        ("Accounts", "account", "bank__bank_id__exact"),
        ("Loans", "loan", "bank__bank_id__exact"),
        ("Postings", "posting", "bank__bank_id__exact"),
        ("Further managers", "bankgrant", "content_object__bank_id__exact"),
    )
    fieldsets = (
        (None, {"fields": ("bank_name", "manager")}),
        ("Address", {"fields": ("address", "city", "state", "zip_code", "country")}),
        ("Books", {"fields": ("currency", "time_zone")}),
        ("Record", {"fields": ("bank_id", "created_at", "more")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else self.fieldsets[:3]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("bank_id", "created_at", "more") if obj else ()

    def save_model(self, request: HttpRequest, obj: Bank, form: ModelForm, change: bool) -> None:
        actor, given = acting(request), dict(form.cleaned_data)
        manager = given.pop("manager")
        manager_id = manager.pk if manager else None
        if not change:
            obj.pk = banks.found_bank(actor=actor, manager_id=manager_id, fields=given).pk
            return
        changes = {name: given[name] for name in form.changed_data if name in given}
        banks.change_bank(actor=actor, bank_id=obj.pk, changes=changes)
        if "manager" in form.changed_data:
            banks.hand_over_bank(actor=actor, bank_id=obj.pk, user_id=manager_id)


@admin.register(BankGrant)
class BankGrantAdmin(History):
    """Who manages a bank by a grant of its first manager."""

    list_display = ["content_object", "user", "permission"]
    list_select_related = ["content_object", "user", "permission__content_type"]
    search_fields = ["user__email", "content_object__bank_name", "=content_object__bank_id"]
    ordering = ["-id"]
    actions = ["withdraw"]

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    @admin.action(description="Withdraw", permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[BankGrant]) -> None:
        actor = acting(request)

        def act(grant: BankGrant) -> None:
            grants.remove_manager(actor=actor, bank_id=grant.content_object_id, user_id=grant.user_id)

        each(self, request, queryset, act, "Withdrawn")


@admin.register(PartnerKey)
class PartnerKeyAdmin(History):
    list_display = ["api_key", "bank"]
    list_select_related = ["api_key", "bank"]
    search_fields = ["api_key__name", "api_key__prefix", "bank__bank_name"]
    ordering = ["api_key"]
