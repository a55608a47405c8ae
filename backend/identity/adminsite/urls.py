"""Where the admin site is, and `/grappelli/`, which leads there (K-40).

Grappelli's own views are kept behind the site's door and one step further. Its look-ups answer any member of the staff
about any row of any table, filtered by any column; ours answer only whoever may see that table, and filter by nothing.
Its switching of users would pass by audit and second factor: it is not mounted.
"""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.generic import RedirectView
from grappelli.views.related import AutocompleteLookup, M2MLookup, RelatedLookup


def for_whoever_sees_it(lookup: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a look-up answer about tables that its caller has a page for. Raises: PermissionDenied."""

    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = request.GET.copy()
        asked.pop("query_string", None)
        asked.pop("to_field", None)
        request.GET = asked  # type: ignore[assignment]
        try:
            model = apps.get_model(asked.get("app_label", ""), asked.get("model_name", ""))
        except (LookupError, ValueError):
            raise PermissionDenied from None
        page = admin.site._registry.get(model)
        if page is None or not page.has_view_permission(request):
            raise PermissionDenied
        return lookup(request, *args, **kwargs)

    return admin.site.admin_view(guarded)


urlpatterns = [
    path(f"{settings.ADMIN_URL}/", admin.site.urls),
    path("grappelli/", RedirectView.as_view(pattern_name="admin:index"), name="grappelli"),
    path("grappelli/lookup/related/", for_whoever_sees_it(RelatedLookup.as_view()), name="grp_related_lookup"),
    path("grappelli/lookup/m2m/", for_whoever_sees_it(M2MLookup.as_view()), name="grp_m2m_lookup"),
    path(
        "grappelli/lookup/autocomplete/",
        for_whoever_sees_it(AutocompleteLookup.as_view()),
        name="grp_autocomplete_lookup",
    ),
]
