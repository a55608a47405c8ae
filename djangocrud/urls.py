"""Every route of the product. Each slice keeps its own list; this file only puts them together."""

from django.urls import include, path

from backend.common.index import Index, icon

urlpatterns = [
    path("", Index.as_view(), name="index"),
    path("favicon.ico", icon),
    path("", include("backend.notifications.api")),
    path("", include("backend.identity.api.urls")),
    path("", include("backend.kyc.api.urls")),
    path("", include("backend.fraud.api.urls")),
    path("", include("backend.support.api.urls")),
    path("", include("backend.catalog.api.urls")),
    path("", include("backend.budget.api.urls")),
    path("", include("backend.console.urls")),
    path("", include("backend.banking.api.urls")),
    path("", include("backend.assistant.api")),
    path("", include("backend.identity.adminsite.urls")),
    path("", include("backend.identity.honeypot")),
    path("", include("backend.identity.api.documents")),
]

handler400 = "backend.common.problems.bad_request"
handler403 = "backend.console.faults.forbidden"
handler404 = "backend.console.faults.not_found"
handler500 = "backend.console.faults.server_error"
