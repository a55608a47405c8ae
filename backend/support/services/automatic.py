"""What is said in a chat by nobody: the assistant's answer to who waits. Only while the chat waits."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from backend.common.unit_of_work import Draft
from backend.realtime import bell
from backend.realtime.services import append
from backend.support.frames import MESSAGE, topic_of

ROLE, NAME = "assistant", "Assistant"

# The chat is locked before its topic, as for messages of people: nobody takes it between the check and the commit.
_GUARD = """
chats AS MATERIALIZED (
    SELECT id, admin_id, closed_at FROM support_chat
    WHERE id IN (SELECT substr(topic, 6)::uuid FROM incoming) ORDER BY id FOR NO KEY UPDATE
),
guard AS MATERIALIZED (
    SELECT i.n, CASE WHEN c.id IS NULL OR c.closed_at IS NOT NULL OR c.admin_id IS NOT NULL THEN 'not_waiting' END
        AS refusal
    FROM incoming i LEFT JOIN chats c ON c.id = substr(i.topic, 6)::uuid
)
"""


def say(*, chat_id: uuid.UUID, text: str, sources: Sequence[dict[str, Any]] = ()) -> int | None:
    """Store a message without an author, marked as automatic; return its `seq`, None if the chat waits no longer.

    Within the caller's transaction. Locks: the chat, then its topic. After commit: a `message` event.
    """
    payload: dict[str, Any] = {"user": NAME, "user_id": None, "role": ROLE, "message": text, "attachments": []}
    payload |= {"automatic": True, "sources": list(sources)}
    outcome = append([Draft(topic_of(chat_id), MESSAGE, payload)], guard=_GUARD)[0]
    event = outcome.event
    if event is None:
        return None
    transaction.on_commit(lambda: bell.ring([event]))
    return event.seq
