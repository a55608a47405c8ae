"""What the pages of banking share."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from backend.common.adminpages import History


class Lines(admin.TabularInline):
    """Rows that belong to the one shown: to be looked at."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Linked:
    """A page that leads to the rows of other models that are about its row: (words, model, filter)."""

    about: ClassVar[tuple[tuple[str, str, str], ...]] = ()

    @admin.display(description="More")
    def more(self, row: Model) -> SafeString:
        links = (
            (f"{reverse(f'admin:banking_{model}_changelist')}?{find}={row.pk}", words)
            for words, model, find in self.about
        )
        return format_html_join(" · ", '<a href="{}">{}</a>', links)


class Record(Linked, History):
    """A page whose fields stand in groups, all of them to be looked at."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return flatten_fieldsets(self.get_fieldsets(request, obj))
