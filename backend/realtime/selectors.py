"""Reading topics. All reads are by topic key and cursor, so they cost the same in a long topic as in a short one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from backend.realtime.events import StoredEvent

_COLUMNS = """
    e.seq, e.kind, e.client_id, e.payload::text,
    to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.rewrites
"""
# The head is read by the statement that reads the events: both are of one snapshot.
_AFTER = f"""
    SELECT t.head, {_COLUMNS}
    FROM realtime_topic t LEFT JOIN realtime_event e ON e.topic_id = t.id AND e.seq > %s AND e.seq <= %s
    WHERE t.key = %s ORDER BY e.seq LIMIT %s
"""  # noqa: S608 - constants only
_LAST = f"""
    SELECT t.head, {_COLUMNS}
    FROM realtime_topic t LEFT JOIN realtime_event e ON e.topic_id = t.id AND e.seq > t.head - %s
    WHERE t.key = %s ORDER BY e.seq
"""  # noqa: S608 - constants only

NO_LIMIT = 2**62


@dataclass(frozen=True, slots=True)
class Page:
    """Events in order, and the topic's head at the moment they were read."""

    events: Sequence[StoredEvent]
    head: int

    @property
    def cursor(self) -> int:
        """The position after this page; 0 for an empty page."""
        return self.events[-1].seq if self.events else 0


def events_after(topic: str, after: int, *, limit: int, until: int = NO_LIMIT) -> Page:
    """Return up to `limit` events with `after < seq <= until`. An unknown topic is an empty one."""
    with connection.cursor() as cursor:
        cursor.execute(_AFTER, [after, until, topic, limit])
        return _page(topic, cursor.fetchall())


def last_events(topic: str, count: int) -> Page:
    """Return the newest `count` events, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST, [count, topic])
        return _page(topic, cursor.fetchall())


def event_at(topic: str, seq: int) -> StoredEvent | None:
    """Return one event, as it reads now; None where there is none."""
    return next(iter(events_after(topic, seq - 1, limit=1, until=seq).events), None) if 0 < seq < NO_LIMIT else None


def count_after(positions: Mapping[str, int], *, kind: str, but_by: int, most: int) -> dict[str, int]:
    """Return for each topic how many events of a kind others have stored after a position, counting up to `most`.

    One query for all of them. It looks at no more than ten times `most` events of each.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT p.topic, (
                   SELECT least(count(*), %s) FROM (
                       SELECT e.kind, e.author_id FROM realtime_event e
                       WHERE e.topic_id = t.id AND e.seq > p.after ORDER BY e.seq LIMIT %s
                   ) e WHERE e.kind = %s AND e.author_id IS DISTINCT FROM %s
               ) FROM unnest(%s::text[], %s::bigint[]) AS p(topic, after) JOIN realtime_topic t ON t.key = p.topic""",
            [most, most * 10, kind, but_by, list(positions), list(positions.values())],
        )
        return dict(cursor.fetchall())


def events_by(author_id: int, *, family: str, kinds: Sequence[str], limit: int = 500) -> Iterator[StoredEvent]:
    """Return everything that somebody stored in topics beginning with `family` and a dot, in pages, by topic.

    Reads all events once, along their primary key: for exports, which nobody waits for.
    """
    at = (0, 0)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT e.topic_id, t.key, {_COLUMNS}
                    FROM realtime_event e JOIN realtime_topic t ON t.id = e.topic_id
                    WHERE e.author_id = %s AND e.kind = ANY(%s) AND starts_with(t.key, %s)
                      AND (e.topic_id, e.seq) > (%s, %s) ORDER BY e.topic_id, e.seq LIMIT %s""",  # noqa: S608
                [author_id, list(kinds), f"{family}.", *at, limit],
            )
            rows = cursor.fetchall()
        for _, topic, seq, kind, client_id, payload, created, rewrites in rows:
            yield StoredEvent(topic, seq, kind, client_id, payload.encode(), created, rewrites)
        if len(rows) < limit:
            return
        at = rows[-1][0], rows[-1][2]


def heads_of(topics: Iterable[str]) -> dict[str, int]:
    """Return the head of each topic that exists."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT key, head FROM realtime_topic WHERE key = ANY(%s)", [list(topics)])
        return dict(cursor.fetchall())


def newest_of(topics: Iterable[str], *, kind: str, within: int = 20) -> dict[str, StoredEvent]:
    """Return the newest event of a kind among the last `within` of each topic. One query for all of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT t.key, {_COLUMNS} FROM realtime_topic t CROSS JOIN LATERAL (
                    SELECT * FROM realtime_event e WHERE e.topic_id = t.id AND e.seq > t.head - %s AND e.kind = %s
                    ORDER BY e.seq DESC LIMIT 1
                ) e WHERE t.key = ANY(%s)""",  # noqa: S608 - constants only
            [within, kind, list(topics)],
        )
        rows = cursor.fetchall()
    return {
        topic: StoredEvent(topic, seq, of_kind, client_id, payload.encode(), at, rewrites)
        for topic, seq, of_kind, client_id, payload, at, rewrites in rows
    }


def events_since(topic: str, *, seconds: int) -> Page:
    """Return the events of the last `seconds`, for a process that starts and must know what just happened."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT t.head, {_COLUMNS}
                FROM realtime_topic t LEFT JOIN realtime_event e
                  ON e.topic_id = t.id AND e.created_at > now() - make_interval(secs => %s)
                 AND e.seq > t.head - 100000
                WHERE t.key = %s ORDER BY e.seq""",  # noqa: S608
            [seconds, topic],
        )
        return _page(topic, cursor.fetchall())


def _page(topic: str, rows: Sequence[tuple[int, int | None, str, str | None, str, str, int | None]]) -> Page:
    events = [
        StoredEvent(topic, seq, kind, client_id, payload.encode(), at, rewrites)
        for _, seq, kind, client_id, payload, at, rewrites in rows
        if seq is not None
    ]
    return Page(events, rows[0][0] if rows else 0)
