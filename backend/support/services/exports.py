"""Everything the support desk holds about one person, for them to read."""

import uuid
from collections.abc import Iterator
from typing import Any

import orjson
from django.db.models import Q

from backend.common import hooks
from backend.realtime import selectors as topics
from backend.realtime.events import render
from backend.support.frames import FAMILY, MESSAGE, NOTE
from backend.support.models import AgentStatus, CannedReply, Chat, MessageVersion, Rating


def export_chats(export: hooks.Export) -> None:
    """Add the person's chats, what they said in any, their ratings, and what they keep as an agent."""
    user_id = export.user_id
    export.add("support/chats.json", _chats(user_id))
    export.add("support/messages.json", _said(user_id))
    export.add("support/earlier_versions.json", _versions(user_id))
    export.add("support/ratings.json", _ratings(user_id))
    own = CannedReply.objects.filter(owner=user_id).order_by("shortcut")
    export.add("support/canned_replies.json", ({"shortcut": one.shortcut, "text": one.text} for one in own))
    export.add("support/availability.json", _availability(user_id))


def _chats(user_id: int) -> Iterator[dict[str, Any]]:
    for chat in Chat.objects.filter(Q(customer=user_id) | Q(admin=user_id)).order_by("created_at", "id").iterator():
        yield {
            "id": str(chat.pk),
            "as": "customer" if chat.customer_id == user_id else "agent",
            "created_at": chat.created_at.isoformat(),
            "closed_at": chat.closed_at.isoformat() if chat.closed_at else None,
        }


def _said(user_id: int) -> Iterator[dict[str, Any]]:
    for event in topics.events_by(user_id, family=FAMILY, kinds=[MESSAGE, NOTE]):
        yield {"chat": event.topic.split(".")[1], **orjson.loads(render(event))}


def _versions(user_id: int) -> Iterator[dict[str, Any]]:
    """The texts that messages of theirs had before they were changed: found by the event each belongs to."""
    for event in topics.events_by(user_id, family=FAMILY, kinds=[MESSAGE]):
        if b"edited_at" not in event.payload and b"withdrawn_at" not in event.payload:
            continue
        chat_id = uuid.UUID(event.topic.split(".")[1])
        for one in MessageVersion.objects.filter(chat=chat_id, seq=event.seq).order_by("number"):
            until = one.replaced_at.isoformat()
            yield {"chat": str(chat_id), "seq": one.seq, "version": one.number, "message": one.text, "until": until}


def _ratings(user_id: int) -> Iterator[dict[str, Any]]:
    for one in Rating.objects.filter(chat__customer=user_id).order_by("created_at").iterator():
        at = one.changed_at.isoformat()
        yield {"chat": str(one.chat_id), "stars": one.stars, "comment": one.comment, "at": at}


def _availability(user_id: int) -> Iterator[dict[str, Any]]:
    for one in AgentStatus.objects.filter(pk=user_id):
        yield {
            "is_switched_on": one.is_switched_on,
            "load_max": one.load_max,
            "time_zone": one.time_zone,
            "schedule": one.schedule,
        }
