"""Files on their way into the books: how far they are, and what did not fit. Rows that wait are parts of a load."""

from django.contrib import admin

from backend.banking.admin.pages import Lines, Record
from backend.banking.models import Load, LoadLine, LoadPart, LoadRow
from backend.common.adminpages import History


class PartLines(Lines):
    model = LoadPart
    show_change_link = False
    fields = readonly_fields = (
        *("phase", "number", "is_done", "rows_good", "rows_bad", "rows_blank", "line", "position", "end", "tries"),
        "touched_at",
    )


@admin.register(Load)
class LoadAdmin(Record):
    list_display = ["created_at", "kind", "name", "bank", "state", "size", "key_prefix", "finished_at", "fault"]
    list_filter = ["kind", "state", "created_at"]
    list_select_related = ["bank"]
    search_fields = ["=id", "name", "=sha256", "=key_prefix", "bank__bank_name"]
    ordering = ["-created_at", "id"]
    inlines = [PartLines]
    about = (("Bad lines", "loadline", "owner__id__exact"),)
    fieldsets = (
        (None, {"fields": ("id", "kind", "bank", "state", "fault", "more")}),
        ("File", {"fields": ("name", "size", "sha256", "options")}),
        ("Record", {"fields": ("key_prefix", "created_at", "finished_at")}),
    )


@admin.register(LoadPart)
class LoadPartAdmin(History):
    list_display = ["owner", "phase", "number", "is_done", "rows_good", "rows_bad", "tries", "touched_at"]
    list_filter = ["phase", "is_done"]
    list_select_related = ["owner"]
    search_fields = ["=owner__id", "owner__name"]
    ordering = ["-id"]


@admin.register(LoadLine)
class LoadLineAdmin(History):
    list_display = ["owner", "line", "fault"]
    list_select_related = ["owner"]
    search_fields = ["=owner__id", "=line"]
    ordering = ["-id"]


@admin.register(LoadRow)
class LoadRowAdmin(History):
    list_display = ["load", "bucket", "line", "external_id", "credit_line", "preapproved_at"]
    search_fields = ["=load", "=external_id"]
    ordering = ["-id"]
