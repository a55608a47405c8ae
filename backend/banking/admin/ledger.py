"""The ledger: postings with their entries, and the banks' own accounts. Nothing here is ever changed."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from backend.banking.admin.pages import Lines, Record
from backend.banking.models import Entry, InternalAccount, LedgerFinding, Posting
from backend.common.adminpages import History

Entry._meta.verbose_name_plural = "entries"


class EntryLines(Lines):
    model = Entry
    fields = readonly_fields = ("bank", "account", "internal_account", "amount", "currency", "balance_after")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        return super().get_queryset(request).select_related("bank", "account", "internal_account")


@admin.register(Posting)
class PostingAdmin(History):
    list_display = ["id", "at", "bank", "kind", "booked_on", "memo", "reverses", "actor_id"]
    list_filter = ["kind", "booked_on"]
    list_select_related = ["bank", "reverses"]
    search_fields = ["=id", "memo", "bank__bank_name", "=actor_id"]
    ordering = ["-id"]
    inlines = [EntryLines]


@admin.register(Entry)
class EntryAdmin(History):
    list_display = ["id", "posting", "bank", "account", "internal_account", "amount", "currency", "balance_after"]
    list_filter = ["posting__kind"]
    list_select_related = ["posting", "bank", "account", "internal_account"]
    search_fields = ["=posting__id", "account__account_number"]
    ordering = ["-id"]


@admin.register(InternalAccount)
class InternalAccountAdmin(Record):
    list_display = ["bank", "kind", "currency"]
    list_filter = ["kind", "currency"]
    list_select_related = ["bank"]
    search_fields = ["bank__bank_name", "=bank__bank_id"]
    ordering = ["bank", "kind", "currency"]
    about = (("Entries", "entry", "internal_account__id__exact"),)
    fieldsets = ((None, {"fields": ("bank", "kind", "currency", "more")}),)


@admin.register(LedgerFinding)
class LedgerFindingAdmin(History):
    list_display = ["id", "kind", "subject", "words", "event_id", "found_at"]
    list_filter = ["kind"]
    search_fields = ["subject", "=event_id"]
    ordering = ["-id"]
