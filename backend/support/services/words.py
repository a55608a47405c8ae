"""Filling the index of what is said in chats, away from the path of a message.

A search reads the tail of a chat itself, so nothing waits for this: the sooner it runs, the less there is to read.
"""

import uuid

from django.db import connection, transaction

from backend.support.words import IS_SAID, TEXT, topic_sql

RUN = 8  # messages in one row of the index: few enough for its words to lie in the row itself (under 2 KB)
READ_MAX = 1024  # events of one chat in one pass
CHATS_MAX = 200  # in one pass

_DUE = f"""
    SELECT w.id FROM support_chatwords w
    JOIN support_chat c ON c.id = w.chat_id
    LEFT JOIN realtime_topic t ON t.key = {topic_sql("w")}
    WHERE w.words IS NULL AND (c.closed_at IS NOT NULL OR t.head - w.first_seq >= %s)
    LIMIT %s FOR UPDATE OF w SKIP LOCKED
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


def fill_words(*, chats: int = CHATS_MAX) -> int:
    """Read in what was said in up to so many chats since the last time; return how many those were.

    Repeating: safe, also by several processes at once; what one has in hand, the others leave out.
    Locks: the tails of these chats, which only another call and `read_again` want.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_DUE, [RUN - 1, chats])
        ids = [row[0] for row in cursor.fetchall()]
        if ids:  # A statement of its own, so that it sees what an edit committed before we had the lock.
            cursor.execute(_FILL, {"ids": ids, "run": RUN, "read": READ_MAX})
    return len(ids)


def read_again(*, chat_id: uuid.UUID, seq: int, is_desk: bool = False) -> None:
    """Have a changed message found by its new text at once. Called by who changes it, in the same transaction.

    Locks: the chat's tail, against `fill_words` reading the text of before meanwhile.
    """
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN, {"chat": chat_id, "desk": is_desk, "seq": seq})
