"""Who may call the routes of support, and what calling them takes (backend/tests/access.py)."""

import uuid

from django.db.models import Q

from backend.common.tests.made_files import picture
from backend.identity.principals import principal_of
from backend.support.models import Chat
from backend.support.services import chats
from backend.support.tests.files import upload
from backend.tests.roles import Cases, always, only, signed_in
from backend.tests.stage import Caller, Form, Stage, User

ACCESS: dict[str, Cases] = {
    # Chats: their customer and their agent. Flags open none, but a superuser may close any (K-47).
    "POST /api/chats/get-or-create/": always(signed_in(200)),
    "GET /api/chats/chat/": always(only(200, "agent", "staff", "superuser")),
    "GET /api/chats/queue/": always(only(200, "agent")),
    "GET /api/chats/{chat_id}/": {"own": signed_in(200), "another": signed_in(404)},
    "GET /api/chats/{chat_id}/messages/": {"own": signed_in(200), "another": signed_in(404)},
    "POST /api/chats/{chat_id}/messages/": {"own": signed_in(201), "another": signed_in(404)},
    "POST /api/chats/{chat_id}/attachments/": {"own": signed_in(201), "another": signed_in(404)},
    "GET /api/chats/{chat_id}/attachments/{attachment_id}/": {"own": signed_in(200), "another": signed_in(404)},
    "POST /api/chats/{chat_id}/take/": {"own": only(200, "agent"), "another": only(409, "agent")},
    "POST /api/chats/{chat_id}/close/": {
        "own": only(202, "agent", "superuser", staff=404),
        "another": only(202, "superuser", agent=404, staff=404),
    },
}


def _chat_id(stage: Stage, owner: User, caller: Caller) -> uuid.UUID:
    """An open chat of this customer; an agent's own chat is one that they answer."""
    answers = owner == caller.user and caller.is_agent
    customer, agent = (stage.make_user(), owner) if answers else (owner, stage.desk)
    chat = chats.get_or_open_chat(actor=principal_of(customer))
    return chats.take_chat(actor=principal_of(agent), chat_id=chat.pk).pk


def _attachment_id(stage: Stage, owner: User, caller: Caller) -> uuid.UUID:
    """A file in the chat that was just made, waiting to be sent by its owner."""
    chat = Chat.objects.filter(Q(customer=owner) | Q(admin=owner)).latest("created_at")
    return upload(chat, owner).pk


MAKERS = {"chat_id": _chat_id, "attachment_id": _attachment_id}

BODIES = {
    "POST /api/chats/{chat_id}/messages/": lambda stage: {"message": "Good morning"},
    "POST /api/chats/{chat_id}/attachments/": lambda stage: Form("card.png", picture()),
}
