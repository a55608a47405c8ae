"""The routes of all banking doors."""

from backend.banking.api.manager import urls as manager

urlpatterns = [
    *manager.urlpatterns,
]
