"""The routes of all banking doors."""

from backend.banking.api.customer import urls as customer
from backend.banking.api.manager import urls as manager

urlpatterns = [
    *customer.urlpatterns,
    *manager.urlpatterns,
]
