"""Every route of the product. Each slice keeps its own list; this file only puts them together."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from backend.common.index import Index

urlpatterns = [
    path("", Index.as_view(), name="index"),
    path("", include("backend.notifications.api")),
    path("", include("backend.identity.api.urls")),
    path("", include("backend.kyc.api.urls")),
    path("", include("backend.support.api.urls")),
    path("", include("backend.catalog.api.urls")),
    path("", include("backend.budget.api.urls")),
    path(f"{settings.ADMIN_URL}/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
]

handler400 = "backend.common.problems.bad_request"
handler403 = "backend.common.problems.forbidden"
handler404 = "backend.common.problems.not_found"
handler500 = "backend.common.problems.server_error"
