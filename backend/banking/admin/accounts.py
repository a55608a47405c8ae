"""Accounts and what is held on them. Both change only by the ledger and by those who own or manage the account."""

from django.contrib import admin

from backend.banking.admin.pages import Record
from backend.banking.models import Account, Hold
from backend.common.adminpages import History


@admin.register(Account)
class AccountAdmin(Record):
    list_display = ["account_number", "bank", "customer", "currency", "balance", "held", "status", "date_opened"]
    list_filter = ["status", "currency", ("credit_line", admin.EmptyFieldListFilter), "date_opened"]
    list_select_related = ["bank", "customer"]
    search_fields = ["account_number", "=account_id", "=external_id", "customer__last_name", "bank__bank_name"]
    search_help_text = "A number, an id, a partner's id, a last name, or a bank."
    ordering = ["-created_at", "account_id"]
    about = (
        ("Ledger", "entry", "account__account_id__exact"),
        ("Holds", "hold", "account__account_id__exact"),
        ("Loans", "loan", "account__account_id__exact"),
        ("Payments", "payment", "account__account_id__exact"),
    )
    fieldsets = (
        (None, {"fields": ("account_id", "account_number", "bank", "customer", "status", "date_opened", "more")}),
        ("Money", {"fields": ("currency", "balance", "held")}),
        ("Partner", {"fields": ("external_id", "credit_line", "preapproved_at")}),
        (
            "Credit facts",
            {
                "fields": (
                    *("monthly_debt", "current_credit_balance", "maximum_open_credit"),
                    "months_since_last_delinquent",
                )
            },
        ),
        ("Record", {"fields": ("created_at", "updated_at")}),
    )


@admin.register(Hold)
class HoldAdmin(History):
    list_display = ["created_at", "account", "amount", "state", "reason", "expires_at", "decided_at"]
    list_filter = ["state", "created_at"]
    list_select_related = ["account"]
    search_fields = ["account__account_number", "=account__account_id", "=id"]
    ordering = ["-created_at", "id"]
