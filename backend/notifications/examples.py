"""Requests of this slice as its documents show them. A test sends each (backend/tests/test_documents.py)."""

from backend.common.examples import Example

EXAMPLES = {
    "POST /api/notifications/devices/": Example({"token": "ExponentPushToken[xYz-0123456789]"}, 204),
}
