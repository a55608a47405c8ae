"""Requests of lending as its documents show them. A test sends each (backend/tests/test_documents.py)."""

from backend.common.examples import Example

PEOPLE, DESK = "/api/lending", "/api/lending/desk"
NOBODYS = "7f2f2a52-6a2c-4a8e-9d53-2c1f6e1b7a10"

_PRODUCT = {
    "bank": NOBODYS,
    "name": "Car loan",
    "annual_rate": "5.4900",
    "day_count": "30E/360",
    "amount_min": "1000.00",
    "amount_max": "50000.00",
    "months_min": 12,
    "months_max": 84,
}

EXAMPLES = {
    f"POST {PEOPLE}/applications/": Example(
        {
            "account": NOBODYS,
            "product": NOBODYS,
            "amount": "12000.00",
            "months": 36,
            "method": "annuity",
            "purpose": "Buy a Car",
        },
        403,
        about="Before one's identity is verified",
    ),
    f"POST {PEOPLE}/loans/{{lending_loan_id}}/repayments/": Example(
        {"kind": "early", "amount": "500.00", "effect": "shorter_term"}, 201
    ),
    f"POST {DESK}/applications/{{desk_application_id}}/reject/": Example(
        {"reason": "Your income does not cover the instalments."}, 200, role="bank_admin", case="another"
    ),
    f"POST {DESK}/loans/{{desk_loan_id}}/charge-off/": Example(
        {"reason": "Moved away, and answers no letters."},
        409,
        role="bank_admin",
        case="another",
        about="While nothing is overdue",
    ),
    f"POST {DESK}/products/": Example(_PRODUCT, 404, role="bank_admin", about="For a bank that does not exist"),
    f"PATCH {DESK}/products/{{desk_product_id}}/": Example(
        {"annual_rate": "5.9900", "is_open": True}, 200, role="bank_admin", case="another"
    ),
}
