"""Requests of this slice as its documents show them. A test sends each (backend/tests/test_documents.py)."""

from backend.common.examples import Example

ALERT = "/api/fraud-alerts/{alert_id}/"
RULES = "/api/fraud/rules/{rules_version}/"
ADMIN = "bank_admin"

EXAMPLES = {
    f"POST {ALERT}decide/": Example(
        {"verdict": "release", "reason": "The customer confirmed it."}, 200, role=ADMIN, case="another"
    ),
    f"PUT {ALERT}label/": Example(
        {"label": "FALSE_POSITIVE", "reason": "The payee sent the goods."},
        409,
        role=ADMIN,
        about="Before a decision",
        case="another",
    ),
    f"POST {ALERT}notes/": Example({"text": "Called the customer at 10:15."}, 201, role=ADMIN, case="another"),
    "POST /api/fraud/rules/": Example({"based_on": 1, "note": "Quieter by night"}, 201, role=ADMIN),
    f"PATCH {RULES}": Example({"revision": 1, "note": "Quieter by night"}, 200, role=ADMIN),
    f"POST {RULES}publish/": Example({"revision": 1}, 200, role=ADMIN, case="another"),
    "POST /api/fraud/snoozes/": Example(
        {"rule": "night", "reason": "A shift worker", "until": "2020-01-01T09:00:00Z", "account_id": "5f0c"},
        422,
        role=ADMIN,
        about="A time that is over",
    ),
}
