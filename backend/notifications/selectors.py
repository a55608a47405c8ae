"""Reading an inbox or a desk as pages, newest first."""

from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection

from backend.notifications.notices import Notice, notice_from

# The newest notices below a position, with whether the reader has read them. `kinds` NULL is all.
_PAGE = """
SELECT e.seq, e.kind, e.payload::text, e.created_at, m.read_at
FROM realtime_topic t
JOIN realtime_event e ON e.topic_id = t.id
LEFT JOIN notifications_readmark m ON m.user_id = %(user)s AND m.topic = t.key AND m.seq = e.seq
WHERE t.key = %(topic)s AND e.seq < %(before)s
  AND (%(kinds)s::text[] IS NULL OR e.kind = ANY(%(kinds)s))
  AND (%(is_read)s::bool IS NULL OR (m.read_at IS NOT NULL) = %(is_read)s)
ORDER BY e.seq DESC LIMIT %(limit)s OFFSET %(offset)s
"""


@dataclass(frozen=True, slots=True)
class Received:
    """A notice in somebody's inbox or on a desk, as they see it."""

    seq: int
    kind: str
    payload: dict[str, Any]
    created_at: Any
    is_read: bool
    notice: Notice | None


def list_notices(
    *,
    user_id: int,
    topic: str,
    before: int = 2**62,
    limit: int,
    offset: int = 0,
    kinds: list[str] | None = None,
    is_read: bool | None = None,
) -> list[Received]:
    """Return notices of a topic, newest first. The caller decides that the topic is the user's to read."""
    values: dict[str, Any] = {
        "user": user_id,
        "topic": topic,
        "before": before,
        "kinds": kinds,
        "is_read": is_read,
        "limit": limit,
        "offset": offset,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PAGE, values)
        rows = cursor.fetchall()
    return [_received(*row) for row in rows]


def _received(seq: int, kind: str, payload: str, created_at: Any, read_at: Any) -> Received:
    fields: dict[str, Any] = orjson.loads(payload)
    return Received(seq, kind, fields, created_at, read_at is not None, notice_from(kind, fields))
