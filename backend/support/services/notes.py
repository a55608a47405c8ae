"""What staff say to one another beside a chat: on its desk topic, which no customer ever reads."""

import uuid

from django.db import IntegrityError

from backend.common.principal import Principal
from backend.common.unit_of_work import Draft
from backend.realtime import bell
from backend.realtime.services import Outcome, append
from backend.support import selectors
from backend.support.frames import NOTE, desk_topic_of, note
from backend.support.services.messages import raise_refusal

# As for messages, but for the customer, who is nobody here. A closed chat takes notes too: there is work after it. What
# such a note says has to be read in again for searching (services/words.py); an open chat is read anyway.
_GUARD = """
chats AS MATERIALIZED (
    SELECT id, customer_id, admin_id, closed_at FROM support_chat
    WHERE id IN (SELECT substr(topic, 6, 36)::uuid FROM incoming) ORDER BY id FOR NO KEY UPDATE
),
tail AS (
    INSERT INTO support_chatwords (chat_id, is_desk, agent_id, first_seq)
    SELECT c.id, true, c.admin_id, 1 + coalesce(max(w.last_seq), 0)
    FROM chats c LEFT JOIN support_chatwords w ON w.chat_id = c.id AND w.is_desk
    WHERE c.closed_at IS NOT NULL GROUP BY c.id, c.admin_id
    ON CONFLICT (chat_id, is_desk) WHERE words IS NULL DO UPDATE SET agent_id = excluded.agent_id
),
guard AS MATERIALIZED (
    SELECT i.n, CASE
        WHEN c.id IS NULL OR i.author_id = c.customer_id THEN 'unknown'
        WHEN i.author_id = c.admin_id THEN NULL
        WHEN NOT EXISTS (
            SELECT FROM support_chatgrant g JOIN auth_permission p ON p.id = g.permission_id
            WHERE g.content_object_id = c.id AND g.user_id = i.author_id AND p.codename = 'join_chat'
        ) THEN 'unknown'
    END AS refusal
    FROM incoming i LEFT JOIN chats c ON c.id = substr(i.topic, 6, 36)::uuid
)
"""


def add_note(*, actor: Principal, chat_id: uuid.UUID, text: str, client_id: str | None = None) -> Outcome:
    """Store a note of one who answers in the chat, and ring it; return its outcome.

    Repeating: the same `client_id` with the same text answers with the stored note's position.
    Raises: ChatUnknown, ClientIdConflict. Locks: the chat, then its desk topic, in the statement that stores.
    """
    selectors.get_chat_of_staff(actor=actor, chat_id=chat_id)  # The statement knows who answers, not what roles are.
    payload = note(text, by=actor.display_name, by_id=actor.id)
    draft = Draft(desk_topic_of(chat_id), NOTE, payload, author_id=actor.id, client_id=client_id, text=text)
    try:
        outcome = append([draft], guard=_GUARD)[0]
    except IntegrityError:
        outcome = append([draft], guard=_GUARD)[0]  # Stored meanwhile by the author's other try: now it is known.
    raise_refusal(outcome)
    if outcome.event is not None:
        bell.ring([outcome.event])
    return outcome
