"""Who may call the routes of support, and what calling them takes (backend/tests/access.py)."""

import uuid
from datetime import UTC, datetime, timedelta

from django.db.models import Q

from backend.common.tests.made_files import picture
from backend.identity.principals import principal_of
from backend.support.frames import event_id, said
from backend.support.models import CannedReply, Chat, Label
from backend.support.services import chats, messages
from backend.support.tests.files import upload
from backend.tests.roles import Cases, Row, always, only, signed_in
from backend.tests.stage import Caller, Form, Stage, User

# Who answers in a chat, and nobody else but strangers to staff work, who hear 403 before anything is looked up.
DESK: Row = only(404, "agent", "staff", "superuser")


def _desk(status: int) -> Cases:
    """What only the agent of a chat does: another's is not there for anybody, nor is one's own as its customer."""
    return {"own": {**DESK, "agent": status}, "another": DESK}


def _reading(status: int) -> Cases:
    return {"own": signed_in(404, agent=status), "another": signed_in(404)}


ACCESS: dict[str, Cases] = {
    # Chats: their customer and their agent. Flags open none, but a superuser may close, transfer and share any (K-47).
    "POST /api/chats/get-or-create/": always(signed_in(200)),
    "GET /api/chats/chat/": always(only(200, "agent", "staff", "superuser")),
    "GET /api/chats/times/": always(only(200, "agent", "superuser")),
    "GET /api/chats/search/": always(signed_in(400)),  # whoever is signed in has to say what they look for
    "GET /api/chats/queue/": always(only(200, "agent")),
    "GET /api/chats/{chat_id}/": {"own": signed_in(200), "another": signed_in(404)},
    "POST /api/chats/{chat_id}/attachments/": {"own": signed_in(201), "another": signed_in(404)},
    "GET /api/chats/{chat_id}/attachments/{attachment_id}/": {"own": signed_in(200), "another": signed_in(404)},
    "GET /api/chats/{chat_id}/transcript/": {"own": signed_in(200), "another": signed_in(404)},
    "POST /api/chats/{chat_id}/take/": {"own": only(200, "agent"), "another": only(409, "agent")},
    "POST /api/chats/{chat_id}/close/": {
        "own": only(202, "agent", "superuser", staff=404),
        "another": only(202, "superuser", agent=404, staff=404),
    },
    "POST /api/chats/{chat_id}/reopen/": {"own": signed_in(200), "another": signed_in(404)},
    "POST /api/chats/{chat_id}/transfer/": {
        "own": only(200, "agent", "superuser", staff=404),
        "another": only(200, "superuser", agent=404, staff=404),
    },
    # What is said, and beside it
    "GET /api/chats/{chat_id}/messages/": {"own": signed_in(200), "another": signed_in(404)},
    "POST /api/chats/{chat_id}/messages/": {"own": signed_in(201), "another": signed_in(404)},
    "GET /api/chats/{chat_id}/messages/{message_id}/": {"own": signed_in(200), "another": signed_in(404)},
    "PATCH /api/chats/{chat_id}/messages/{message_id}/": {"own": signed_in(200), "another": signed_in(404)},
    "DELETE /api/chats/{chat_id}/messages/{message_id}/": {"own": signed_in(200), "another": signed_in(404)},
    "GET /api/chats/{chat_id}/messages/{message_id}/versions/": _reading(200),
    "POST /api/chats/{chat_id}/read/": {"own": signed_in(200), "another": signed_in(404)},
    "GET /api/chats/{chat_id}/notes/": _reading(200),
    "POST /api/chats/{chat_id}/notes/": _reading(201),
    # The desk's order
    "PUT /api/chats/{chat_id}/priority/": _desk(200),
    "PUT /api/chats/{chat_id}/labels/": _desk(200),
    "POST /api/chats/{chat_id}/snooze/": _desk(200),
    "DELETE /api/chats/{chat_id}/snooze/": _desk(200),
    "GET /api/chats/{chat_id}/members/": _desk(200),
    "POST /api/chats/{chat_id}/members/": {
        "own": only(201, "agent", "superuser", staff=404),
        "another": only(201, "superuser", agent=404, staff=404),
    },
    "DELETE /api/chats/{chat_id}/members/{user_id}/": {"own": DESK, "another": DESK},
    # An open chat has no rating yet, and only its customer gives one.
    "GET /api/chats/{chat_id}/rating/": {"own": signed_in(404), "another": signed_in(404)},
    "POST /api/chats/{chat_id}/rating/": {"own": signed_in(409, agent=404), "another": signed_in(404)},
    # Agents; what the whole desk uses is managed by staff and superusers.
    "GET /api/chats/availability/": always(only(200, "agent")),
    "PUT /api/chats/availability/": always(only(200, "agent")),
    "GET /api/chats/labels/": always(only(200, "agent", "staff", "superuser")),
    "POST /api/chats/labels/": always(only(201, "staff", "superuser")),
    "PATCH /api/chats/labels/{label_id}/": {
        "own": only(200, "staff", "superuser"),
        "another": only(200, "staff", "superuser"),
    },
    "GET /api/chats/canned/": always(only(200, "agent", "staff", "superuser")),
    "POST /api/chats/canned/": always(only(201, "agent", "staff", "superuser")),
    "GET /api/chats/canned/{reply_id}/": {"own": only(200, "agent", "staff", "superuser"), "another": DESK},
    "PATCH /api/chats/canned/{reply_id}/": {"own": only(200, "agent", "staff", "superuser"), "another": DESK},
    "DELETE /api/chats/canned/{reply_id}/": {"own": only(204, "agent", "staff", "superuser"), "another": DESK},
    "GET /api/chats/{chat_id}/canned/{reply_id}/": _reading(200),
}

# What leaves no row in the trail (backend/tests/test_audit_coverage.py), and why.
UNRECORDED = {
    "POST /api/chats/{chat_id}/messages/": "a message is its own record, in the chat's events",
    "POST /api/chats/{chat_id}/notes/": "as a message",
    "POST /api/chats/{chat_id}/read/": "how far somebody has read is its own record",
    # These find nothing to change in the table's open chat; test_chat_trail.py gives them something.
    "POST /api/chats/{chat_id}/take/": "it has been taken already",
    "POST /api/chats/{chat_id}/reopen/": "it is open",
    "POST /api/chats/{chat_id}/rating/": "it cannot be rated yet",
    "PUT /api/chats/{chat_id}/labels/": "it has the labels that it is given: none",
    "DELETE /api/chats/{chat_id}/snooze/": "it is awake",
    "DELETE /api/chats/{chat_id}/members/{user_id}/": "nobody was let in",
    "PUT /api/chats/availability/": "agents are switched on from the start",
}

_made: dict[int, tuple[uuid.UUID, User]] = {}


def _chat_id(stage: Stage, owner: User, caller: Caller) -> uuid.UUID:
    """An open chat of this customer; an agent's own chat is one that they answer."""
    answers = owner == caller.user and caller.is_agent
    customer, agent = (stage.make_user(), owner) if answers else (owner, stage.desk)
    chat = chats.get_or_open_chat(actor=principal_of(customer))
    _made[id(stage)] = chat.pk, owner
    return chats.take_chat(actor=principal_of(agent), chat_id=chat.pk).pk


def _attachment_id(stage: Stage, owner: User, caller: Caller) -> uuid.UUID:
    """A file in the chat that was just made, waiting to be sent by its owner."""
    chat = Chat.objects.filter(Q(customer=owner) | Q(admin=owner)).latest("created_at")
    return upload(chat, owner).pk


def _message_id(stage: Stage, owner: User, caller: Caller) -> str:
    """Something that the owner of the chat just made has said there."""
    chat_id, author = _made[id(stage)]
    role = "agent" if owner == caller.user and caller.is_agent else "customer"
    message = said({"message": "Good evening"}, chat_id=chat_id, author=principal_of(author), role=role)
    outcome = messages.post_message(message=message)
    return event_id(chat_id, outcome.event.seq)


def _reply_id(stage: Stage, owner: User, caller: Caller) -> uuid.UUID:
    shortcut = uuid.uuid4().hex[:20]
    return CannedReply.objects.create(owner=owner, shortcut=shortcut, text="Hello {customer}, {agent} here.").pk


MAKERS = {
    "chat_id": _chat_id,
    "attachment_id": _attachment_id,
    "message_id": _message_id,
    "reply_id": _reply_id,
    "label_id": lambda stage, owner, caller: Label.objects.create(name=uuid.uuid4().hex).pk,
}

BODIES = {
    "POST /api/chats/{chat_id}/attachments/": lambda stage: Form("card.png", picture()),
    "POST /api/chats/{chat_id}/messages/": lambda stage: {"message": "Good morning"},
    "PATCH /api/chats/{chat_id}/messages/{message_id}/": lambda stage: {"message": "Good night"},
    "POST /api/chats/{chat_id}/transfer/": lambda stage: {"queue": True},
    "POST /api/chats/{chat_id}/notes/": lambda stage: {"message": "They are in a hurry"},
    "POST /api/chats/{chat_id}/read/": lambda stage: {"seq": 1},
    "PUT /api/chats/{chat_id}/priority/": lambda stage: {"priority": "high"},
    "PUT /api/chats/{chat_id}/labels/": lambda stage: {"labels": []},
    "POST /api/chats/{chat_id}/snooze/": lambda stage: {"until": (datetime.now(UTC) + timedelta(hours=1)).isoformat()},
    "POST /api/chats/{chat_id}/members/": lambda stage: {"user": stage.make_user("SUPPORT_AGENT").pk},
    "POST /api/chats/{chat_id}/rating/": lambda stage: {"stars": 5},
    "PUT /api/chats/availability/": lambda stage: {"is_switched_on": True},
    "POST /api/chats/labels/": lambda stage: {"name": uuid.uuid4().hex},
    "PATCH /api/chats/labels/{label_id}/": lambda stage: {"colour": "#336699"},
    "POST /api/chats/canned/": lambda stage: {"shortcut": uuid.uuid4().hex[:20], "text": "Hello {customer}."},
    "PATCH /api/chats/canned/{reply_id}/": lambda stage: {"text": "Goodbye {customer}."},
}
