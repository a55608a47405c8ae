"""Requests of this slice as its documents show them. A test sends each (backend/tests/test_documents.py)."""

from backend.common.examples import Example

CHAT = "/api/chats/{chat_id}/"

EXAMPLES = {
    f"POST {CHAT}messages/": Example({"message": "Good morning", "client_id": "1f8e2c4a"}, 201),
    f"PATCH {CHAT}messages/{{message_id}}/": Example({"message": "Good night"}, 200),
    f"POST {CHAT}read/": Example({"seq": 1}, 200),
    f"POST {CHAT}rating/": Example({"stars": 5, "comment": "Quick and kind."}, 409, about="Before the chat was closed"),
    f"POST {CHAT}notes/": Example({"message": "They are in a hurry"}, 201, role="agent"),
    f"POST {CHAT}transfer/": Example({"queue": True}, 200, role="agent"),
    f"PUT {CHAT}priority/": Example({"priority": "high"}, 200, role="agent"),
    f"PUT {CHAT}labels/": Example({"labels": []}, 200, role="agent"),
    f"POST {CHAT}snooze/": Example({"until": "2020-01-01T09:00:00Z"}, 422, role="agent", about="A time that is over"),
    f"POST {CHAT}members/": Example({"user": 2147483647}, 422, role="agent", about="Somebody who is no agent"),
    "PUT /api/chats/availability/": Example({"is_switched_on": True}, 200, role="agent"),
    "POST /api/chats/labels/": Example({"name": "Card lost", "colour": "#cc3333"}, 201, role="staff"),
    "PATCH /api/chats/labels/{label_id}/": Example({"colour": "#336699"}, 200, role="staff"),
    "POST /api/chats/canned/": Example({"shortcut": "hello", "text": "Hello {customer}."}, 201, role="agent"),
    "PATCH /api/chats/canned/{reply_id}/": Example({"text": "Goodbye {customer}."}, 200, role="agent"),
}
