"""The routes of all banking doors."""

from backend.banking.api.lending import urls as lending
from backend.banking.api.manager import urls as manager

urlpatterns = [
    *lending.urlpatterns,
    *manager.urlpatterns,
]
