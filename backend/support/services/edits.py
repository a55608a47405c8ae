"""Changing what one said, for a while: the text is replaced where it is stored, and what it was before is kept here.

No process sends the old text again (`realtime.services.rewrite`); the staff in a chat can read its versions.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import connection

from backend.audit import services as audit
from backend.common.principal import Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.realtime import selectors as topics
from backend.realtime.events import StoredEvent
from backend.realtime.services import rewrite
from backend.support import selectors
from backend.support.errors import (
    ChatClosed,
    ChatUnknown,
    MessageChanged,
    MessageTooOld,
    MessageUnknown,
    MessageWithdrawn,
    NotOwnMessage,
)
from backend.support.frames import CHAT, MESSAGE, chat_state, seq_of_event, topic_of
from backend.support.models import MessageVersion
from backend.support.services import access, attachments, telling, words

_KEEP = """
    INSERT INTO support_messageversion (chat_id, seq, number, text, replaced_at)
    SELECT %(chat)s, %(seq)s, 1 + count(*), %(text)s, clock_timestamp()
    FROM support_messageversion WHERE chat_id = %(chat)s AND seq = %(seq)s
    RETURNING id, number
"""


@dataclass(frozen=True, slots=True)
class Version:
    """One text of a message. `until` is null for the one that stands; a withdrawn message has none that does."""

    number: int
    message: str
    until: datetime | None


def edit_message(*, actor: Principal, chat_id: uuid.UUID, message_id: uuid.UUID, text: str) -> StoredEvent:
    """Replace the text of one's own message, within 15 minutes, and return the message as it reads now.

    Repeating: the text it has already changes nothing, and nobody is told.
    Raises: ChatUnknown, ChatClosed, MessageUnknown, NotOwnMessage, MessageWithdrawn, MessageTooOld, MessageChanged
    (from another device, since the caller looked).
    Locks: the chat, then the message.
    After commit: `chat` event edited with the message's id as `target`; replays have the new text and `edited_at`.
    """
    with unit_of_work() as unit:
        said, payload = _locked(actor, chat_id, message_id)
        if "withdrawn_at" in payload:
            raise MessageWithdrawn
        if payload["message"] == text:
            return said
        changes = {"message": text, "edited_at": telling.now_text()}
        return _replaced(
            unit, said, payload, changes, state="edited", actor=actor, chat_id=chat_id, message_id=message_id
        )


def withdraw_message(*, actor: Principal, chat_id: uuid.UUID, message_id: uuid.UUID) -> StoredEvent:
    """Take one's own message back, within 15 minutes, and return what is left of it.

    Repeating: a withdrawn message stays withdrawn, and nobody is told again.
    Raises: as `edit_message`, but MessageWithdrawn. Locks: the chat, then the message.
    After commit: `chat` event withdrawn with the message's id as `target`; its text and attachments go out no more.
    """
    with unit_of_work() as unit:
        said, payload = _locked(actor, chat_id, message_id)
        if "withdrawn_at" in payload:
            return said
        changes = {"message": "", "attachments": [], "withdrawn_at": telling.now_text()}
        attachments.withdraw(chat_id=chat_id, seq=said.seq)
        return _replaced(
            unit, said, payload, changes, state="withdrawn", actor=actor, chat_id=chat_id, message_id=message_id
        )


def get_message(*, actor: Principal, chat_id: uuid.UUID, message_id: uuid.UUID) -> StoredEvent:
    """Return a message as it reads now, to a member of its chat. Raises: ChatUnknown, MessageUnknown."""
    selectors.get_chat_of_member(actor=actor, chat_id=chat_id)
    return _found(chat_id, message_id)


def versions_of(*, actor: Principal, chat_id: uuid.UUID, message_id: uuid.UUID) -> list[Version]:
    """Return every text a message has had, the first one first, to the staff in its chat.

    Raises: ChatUnknown (also for its customer), MessageUnknown.
    """
    selectors.get_chat_of_staff(actor=actor, chat_id=chat_id)
    said = _found(chat_id, message_id)
    kept = MessageVersion.objects.filter(chat=chat_id, seq=said.seq).order_by("number")
    versions = [Version(one.number, one.text, one.replaced_at) for one in kept]
    payload = orjson.loads(said.payload)
    if "withdrawn_at" not in payload:
        versions.append(Version(len(versions) + 1, payload["message"], None))
    return versions


def _found(chat_id: uuid.UUID, message_id: uuid.UUID) -> StoredEvent:
    event = topics.event_at(topic_of(chat_id), seq_of_event(chat_id, message_id))
    if event is None or event.kind != MESSAGE:
        raise MessageUnknown
    return event


def _locked(actor: Principal, chat_id: uuid.UUID, message_id: uuid.UUID) -> tuple[StoredEvent, dict[str, Any]]:
    """Return the actor's message, in a locked chat, and what it says."""
    selectors.get_chat_of_member(actor=actor, chat_id=chat_id)
    looked_at = _found(chat_id, message_id)
    chat = access.lock_chat(chat_id)
    said = _found(chat_id, message_id)
    payload: dict[str, Any] = orjson.loads(said.payload)
    if payload["user_id"] != actor.id:
        raise NotOwnMessage
    if chat.closed_at is not None:
        raise ChatClosed
    if not (chat.customer_id == actor.id or selectors.is_staff_in(chat, actor)):
        raise ChatUnknown
    if said.payload != looked_at.payload:
        raise MessageWithdrawn if "withdrawn_at" in payload else MessageChanged
    if "withdrawn_at" not in payload and datetime.fromisoformat(said.at) < datetime.now(UTC) - timedelta(
        minutes=settings.SUPPORT["edit_minutes"]
    ):
        raise MessageTooOld
    return said, payload


def _replaced(
    unit: UnitOfWork,
    said: StoredEvent,
    payload: dict[str, Any],
    changes: dict[str, Any],
    *,
    state: str,
    actor: Principal,
    chat_id: uuid.UUID,
    message_id: uuid.UUID,
) -> StoredEvent:
    """Keep the text as a version, put the new one in its place, tell the chat, and return the message as it is now."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, {"chat": chat_id, "seq": said.seq, "text": payload["message"]})
        version_id, number = cursor.fetchone()
    facts = {"message": str(message_id), "version": number}
    audit.record(actor_id=actor.id, action=f"message.{state}", target=MessageVersion(pk=version_id), facts=facts)
    name = actor.display_name
    sentence = f"{name} {'withdrew' if state == 'withdrawn' else state} a message."
    told = chat_state(state, by=name, by_id=actor.id, words=sentence, target=str(message_id))
    now = rewrite(unit, topic=said.topic, seq=said.seq, changes=changes, kind=CHAT, payload=told)
    words.read_again(chat_id=chat_id, seq=said.seq)
    return replace(said, payload=now)
