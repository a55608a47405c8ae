"""Saying something in a chat: stored, numbered and acknowledged by one statement."""

import uuid
from collections.abc import Sequence

import orjson
import structlog
from django.db import DatabaseError, IntegrityError, InterfaceError, connection

from backend.common.errors import DomainError, Unavailable
from backend.common.principal import Principal
from backend.realtime import bell
from backend.realtime import selectors as topics
from backend.realtime.events import render
from backend.realtime.services import Outcome, append
from backend.support.errors import AnsweredMeanwhile, ChatClosed, ChatUnknown, ClientIdConflict
from backend.support.frames import Said, topic_of
from backend.support.models import ReadPosition
from backend.support.services import attachments

log = structlog.get_logger(__name__)

# At most so many events are told to an agent who was refused; further behind than that nobody answers unseen.
MISSED_MAX = 100
LOOKS_MAX = 5

# Locks the chats, in id order and before their topics, so that nobody is closed out or transferred between the check
# and the commit. Messages of one chat wait for one another at its topic anyway: the lock costs no concurrency.
# A grant is looked up only for who is neither customer nor agent. A customer's word wakes a snoozed chat. Their first
# word, and the first of their agent after that, leave their time in the chat; later ones write nothing.
_CHATS = """
chats AS MATERIALIZED (
    SELECT id, customer_id, admin_id, closed_at, snoozed_until, first_asked_at, first_answered_at FROM support_chat
    WHERE id IN (SELECT substr(topic, 6)::uuid FROM incoming) ORDER BY id FOR NO KEY UPDATE
),
heard AS (
    SELECT c.id, c.admin_id, c.first_asked_at, min(i.n) FILTER (WHERE i.author_id = c.customer_id) AS asked,
        max(i.n) FILTER (WHERE i.author_id = c.admin_id) AS answered
    FROM chats c JOIN incoming i ON c.id = substr(i.topic, 6)::uuid
    WHERE c.closed_at IS NULL AND (c.first_answered_at IS NULL OR c.snoozed_until IS NOT NULL)
    GROUP BY c.id, c.admin_id, c.first_asked_at
),
noted AS (
    UPDATE support_chat s SET
        snoozed_until = CASE WHEN h.asked IS NULL THEN s.snoozed_until END,
        first_asked_at = coalesce(s.first_asked_at, CASE WHEN h.asked IS NOT NULL THEN clock_timestamp() END),
        first_answered_at = coalesce(s.first_answered_at, CASE WHEN h.is_answer THEN clock_timestamp() END),
        first_answered_by = CASE WHEN s.first_answered_at IS NULL AND h.is_answer THEN h.admin_id
            ELSE s.first_answered_by END
    FROM (
        SELECT *, answered IS NOT NULL AND (first_asked_at IS NOT NULL OR asked < answered) IS TRUE AS is_answer
        FROM heard
    ) h
    WHERE s.id = h.id AND (
        (h.asked IS NOT NULL AND (s.first_asked_at IS NULL OR s.snoozed_until IS NOT NULL))
        OR (h.is_answer AND s.first_answered_at IS NULL))
),
"""
_REFUSALS = """
        WHEN c.id IS NULL OR (i.author_id NOT IN (c.customer_id, coalesce(c.admin_id, c.customer_id)) AND NOT EXISTS (
            SELECT FROM support_chatgrant g JOIN auth_permission p ON p.id = g.permission_id
            WHERE g.content_object_id = c.id AND g.user_id = i.author_id AND p.codename = 'join_chat'
        )) THEN 'unknown'
        WHEN c.closed_at IS NOT NULL THEN 'closed'
"""
_GUARD = f"""{_CHATS}
guard AS MATERIALIZED (
    SELECT i.n, CASE {_REFUSALS} END AS refusal
    FROM incoming i LEFT JOIN chats c ON c.id = substr(i.topic, 6)::uuid
)
"""  # noqa: S608 - constants only
# For batches in which somebody says up to where they have seen the chat. The statement's snapshot may be older than the
# lock it got, so what a colleague stored in between is not in it; but the topic's row, read with a lock, says how many
# events there are. Where they are not all in sight, or a colleague speaks in this very batch, it says `look_again`.
_EXPECTING = f"""{_CHATS}
heads AS MATERIALIZED (
    SELECT id, key, head FROM realtime_topic
    WHERE key IN (SELECT topic FROM incoming WHERE expected_seq IS NOT NULL) ORDER BY key FOR UPDATE
),
since AS MATERIALIZED (
    SELECT i.n, h.head - i.expected_seq AS stored, seen.*
    FROM incoming i JOIN heads h ON h.key = i.topic JOIN chats c ON c.id = substr(i.topic, 6)::uuid
    CROSS JOIN LATERAL (
        SELECT count(*) AS visible, count(*) FILTER (
            WHERE e.kind = 'message' AND e.author_id NOT IN (i.author_id, c.customer_id)) AS answers
        FROM (
            SELECT kind, author_id FROM realtime_event
            WHERE topic_id = h.id AND seq > i.expected_seq ORDER BY seq LIMIT {MISSED_MAX}
        ) e
    ) seen
    WHERE i.expected_seq IS NOT NULL
),
guard AS MATERIALIZED (
    SELECT i.n, CASE {_REFUSALS}
        WHEN s.answers > 0 OR s.stored > {MISSED_MAX} THEN 'answered'
        WHEN s.visible < s.stored THEN 'look_again'
        WHEN i.expected_seq IS NOT NULL AND EXISTS (
            SELECT FROM incoming j
            WHERE j.topic = i.topic AND j.n < i.n AND j.author_id NOT IN (i.author_id, c.customer_id)
        ) THEN 'look_again'
    END AS refusal
    FROM incoming i LEFT JOIN chats c ON c.id = substr(i.topic, 6)::uuid LEFT JOIN since s USING (n)
)
"""  # noqa: S608 - constants only


def store_messages(messages: Sequence[Said]) -> list[Outcome | DomainError]:
    """Store messages of any chats in one statement; each result says stored, repeat, or refused and why.

    Where some carry attachments, these are claimed before and marked after, in one transaction with the statement.
    Raises: IntegrityError when two carry one client_id, or a repeat is being stored elsewhere: try them singly.
    Locks: the chats in id order, then their topics in key order. Rings nothing: the caller does, after commit.
    """
    if any(message.attachments for message in messages):
        return attachments.store_carrying(messages, store=_store)
    return _store(messages)


def _store(messages: Sequence[Said]) -> list[Outcome | DomainError]:
    expecting = any(message.expected_seq is not None for message in messages)
    outcomes = append([message.draft() for message in messages], guard=_EXPECTING if expecting else _GUARD)
    return [_settled(message, outcome) for message, outcome in zip(messages, outcomes, strict=True)]


def _settled(message: Said, outcome: Outcome) -> Outcome | DomainError:
    """Return what became of a message once it is judged; a refusal brings what was missed."""
    if outcome.refusal not in ("answered", "look_again"):
        return outcome
    try:
        return _looked_again(message, outcome)
    except (DatabaseError, InterfaceError) as fault:
        # The others of its batch are stored by now, and must not be tried again for this one's sake.
        log.warning("message.not_judged", fault=type(fault).__name__)
        return Unavailable()


def _looked_again(message: Said, outcome: Outcome) -> Outcome | DomainError:
    """Try again what could not be judged: alone, by a statement that sees what the last one only heard of."""
    for _ in range(LOOKS_MAX):
        if outcome.refusal != "look_again":
            break
        outcome = append([message.draft()], guard=_EXPECTING)[0]
    if outcome.refusal not in ("answered", "look_again"):
        return outcome
    page = topics.events_after(topic_of(message.chat_id), message.expected_seq or 0, limit=MISSED_MAX)
    return AnsweredMeanwhile(missed=[orjson.loads(render(event)) for event in page.events], head=page.head)


def post_message(*, message: Said) -> Outcome:
    """Store one message and ring it; return its outcome.

    Repeating: the same `client_id` with the same text answers with the stored message's position.
    Raises: ChatUnknown (also when the author is no member), ChatClosed, ClientIdConflict, AnsweredMeanwhile,
    AttachmentUnknown, AttachmentSent.
    """
    try:
        result = store_messages([message])[0]
    except IntegrityError:
        result = store_messages([message])[0]  # Stored meanwhile by the author's other try: now it is known.
    if isinstance(result, DomainError):
        raise result
    raise_refusal(result)
    if result.event is not None:
        bell.ring([result.event])
    return result


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
