"""Who may call the routes of notifications, and what calling them takes (backend/tests/access.py)."""

from typing import Any

from backend.tests.roles import Cases, always, only, signed_in

ACCESS: dict[str, Cases] = {
    "GET /api/notifications/": always(signed_in(200)),
    "POST /api/notifications/read/": always(signed_in(200)),
    # A number is always of the caller's own inbox, or of the desk: another's cannot be named.
    "POST /api/notifications/{notice_id}/read/": {"own": signed_in(404), "another": signed_in(404)},
    "POST /api/notifications/devices/": always(signed_in(204)),
    "DELETE /api/notifications/devices/": always(signed_in(204)),
    "GET /api/admin/notifications/": always(only(200, "bank_admin")),
    "POST /api/admin/notifications/{notice_id}/read/": {
        "own": only(404, "bank_admin"),
        "another": only(404, "bank_admin"),
    },
}

# What leaves no row in the trail (backend/tests/test_audit_coverage.py), and why.
UNRECORDED = {
    "POST /api/notifications/read/": "how far somebody has read is its own record",
    "POST /api/notifications/{notice_id}/read/": "how far somebody has read is its own record",
    "POST /api/admin/notifications/{notice_id}/read/": "how far somebody has read is its own record",
    "DELETE /api/notifications/devices/": "here it was not there; identity/tests/test_phones.py removes one",
}
MAKERS: dict[str, Any] = {"notice_id": lambda stage, owner, caller: 2**40}
BODIES: dict[str, Any] = {"POST /api/notifications/devices/": lambda stage: {"token": "ExponentPushToken[abc]"}}
