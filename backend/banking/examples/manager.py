"""Requests of the manager door as its documents show them. A test sends each (backend/tests/test_documents.py)."""

from backend.common.examples import Example

BANK, CUSTOMER = "/api/bank/{bank_id}/", "/api/customer/{bank_customer_id}/"
ACCOUNT, LOAN = "/api/account/{bank_account_id}/", "/api/loan/{bank_loan_id}/"
NOBODY = "7f2f2a52-6a2c-4a8e-9d53-2c1f6e1b7a10"
MANAGES_NONE = "By somebody who manages no bank"

_BANK = {"bank_name": "Riverside Savings", "city": "Porto", "country": "Portugal", "currency": "EUR"}
_CUSTOMER = {
    "first_name": "Ana",
    "last_name": "Silva",
    "credit_score": "720.00",
    "annual_income": 48000,
    "years_in_current_job": "5 years",
    "home_ownership": "Rent",
}
_ACCOUNT = {"customer": NOBODY, "account_number": "PT50-0001", "balance": "250.00", "monthly_debt": "410.00"}
_LOAN = {
    "account": NOBODY,
    "current_loan_amount": "12000.00",
    "term": "Short Term",
    "purpose": "Home Improvements",
    "loan_status": "Fully Paid",
}

EXAMPLES = {
    "POST /api/register/bank/": Example(_BANK, 201),
    "POST /api/regiser/bank/": Example(_BANK, 201),
    "POST /api/bank/": Example(_BANK, 201),
    f"PUT {BANK}": Example(_BANK, 200),
    f"PATCH {BANK}": Example({"city": "Lisboa"}, 200),
    f"POST {BANK}managers/": Example({"email": "nobody@example.com"}, 400, about="Somebody who is not signed up"),
    "POST /api/register/customer/": Example(_CUSTOMER, 403, about=MANAGES_NONE),
    "POST /api/customer/": Example(_CUSTOMER, 403, about=MANAGES_NONE),
    f"PUT {CUSTOMER}": Example(_CUSTOMER, 200),
    f"PATCH {CUSTOMER}": Example({"phone": "+351 912 345 678"}, 200),
    f"PUT {CUSTOMER}person/": Example({"email": "nobody@example.com"}, 400, about="Somebody who is not signed up"),
    "POST /api/register/account/": Example(_ACCOUNT, 403, about=MANAGES_NONE),
    "POST /api/account/": Example(_ACCOUNT, 403, about=MANAGES_NONE),
    f"PUT {ACCOUNT}": Example({"account_number": "PT50-0002", "is_active": False}, 200),
    f"PATCH {ACCOUNT}": Example({"monthly_debt": "300.00"}, 200),
    f"POST {ACCOUNT}payments/": Example({"total_amount": "120.00"}, 201, about="Nothing is owed: kept as rejected"),
    "POST /api/postings/{posting_id}/reversal/": Example({"reason": "Counted wrong at the till."}, 201),
    "POST /api/register/loan/": Example(_LOAN, 403, about=MANAGES_NONE),
    "POST /api/loan/": Example(_LOAN, 403, about=MANAGES_NONE),
    f"PUT {LOAN}": Example({name: value for name, value in _LOAN.items() if name != "account"}, 200),
    f"PATCH {LOAN}": Example({"loan_status": "Charged Off"}, 200),
}
