"""Requests of this slice as its documents show them. A test sends each (backend/tests/test_documents.py)."""

from backend.common.examples import Example

OWN = "/api/diagnostictest/"
TEST = {
    "title": "Iron in the blood",
    "time_minutes": 15,
    "price": "24.90",
    "link": "https://example.com/iron",
    "description": "Says why one is tired.",
    "tags": [{"name": "fatigue"}],
}

EXAMPLES = {
    f"POST {OWN}diagnostictests/": Example(TEST, 201),
    f"PUT {OWN}diagnostictests/{{test_id}}/": Example({**TEST, "price": "19.90"}, 200),
    f"PATCH {OWN}diagnostictests/{{test_id}}/": Example({"price": "19.90"}, 200),
    f"POST {OWN}tags/": Example({"name": "allergy"}, 201),
    f"PUT {OWN}tags/{{test_tag_id}}/": Example({"name": "allergies"}, 200),
    f"PATCH {OWN}tags/{{test_tag_id}}/": Example({"name": "allergies"}, 200),
    f"POST {OWN}recommendations/": Example({"tags": ["fatigue", "headache"], "limit": 5}, 200),
    "POST /api/help/articles/": Example(
        {"title": "Lost card", "description": "Call us, at any hour.", "tags": [{"name": "cards"}]}, 201, role="staff"
    ),
    "PATCH /api/help/articles/{slug}/": Example({"description": "Call us, or write."}, 200, role="staff"),
}
