"""The routes of all banking doors."""

from backend.banking.api.manager import urls as manager
from backend.banking.api.partner import urls as partner
from backend.banking.api.scoring import urls as scoring

urlpatterns = [
    *manager.urlpatterns,
    *partner.urlpatterns,
    *scoring.urlpatterns,
]
