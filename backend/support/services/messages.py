"""Saying something in a chat: stored, numbered and acknowledged by one statement."""

import uuid
from collections.abc import Sequence

from django.db import IntegrityError, connection

from backend.common.principal import Principal
from backend.realtime import bell
from backend.realtime.services import Outcome, append
from backend.support.errors import ChatClosed, ChatUnknown, ClientIdConflict
from backend.support.frames import Said
from backend.support.models import ReadPosition
from backend.support.services import attachments

# Locks the chats, in id order and before their topics, so that nobody is closed out or transferred between the check
# and the commit. Messages of one chat wait for one another at its topic anyway: the lock costs no concurrency.
_GUARD = """
chats AS MATERIALIZED (
    SELECT id, customer_id, admin_id, closed_at FROM support_chat
    WHERE id IN (SELECT substr(topic, 6)::uuid FROM incoming) ORDER BY id FOR NO KEY UPDATE
),
guard AS MATERIALIZED (
    SELECT i.n, CASE
        WHEN c.id IS NULL OR i.author_id NOT IN (c.customer_id, coalesce(c.admin_id, c.customer_id)) THEN 'unknown'
        WHEN c.closed_at IS NOT NULL THEN 'closed'
    END AS refusal
    FROM incoming i LEFT JOIN chats c ON c.id = substr(i.topic, 6)::uuid
)
"""


def store_messages(messages: Sequence[Said]) -> list[Outcome]:
    """Store messages of any chats in one statement; each outcome says stored, repeat, or refused and why.

    Where some carry attachments, these are claimed before and marked after, in one transaction with the statement.
    Raises: IntegrityError when two carry one client_id, or a repeat is being stored elsewhere: try them singly.
    Locks: the chats in id order, then their topics in key order. Rings nothing: the caller does, after commit.
    """
    if any(message.attachments for message in messages):
        return attachments.store_carrying(messages, store=_store)
    return _store(messages)


def _store(messages: Sequence[Said]) -> list[Outcome]:
    return append([message.draft() for message in messages], guard=_GUARD)


def post_message(*, message: Said) -> Outcome:
    """Store one message and ring it; return its outcome.

    Repeating: the same `client_id` with the same text answers with the stored message's position.
    Raises: ChatUnknown (also when the author is no member), ChatClosed, ClientIdConflict, AttachmentUnknown,
    AttachmentSent.
    """
    try:
        outcome = store_messages([message])[0]
    except IntegrityError:
        outcome = store_messages([message])[0]  # Stored meanwhile by the author's other try: now it is known.
    raise_refusal(outcome)
    if outcome.event is not None:
        bell.ring([outcome.event])
    return outcome


def raise_refusal(outcome: Outcome) -> None:
    """Raise the domain error that an outcome stands for, if any."""
    if outcome.refusal in attachments.REFUSALS:
        raise attachments.REFUSALS[outcome.refusal]
    if outcome.refusal == "closed":
        raise ChatClosed
    if outcome.refusal is not None:
        raise ChatUnknown
    if outcome.duplicate_of is not None and not outcome.same:
        raise ClientIdConflict


def mark_read(*, actor: Principal, chat_id: uuid.UUID, seq: int) -> int:
    """Store how far the actor has read; never backwards, never beyond what exists. Returns the stored position."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO support_readposition AS p (chat_id, user_id, seq)
               SELECT %s, %s, least(%s, t.head) FROM realtime_topic t WHERE t.key = %s
               ON CONFLICT (chat_id, user_id) DO UPDATE SET seq = greatest(p.seq, excluded.seq)
               RETURNING seq""",
            [chat_id, actor.id, seq, f"chat.{chat_id}"],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def read_positions(chat_id: uuid.UUID) -> dict[int, int]:
    """Return how far each member has read."""
    return dict(ReadPosition.objects.filter(chat_id=chat_id).values_list("user_id", "seq"))
