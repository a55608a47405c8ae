"""Requests of the customer door as its documents show them. A test sends each (backend/tests/test_documents.py)."""

from backend.common.examples import Example

ACCOUNT = "/api/accounts/{account_id}/"
SCHEDULE = "/api/transfers/scheduled/{schedule_id}/"
SOMETHING = "7f2f2a52-6a2c-4a8e-9d53-2c1f6e1b7a10"
UNVERIFIED = "By somebody who is not verified yet"
NO_KEY = "Without an Idempotency-Key in its head"
BY_A_CUSTOMER = "By somebody who is no staff of the bank"

_PAYEE = {"bank": SOMETHING, "account_number": "4711000000000042"}
_TRANSFER = {"source": SOMETHING, **_PAYEE, "payee_name": "Ana Silva", "amount": "25.00", "memo": "Lunch"}

EXAMPLES = {
    "PUT /api/banks/{bank_id}/limits/": Example(
        {"transfer_max": "5000.00", "transfer_day_max": "10000.00", "step_up_from": None}, 200
    ),
    "POST /api/accounts/": Example({"bank": SOMETHING}, 403, about=UNVERIFIED),
    f"PATCH {ACCOUNT}": Example({"in_budget": False}, 200),
    f"POST {ACCOUNT}close/": Example({"reason": "Moved abroad"}, 409, about="While there is money on it"),
    f"POST {ACCOUNT}deposits/": Example({"amount": "250.00"}, 201, role="bank_admin", case="another"),
    f"POST {ACCOUNT}withdrawals/": Example({"amount": "40.00"}, 201, role="bank_admin", case="another"),
    f"POST {ACCOUNT}freeze/": Example({"reason": "Please call us."}, 200, role="bank_admin", case="another"),
    f"POST {ACCOUNT}unfreeze/": Example({"reason": "All is well."}, 403, about=BY_A_CUSTOMER),
    "POST /api/transfers/": Example(_TRANSFER, 400, about=NO_KEY),
    "POST /api/transfers/payee/": Example({**_PAYEE, "name": "Ana Silva"}, 403, about=UNVERIFIED),
    "POST /api/transfers/scheduled/": Example(
        {**_TRANSFER, "rhythm": "monthly", "starts_on": "2027-01-31", "ends_on": "2027-12-31"}, 400, about=NO_KEY
    ),
    f"PATCH {SCHEDULE}": Example({"ends_on": None}, 200),
    f"POST {SCHEDULE}skip/": Example({"due_on": "2020-01-31"}, 400, about="Another day is next"),
}
