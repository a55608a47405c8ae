"""Requests of the partner door as its documents show them. A test sends each (backend/tests/test_documents.py)."""

from backend.common.examples import Example

CUSTOMER, LOAN = "customers/{customer_external_id}/", "loans/{loan_external_id}/"
WEBHOOK = "/api/webhooks/{webhook_id}/"
_NOBODY = "For a customer who is not registered"

_AT_BOTH_MOUNTS = {
    ("POST", "customers/"): Example({"external_id": "ana-1", "score": "2500.00"}, 201, role="api_key"),
    ("PATCH", CUSTOMER): Example({"score": "4000.00", "status": 1}, 200, role="api_key"),
    ("POST", "loans/"): Example(
        {
            "external_id": "loan-1",
            "customer_external_id": "nobody",
            "amount": "1000.00",
            "contract_version": "2026-01",
            "maximum_payment_date": "2027-01-31T12:00:00Z",
        },
        400,
        role="api_key",
        about=_NOBODY,
    ),
    ("POST", "payments/"): Example(
        {"external_id": "payment-1", "customer_external_id": "nobody", "total_amount": "700.00"},
        400,
        role="api_key",
        about=_NOBODY,
    ),
}

EXAMPLES = {
    **{
        f"{method} {mount}{path}": example
        for (method, path), example in _AT_BOTH_MOUNTS.items()
        for mount in ("/", "/api/")
    },
    "POST /api/webhooks/": Example(
        {"url": "https://10.0.0.1/hooks", "kinds": ["payment.completed", "payment.rejected"]},
        400,
        role="api_key",
        about="An address inside a private network",
    ),
    f"PATCH {WEBHOOK}": Example({"description": "The ledger's", "kinds": []}, 200, role="api_key"),
    f"POST {WEBHOOK}replay/": Example({"since": "2026-01-31T00:00:00Z"}, 202, role="api_key"),
}
