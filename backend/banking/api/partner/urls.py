"""The routes of the partner door: on S4's own paths, and the same under `/api/` (K-32)."""

from django.urls import URLPattern, path

from backend.banking.api.partner import customers, loans, payments
from backend.banking.api.partner.access import PartnerView

_CUSTOMER, _LOAN, _PAYMENT = (f"{name}s/<str:{name}_external_id>/" for name in ("customer", "loan", "payment"))
_ROUTES: dict[str, type[PartnerView]] = {
    "customers/": customers.PartnerCustomers,
    "customers/upload/": customers.UploadCustomers,
    _CUSTOMER: customers.OnePartnerCustomer,
    f"{_CUSTOMER}balance/": customers.PartnerCustomerBalance,
    "loans/": loans.PartnerLoans,
    _LOAN: loans.OnePartnerLoan,
    f"{_LOAN}activate/": loans.ActivatePartnerLoan,
    f"{_LOAN}reject/": loans.RejectPartnerLoan,
    "payments/": payments.PartnerPayments,
    _PAYMENT: payments.OnePartnerPayment,
}


def _mounted(prefix: str, suffix: str) -> list[URLPattern]:
    return [path(f"{prefix}{route}", view.as_view(operation_suffix=suffix)) for route, view in _ROUTES.items()]


urlpatterns = [*_mounted("", ""), *_mounted("api/", "_under_api")]
