"""Requests of this slice as its documents show them. A test sends each (backend/tests/test_documents.py)."""

from backend.common.examples import Example

EMAIL, PASSWORD, NEW = "ana@example.com", "correct horse battery staple", "another quiet purple Tractor 7"
NAMES = {"first_name": "Bela", "last_name": "Costa"}
LOG = {
    "creation_date": "2026-01-02",
    "creation_time": "10:00:00",
    "platform_OS": "iOS",
    "successful": True,
    "description": "Entered by hand",
}

EXAMPLES = {
    "POST /api/register/": Example(
        {"email": "bela@example.com", "username": "bela", **NAMES, "phone_number": "+351912345678", "password": NEW},
        201,
    ),
    "POST /api/users/register/": Example({"email": "bela@example.com", **NAMES, "password": NEW}, 202),
    "POST /api/user/create/": Example({"email": "bela@example.com", "name": "Bela Costa", "password": NEW}, 201),
    "POST /api/login/": Example({"email": EMAIL, "password": PASSWORD}, 200),
    "POST /api/users/login/": Example({"username": EMAIL, "password": PASSWORD, "os": "iOS"}, 200),
    "POST /api/auth/login/": Example({"username": EMAIL, "password": PASSWORD}, 200),
    "POST /api/user/token/": Example({"email": EMAIL, "password": PASSWORD}, 200),
    "POST /api/auth/refresh/": Example({"refresh": "eyJhbGciOiJIUzI1NiJ9.e30.x"}, 401, about="One that is not valid"),
    "POST /api/auth/password/forgot/": Example({"email": EMAIL}, 202),
    "POST /api/auth/password/reset/": Example(
        {"token": "of-the-mailed-link", "new_password": NEW}, 422, about="A link that was used"
    ),
    "PUT /api/users/changepwd/": Example({"current_password": PASSWORD, "new_password": NEW}, 200),
    "POST /api/profile/change-password/": Example(
        {"old_password": PASSWORD, "new_password": NEW, "confirm_password": NEW}, 200
    ),
    "PUT /api/profile/": Example({"first_name": "Ana", "phone_number": "+351912345678"}, 200),
    "PUT /api/user/me/": Example({"email": "ana.silva@example.com", "name": "Ana Silva", "password": NEW}, 200),
    "PATCH /api/user/me/": Example({"name": "Ana Silva"}, 200),
    "PATCH /api/auth/sessions/{session_id}/": Example({"name": "My phone"}, 200),
    "POST /api/auth/2fa/enrol/": Example({"password": PASSWORD}, 201),
    "POST /api/auth/2fa/confirm/": Example({"otp": "123456"}, 409, about="Before a secret was asked for"),
    "POST /api/auth/2fa/verify/": Example({"otp": "123456"}, 409, about="Of somebody who has not enrolled"),
    "POST /api/auth/2fa/disable/": Example({"step_up_token": "x"}, 409, about="Of somebody who has not enrolled"),
    "POST /api/auth/2fa/recovery-codes/": Example(
        {"step_up_token": "x"}, 409, about="Of somebody who has not enrolled"
    ),
    "POST /api/auth/step-up/": Example(
        {"action": "two_factor.disable", "parameters": {}, "password": PASSWORD},
        201,
        about="Of somebody who has not enrolled",
    ),
    "POST /api/users/loginLog/": Example(LOG, 201, role="superuser"),
    "PUT /api/users/loginLog/{log_id}/": Example(LOG, 200, role="superuser"),
    "POST /api/superadmin/user/": Example(
        {"email": "bela@example.com", **NAMES, "password": NEW, "is_staff": True}, 202, role="superuser"
    ),
    "PUT /api/superadmin/user/{user_id}/": Example(NAMES, 200, role="superuser"),
    "PUT /api/superadmin/user/block/{user_id}/": Example({"is_active": False}, 202, role="superuser"),
}
