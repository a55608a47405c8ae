"""Who may call the routes of the assistant, and what calling them takes (backend/tests/access.py)."""

from typing import Any

from backend.tests.roles import Cases, always, signed_in

ACCESS: dict[str, Cases] = {
    "GET /api/assistant/": always(signed_in(200)),
    "POST /api/assistant/category/": always(signed_in(503)),  # no key is set
    "POST /api/chats/{chat_id}/assistant/stop/": {"own": signed_in(200), "another": signed_in(404)},
    "GET /api/preferences/": always(signed_in(200)),
    "PATCH /api/preferences/": always(signed_in(200)),
}

# What leaves no row in the trail (backend/tests/test_audit_coverage.py), and why.
UNRECORDED = {
    "POST /api/assistant/category/": "nothing is asked without a key; test_categories.py has one",
}
MAKERS: dict[str, Any] = {}
BODIES: dict[str, Any] = {
    "POST /api/assistant/category/": lambda stage: {"kind": "expense", "title": "Bakery"},
    "PATCH /api/preferences/": lambda stage: {"email": False},
}
