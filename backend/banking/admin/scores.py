"""What the loan model said: looked at, never changed."""

from django.contrib import admin

from backend.banking.admin.pages import Record
from backend.banking.models import LoanScore, RunScore, ScoringRun
from backend.common.adminpages import History


@admin.register(LoanScore)
class LoanScoreAdmin(Record):
    list_display = ["created_at", "account", "current_loan_amount", "term", "purpose", "prediction", "probability"]
    list_filter = ["risk_band", "prediction", "model_version", "created_at"]
    list_select_related = ["account"]
    search_fields = ["account__account_number", "purpose"]
    ordering = ["-id"]
    fieldsets = (
        (None, {"fields": ("account", "current_loan_amount", "term", "purpose", "created_at")}),
        ("Score", {"fields": ("prediction", "probability", "risk_band", "model_version", "outside")}),
        ("Why", {"fields": ("reasons", "told")}),
    )


@admin.register(ScoringRun)
class ScoringRunAdmin(Record):
    about = (("Its scores", "runscore", "run__id__exact"),)
    list_display = ["created_at", "bank", "state", "loans_done", "loans_total", "model_version", "finished_at"]
    list_filter = ["state", "ended_too", "created_at"]
    list_select_related = ["bank"]
    search_fields = ["=id", "bank__bank_name"]
    ordering = ["-created_at", "id"]
    fieldsets = (
        (None, {"fields": ("id", "bank", "state", "fault", "ended_too", "started_by", "more")}),
        ("Progress", {"fields": ("loans_done", "loans_total", "created_at", "touched_at", "finished_at")}),
        ("What it came to", {"fields": ("model_version", "summary")}),
    )


@admin.register(RunScore)
class RunScoreAdmin(History):
    list_display = ["id", "run", "loan", "prediction", "probability", "risk_band"]
    list_filter = ["risk_band", "prediction"]
    list_select_related = ["run", "loan"]
    search_fields = ["=loan__loan_id"]
    ordering = ["probability", "id"]
