"""Which bank a partner's key works for; where its webhooks go, and how telling them went."""

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest

from backend.banking.admin.pages import Record
from backend.banking.models import PartnerKey, WebhookDelivery, WebhookEndpoint
from backend.banking.services import partner_keys
from backend.common.adminpages import ThroughServices, acting

# Only the words on this site; in the model they would cost a migration that changes nothing.
PartnerKey._meta.verbose_name = "partner's key"


@admin.register(PartnerKey)
class PartnerKeyAdmin(ThroughServices):
    """A key that is not here works for `PARTNER_DEFAULT_BANK`."""

    list_display = ["api_key", "bank"]
    list_select_related = ["api_key", "bank"]
    search_fields = ["api_key__name", "api_key__prefix", "bank__bank_name"]
    search_help_text = "A key's name or prefix, or a bank's name."
    raw_id_fields = ["api_key", "bank"]
    ordering = ["api_key"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("api_key",) if obj else ()

    def save_model(self, request: HttpRequest, obj: PartnerKey, form: ModelForm, change: bool) -> None:
        partner_keys.bind_key(actor=acting(request), api_key_id=obj.api_key_id, bank_id=obj.bank_id)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(Record):
    """Partners and managers change these (`/api/webhooks/`); their secrets are shown nowhere."""

    list_display = ["url", "bank", "is_active", "disabled_reason", "failing_since", "created_at"]
    list_filter = ["disabled_reason", ("failing_since", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["bank"]
    search_fields = ["url", "=id", "bank__bank_name", "=bank__bank_id"]
    search_help_text = "An address, an id, or a bank's name or id."
    ordering = ["-created_at", "id"]
    about = (("Deliveries", "webhookdelivery", "endpoint__id__exact"),)
    fieldsets = (
        (None, {"fields": ("url", "bank", "description", "kinds")}),
        ("State", {"fields": ("disabled_at", "disabled_reason", "failing_since", "rests_until")}),
        ("Record", {"fields": ("id", "created_by", "created_at", "updated_at", "old_secret_until", "more")}),
    )

    @admin.display(boolean=True, description="Active")
    def is_active(self, endpoint: WebhookEndpoint) -> bool:
        return endpoint.is_active


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(Record):
    list_display = ["id", "kind", "endpoint", "state", "attempts", "due_at", "last_status", "last_fault"]
    list_filter = ["state", "last_fault", "created_at"]
    list_select_related = ["endpoint", "message"]
    search_fields = ["=message__id", "endpoint__url", "=endpoint__id"]
    search_help_text = "A message's id, or an endpoint's address or id."
    ordering = ["-id"]
    fieldsets = (
        (None, {"fields": ("kind", "message", "endpoint", "state")}),
        ("Tries", {"fields": ("attempts", "due_at", "last_at", "last_status", "last_fault")}),
        ("Record", {"fields": ("created_at",)}),
    )

    @admin.display(description="Kind")
    def kind(self, delivery: WebhookDelivery) -> str:
        return delivery.message.kind
