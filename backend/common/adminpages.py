"""What the pages of the admin site have in common. Each slice registers its own in `admin.py`.

Superusers see every page; others of the staff only those that name one of their roles (`view_roles`). History is looked
at, never changed here; what is changed goes through services, so that it is audited and takes effect at once.
"""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from backend.common.errors import DomainError
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work


def acting(request: HttpRequest) -> Principal:
    """Return who is at the desk: the site (identity/adminsite/site.py) notes it before any page is shown."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


class Page(admin.ModelAdmin):
    """A page that costs the same for a thousand rows as for a million: bounded, and counted only once."""

    view_roles: ClassVar[tuple[str, ...]] = ()
    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if super().has_view_permission(request, obj):
            return True
        principal = getattr(request, "principal", None)  # Nobody's yet on the page that asks for the password.
        return principal is not None and principal.has_role(*self.view_roles)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What others refer to is switched off, and stays."""
        return False


class ThroughServices(Page):
    """Saving is one unit of work, so that services take part in it; a rule that says no becomes a message."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            with unit_of_work():
                return super().changeform_view(request, *args, **kwargs)
        except DomainError as fault:
            self.message_user(request, fault.detail, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())


class History(Page):
    """What happened: to be looked at, all of it but for what is named in `exclude`."""

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        hidden = {self.opts.pk.name, *(self.exclude or ())} - {"log_id"}
        return self.fields or [field.name for field in self.opts.concrete_fields if field.name not in hidden]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def each(page: Page, request: HttpRequest, rows: Any, act: Any, done: str) -> None:
    """Carry an action of a list out on each of the chosen rows, and say how it went. One that fails stops no other."""
    count = 0
    for row in rows:
        try:
            act(row)
        except DomainError as fault:
            page.message_user(request, f"{row}: {fault.detail}", messages.ERROR)
        else:
            count += 1
    if count:
        page.message_user(request, f"{done}: {count}.", messages.SUCCESS)
