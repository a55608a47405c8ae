"""The routes of all banking doors."""

from backend.banking.api.customer import urls as customer
from backend.banking.api.lending import urls as lending
from backend.banking.api.loads import urls as loads
from backend.banking.api.manager import urls as manager
from backend.banking.api.partner import urls as partner
from backend.banking.api.scoring import urls as scoring

urlpatterns = [
    *lending.urlpatterns,
    *customer.urlpatterns,
    *loads.urlpatterns,
    *manager.urlpatterns,
    *partner.urlpatterns,
    *scoring.urlpatterns,
]
