"""Customers, and the banks that registered them. Their profiles are changed by the banks' managers."""

from django.contrib import admin

from backend.banking.admin.pages import Record
from backend.banking.models import Customer, Registration
from backend.common.adminpages import History


@admin.register(Customer)
class CustomerAdmin(Record):
    list_display = ["name", "user", "city", "country", "credit_score", "home_ownership", "created_at"]
    list_filter = [("user", admin.EmptyFieldListFilter), "home_ownership", "years_in_current_job", "created_at"]
    list_select_related = ["user"]
    search_fields = ["first_name", "last_name", "user__email", "=customer_id"]
    search_help_text = "A name, the signed-up person's e-mail address, or an id."
    ordering = ["-created_at", "customer_id"]
    about = (
        ("Banks", "registration", "customer__customer_id__exact"),
        ("Accounts", "account", "customer__customer_id__exact"),
    )
    fieldsets = (
        (None, {"fields": ("customer_id", "first_name", "last_name", "user", "joined_at", "more")}),
        ("Address", {"fields": ("phone", "address", "city", "state", "zip_code", "country")}),
        (
            "Credit profile",
            {
                "fields": (
                    *("credit_score", "annual_income", "years_in_current_job", "home_ownership"),
                    *("years_of_credit_history", "number_of_open_accounts", "number_of_credit_problems"),
                    *("bankruptcies", "tax_liens"),
                )
            },
        ),
    )


@admin.register(Registration)
class RegistrationAdmin(History):
    list_display = ["bank", "customer", "registered_at"]
    list_filter = ["registered_at"]
    list_select_related = ["bank", "customer"]
    search_fields = ["bank__bank_name", "customer__first_name", "customer__last_name", "=customer__customer_id"]
    ordering = ["-registered_at", "-id"]
