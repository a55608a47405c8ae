"""The routes of the partner door: on S4's own paths, and the same under `/api/` (K-32); and those of webhooks."""

from django.urls import URLPattern, path

from backend.banking.api.partner import customers, loans, payments, webhooks
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


_WEBHOOK = "api/webhooks/<uuid:webhook_id>/"

urlpatterns = [
    *_mounted("", ""),
    *_mounted("api/", "_under_api"),
    path("api/webhooks/", webhooks.Webhooks.as_view()),
    path(_WEBHOOK, webhooks.OneWebhook.as_view()),
    path(f"{_WEBHOOK}rotate-secret/", webhooks.WebhookSecret.as_view()),
    path(f"{_WEBHOOK}test/", webhooks.WebhookTrial.as_view()),
    path(f"{_WEBHOOK}replay/", webhooks.WebhookReplay.as_view()),
    path(f"{_WEBHOOK}deliveries/", webhooks.Deliveries.as_view()),
    path(f"{_WEBHOOK}deliveries/<int:delivery_id>/replay/", webhooks.ReplayedDelivery.as_view()),
]
