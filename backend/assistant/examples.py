"""Requests of this slice as its documents show them. A test sends each (backend/tests/test_documents.py)."""

from backend.common.examples import Example

EXAMPLES = {
    "PATCH /api/preferences/": Example({"email": False, "automatic_answers": True}, 200),
    "POST /api/assistant/category/": Example(
        {"kind": "expense", "title": "Bakery at the corner"}, 503, about="Where no key is set"
    ),
}
