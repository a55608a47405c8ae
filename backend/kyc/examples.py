"""Requests of this slice as its documents show them. A test sends each (backend/tests/test_documents.py)."""

from backend.common.examples import Example

PROFILE = {
    "phone_number": "+14155550132",
    "date_of_birth": "1990-05-17",
    "ssn": "219-64-8030",
    "address": "12 Harbour Street, Springfield",
}
REGISTRATION = {
    **PROFILE,
    "username": "maria_b",
    "email": "maria@example.com",
    "password": "Quiet purple Tractor 7",
    "confirm_password": "Quiet purple Tractor 7",
    "first_name": "Maria",
    "last_name": "Banker",
}
DRAFT = {"step": "address", "values": {"first_name": "Maria", "address": "12 Harbour Street"}}
DRAFTS = "/api/auth/register/draft/"

EXAMPLES = {
    "POST /api/auth/register/": Example(REGISTRATION, 201),
    f"POST {DRAFTS}": Example(DRAFT, 201),
    f"PUT {DRAFTS}": Example(DRAFT, 404, about="Without the header X-Draft-Token that opens the draft"),
    "PUT /api/kyc/draft/": Example(DRAFT, 200),
    "PUT /api/kyc/profile/": Example(PROFILE, 200),
    "POST /api/admin/kyc/review/{person_id}/": Example(
        {"action": "reject", "rejection_reason": "The picture is too dark."}, 200, role="bank_admin", case="another"
    ),
    "PUT /api/users/{person_id}/": Example({"kyc_status": "APPROVED"}, 200, role="bank_admin", case="another"),
}
