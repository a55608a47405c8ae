"""Lending to people: what is offered, asked for, agreed and paid. Decided at the desk, looked at here."""

from typing import ClassVar

from django.contrib import admin

from backend.banking.admin.pages import Lines, Record
from backend.banking.models import Instalment, LoanApplication, LoanProduct, LoanTerms, Repayment
from backend.common.adminpages import History
from backend.common.principal import AUDITOR, BANK_ADMIN


class Desk:
    """Bank admins decide about these, auditors read them (selectors/lending.py)."""

    view_roles: ClassVar[tuple[str, ...]] = (BANK_ADMIN, AUDITOR)


@admin.register(LoanProduct)
class LoanProductAdmin(Desk, Record):
    list_display = [
        *("name", "bank", "currency", "annual_rate", "day_count", "amount_min", "amount_max", "months_min"),
        *("months_max", "is_open", "created_at"),
    ]
    list_filter = ["is_open", "day_count", "currency", "created_at"]
    list_select_related = ["bank"]
    search_fields = ["name", "=id", "bank__bank_name"]
    ordering = ["-created_at", "id"]
    about = (("Terms", "loanterms", "product__id__exact"),)
    fieldsets = (
        (None, {"fields": ("id", "name", "bank", "is_open", "created_at", "more")}),
        ("Lent", {"fields": ("currency", "amount_min", "amount_max", "months_min", "months_max")}),
        ("Terms", {"fields": ("annual_rate", "day_count", "grace_days", "charge_off_days")}),
    )


@admin.register(LoanApplication)
class LoanApplicationAdmin(Desk, Record):
    list_display = ["created_at", "bank", "account", "amount", "status", "decided_by", "decided_at"]
    list_filter = ["status", "created_at", "decided_at"]
    list_select_related = ["bank", "account", "loan", "decided_by", "score"]
    search_fields = ["=id", "=loan__loan_id", "account__account_number"]
    ordering = ["-created_at", "id"]
    fieldsets = (
        (None, {"fields": ("id", "loan", "account", "bank", "amount", "created_at")}),
        ("Decision", {"fields": ("status", "reason", "decided_by", "decided_at")}),
        ("Model", {"fields": ("score",)}),
    )

    @admin.display(description="Amount", ordering="loan__current_loan_amount")
    def amount(self, row: LoanApplication) -> str:
        return f"{row.loan.current_loan_amount} {row.loan.currency}"


class InstalmentLines(Lines):
    model = Instalment
    fields = readonly_fields = ("number", "due_on", "principal", "interest", "balance", "state", "repayment")


@admin.register(LoanTerms)
class LoanTermsAdmin(Desk, Record):
    list_display = [
        *("loan", "bank", "annual_rate", "apr", "day_count", "method", "months", "started_on", "next_due_on"),
        *("next_amount", "late_on"),
    ]
    list_filter = ["method", "day_count", "started_on", "next_due_on", "late_on"]
    list_select_related = ["loan", "bank"]
    search_fields = ["=loan__loan_id", "loan__account__account_number"]
    ordering = ["next_due_on", "loan"]
    about = (("Schedule", "instalment", "loan__loan_id__exact"), ("Repayments", "repayment", "loan__loan_id__exact"))
    fieldsets = (
        (None, {"fields": ("loan", "bank", "product", "more")}),
        ("Terms", {"fields": ("annual_rate", "apr", "day_count", "method", "months", "grace_days", "charge_off_days")}),
        (
            "Where it stands",
            {"fields": ("started_on", "interest_from", "level", "next_due_on", "next_amount", "late_on")},
        ),
        ("Told", {"fields": ("reminded_for", "missed_for", "late_told_on")}),
    )


@admin.register(Repayment)
class RepaymentAdmin(Desk, History):
    list_display = [
        *("created_at", "loan", "kind", "effect", "is_automatic", "principal", "interest", "outstanding", "on"),
    ]
    list_filter = ["kind", "is_automatic", "effect", "on"]
    list_select_related = ["loan"]
    search_fields = ["=id", "=loan__loan_id", "loan__account__account_number"]
    ordering = ["-created_at", "id"]
    inlines = [InstalmentLines]


@admin.register(Instalment)
class InstalmentAdmin(Desk, History):
    list_display = ["loan", "number", "due_on", "principal", "interest", "balance", "state"]
    list_filter = ["state", "due_on"]
    list_select_related = ["loan"]
    search_fields = ["=loan__loan_id", "loan__account__account_number"]
    ordering = ["-id"]
