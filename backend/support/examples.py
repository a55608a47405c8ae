"""Requests of this slice as its documents show them. A test sends each (backend/tests/test_documents.py)."""

from backend.common.examples import Example

EXAMPLES = {
    "POST /api/chats/{chat_id}/messages/": Example({"message": "Good morning", "client_id": "1f8e2c4a"}, 201),
}
