"""What the admin pages of all slices have in common (design.md section 10, K-39)."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from backend.common.errors import DomainError
from backend.common.unit_of_work import unit_of_work


class ThroughServices(admin.ModelAdmin):
    """Saving is one unit of work, so that services take part in it; a rule that says no becomes a message."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            with unit_of_work():
                return super().changeform_view(request, *args, **kwargs)
        except DomainError as fault:
            self.message_user(request, fault.detail, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What others refer to is switched off, and stays."""
        return False
