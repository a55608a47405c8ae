"""Filling the index of what is said in chats, away from the path of a message.

A search reads the tail of a chat itself, so nothing waits for this: the sooner it runs, the less there is to read.
"""

import uuid
from bisect import bisect_right
from itertools import accumulate

from django.db import connection, transaction

from backend.support.words import IS_SAID, TEXT, topic_sql

RUN = 8  # messages in one row of the index: few enough for its words to lie in the row itself (under 2 KB)
READ_MAX = 1024  # events of one chat in one pass
CHATS_MAX = 200  # in one pass
# In one pass: some 5 ms of the database's time, in which a message that is being stored may have to wait.
EVENTS_MAX = 512

Place = tuple[uuid.UUID, bool]  # of a tail: its chat, and whether it is the desk's
START: Place = (uuid.UUID(int=0), False)  # no chat has this id

_DUE = f"""
    SELECT w.id, w.chat_id, w.is_desk, least(coalesce(t.head, 0) - w.first_seq + 1, {READ_MAX})
    FROM support_chatwords w
    JOIN support_chat c ON c.id = w.chat_id
    LEFT JOIN realtime_topic t ON t.key = {topic_sql("w")}
    WHERE w.words IS NULL AND (c.closed_at IS NOT NULL OR t.head - w.first_seq >= %s)
      AND (w.chat_id, w.is_desk) > (%s, %s)
    ORDER BY w.chat_id, w.is_desk LIMIT %s FOR UPDATE OF w SKIP LOCKED
"""  # noqa: S608 - constants only

# A run ends after 8 messages, and with the day, so that a run's times are close together. The last one of a chat
# that goes on is not finished: it stays in the tail.
_FILL = f"""
WITH tail AS MATERIALIZED (
    SELECT w.*, c.customer_id AS customer, c.admin_id AS agent, t.id AS topic_id, coalesce(t.head, 0) AS head,
           w.first_seq + %(read)s AS read_to,
           c.closed_at IS NOT NULL AND coalesce(t.head, 0) < w.first_seq + %(read)s AS is_final
    FROM support_chatwords w
    JOIN support_chat c ON c.id = w.chat_id
    LEFT JOIN realtime_topic t ON t.key = {topic_sql("w")}
    WHERE w.id = ANY(%(ids)s)
),
said AS (
    SELECT tail.id, e.seq, e.created_at, {TEXT} AS text, date_trunc('day', e.created_at) AS day,
           (row_number() OVER (PARTITION BY tail.id, date_trunc('day', e.created_at) ORDER BY e.seq) - 1) / %(run)s AS n
    FROM tail JOIN realtime_event e ON e.topic_id = tail.topic_id AND e.seq >= tail.first_seq AND e.seq < tail.read_to
    WHERE {IS_SAID}
),
run AS (
    SELECT id, min(seq) AS first_seq, max(seq) AS last_seq, min(created_at) AS first_at, max(created_at) AS last_at,
           strip(to_tsvector('simple', string_agg(text, ' '))) AS words,
           count(*) = %(run)s OR max(seq) < max(max(seq)) OVER (PARTITION BY id) AS is_complete
    FROM said GROUP BY id, day, n
),
stored AS (
    INSERT INTO support_chatwords
        (chat_id, is_desk, customer_id, agent_id, first_seq, last_seq, first_at, last_at, words)
    SELECT t.chat_id, t.is_desk, CASE WHEN NOT t.is_desk THEN t.customer END, t.agent,
           r.first_seq, r.last_seq, r.first_at, r.last_at, r.words
    FROM run r JOIN tail t USING (id) WHERE r.is_complete OR t.is_final
),
ended AS (
    DELETE FROM support_chatwords w USING tail t WHERE w.id = t.id AND t.is_final
)
UPDATE support_chatwords w
SET agent_id = t.agent, first_seq = coalesce(
    (SELECT max(r.last_seq) + 1 FROM run r WHERE r.id = w.id AND r.is_complete),
    CASE WHEN t.head >= t.read_to AND NOT EXISTS (SELECT FROM run r WHERE r.id = w.id) THEN t.read_to END,
    w.first_seq)
FROM tail t WHERE w.id = t.id AND NOT t.is_final
"""  # noqa: S608 - constants only

# Two statements on one way: the second one sees what `fill_words` committed before the first got its lock.
_AGAIN = f"""
    SELECT FROM support_chatwords WHERE chat_id = %(chat)s AND is_desk = %(desk)s AND words IS NULL FOR UPDATE;
    UPDATE support_chatwords w SET words = (
        SELECT strip(to_tsvector('simple', coalesce(string_agg({TEXT}, ' '), '')))
        FROM realtime_topic t JOIN realtime_event e ON e.topic_id = t.id
        WHERE t.key = {topic_sql("w")} AND e.seq BETWEEN w.first_seq AND w.last_seq AND {IS_SAID})
    WHERE w.chat_id = %(chat)s AND w.is_desk = %(desk)s AND w.first_seq <= %(seq)s AND w.last_seq >= %(seq)s
"""  # noqa: S608 - constants only


def fill_words(*, after: Place = START, chats: int = CHATS_MAX, events: int = EVENTS_MAX) -> Place | None:
    """Read in what was said since the last time in the next chats after a place; return where to go on.

    Returns: the last tail that was read, None when none behind `after` is due. A tail may stay due (its run waits for
    more messages), so a round goes on from place to place and never begins again.
    Repeating: safe, also by several processes at once; what one has in hand, the others leave out.
    Locks: the tails of these chats, which only another call and `read_again` want.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_DUE, [RUN - 1, *after, chats])
        due = cursor.fetchall()
        if not due:
            return None
        read = list(accumulate(row[3] for row in due))
        due = due[: max(1, bisect_right(read, events))]
        # A statement of its own, so that it sees what an edit committed before we had the lock.
        cursor.execute(_FILL, {"ids": [row[0] for row in due], "run": RUN, "read": READ_MAX})
    _, chat_id, is_desk, _ = due[-1]
    return chat_id, is_desk


def read_again(*, chat_id: uuid.UUID, seq: int, is_desk: bool = False) -> None:
    """Have a changed message found by its new text at once. Called by who changes it, in the same transaction.

    Locks: the chat's tail, against `fill_words` reading the text of before meanwhile.
    """
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN, {"chat": chat_id, "desk": is_desk, "seq": seq})
