"""Loans, and what was paid on them (S4-O8): no payment and no part of one is changed or deleted."""

from django.contrib import admin

from backend.banking.admin.pages import Lines, Record
from backend.banking.models import Loan, Payment, PaymentDetail
from backend.common.adminpages import History


@admin.register(Loan)
class LoanAdmin(Record):
    list_display = [
        *("loan_id", "bank", "account", "current_loan_amount", "outstanding", "currency", "state", "recorded", "door"),
        *("term", "purpose", "created_at"),
    ]
    list_filter = ["state", "recorded", "door", "term", "created_at"]
    list_select_related = ["bank", "account"]
    search_fields = ["=loan_id", "=external_id", "account__account_number", "purpose"]
    ordering = ["-created_at", "loan_id"]
    about = (("Payments", "paymentdetail", "loan__loan_id__exact"),)
    fieldsets = (
        (None, {"fields": ("loan_id", "bank", "account", "door", "state", "recorded", "loan_status", "more")}),
        ("Money", {"fields": ("current_loan_amount", "outstanding", "currency")}),
        ("Terms", {"fields": ("term", "purpose", "contract_version", "maximum_payment_date")}),
        ("Record", {"fields": ("external_id", "taken_at", "created_at", "updated_at")}),
    )


class DetailLines(Lines):
    model = PaymentDetail
    fields = readonly_fields = ("loan", "amount")


@admin.register(Payment)
class PaymentAdmin(History):
    list_display = ["created_at", "bank", "account", "total_amount", "currency", "status", "external_id", "paid_at"]
    list_filter = ["status", "created_at"]
    list_select_related = ["bank", "account"]
    search_fields = ["=id", "=external_id", "account__account_number"]
    ordering = ["-created_at", "id"]
    inlines = [DetailLines]


@admin.register(PaymentDetail)
class PaymentDetailAdmin(History):
    list_display = ["payment", "loan", "amount"]
    list_select_related = ["payment", "loan"]
    search_fields = ["=payment__id", "=loan__loan_id"]
    ordering = ["-id"]
