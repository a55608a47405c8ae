"""Appending events: the counters are locked, in key order, by the statement that stores.

A database sequence would be wrong here: numbers drawn from one commit out of order, so a reader can pass a hole that
fills later. The head of a topic is a row, locked until commit, so `seq` is gapless and in commit order.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal
from weakref import WeakKeyDictionary

import orjson
from django.db import IntegrityError, connection, transaction

from backend.common import hooks
from backend.common.unit_of_work import Draft, Statement, UnitOfWork, execute
from backend.realtime import bell
from backend.realtime.events import StoredEvent

ADMIT_ALL = "guard AS (SELECT n, NULL::text AS refusal FROM incoming)"

# Asked only where it may matter: after a repeat met the unique index, or for what the guard refuses. Asked each time it
# would cost what the topic is long: where topics are short on average, the planner reads all of this one by its primary
# key (23 ms for each message in a chat of 100,000).
_KNOWN = """
known AS (
    SELECT i.n, e.seq, e.text_hash IS NOT DISTINCT FROM i.text_hash AS same
    FROM incoming i
    JOIN realtime_topic t ON t.key = i.topic
    JOIN realtime_event e ON e.topic_id = t.id AND e.author_id = i.author_id AND e.client_id = i.client_id
    WHERE i.client_id IS NOT NULL
),
"""
_NOTHING_KNOWN = "known AS (SELECT NULL::int AS n, NULL::bigint AS seq, NULL::boolean AS same WHERE false),"

_APPEND = """
WITH incoming AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1) AS i(
        n int, topic text, kind text, payload jsonb, author_id bigint, client_id text, text_hash bigint,
        rewrites bigint, expected_seq bigint)
),
{guard},
{known}
fresh AS (
    SELECT i.*,
        row_number() OVER (PARTITION BY i.topic ORDER BY i.n) AS step,
        count(*) OVER (PARTITION BY i.topic) AS total
    FROM incoming i JOIN guard g USING (n)
    WHERE g.refusal IS NULL AND NOT EXISTS (SELECT FROM known k WHERE k.n = i.n)
),
bumped AS (
    INSERT INTO realtime_topic AS t (key, head)
    SELECT topic, count(*) FROM fresh GROUP BY topic ORDER BY topic
    ON CONFLICT (key) DO UPDATE SET head = t.head + excluded.head
    RETURNING t.id, t.key, t.head
),
stored AS (
    INSERT INTO realtime_event (topic_id, seq, kind, author_id, client_id, text_hash, payload, rewrites, created_at)
    SELECT b.id, b.head - f.total + f.step, f.kind, f.author_id, f.client_id, f.text_hash, f.payload, f.rewrites,
        clock_timestamp()
    FROM fresh f JOIN bumped b ON b.key = f.topic ORDER BY f.n
    RETURNING topic_id, seq, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
)
SELECT i.n, g.refusal, k.seq, k.same, s.seq, s.at
FROM incoming i
LEFT JOIN guard g USING (n)
LEFT JOIN known k USING (n)
LEFT JOIN fresh f USING (n)
LEFT JOIN bumped b ON b.key = f.topic
LEFT JOIN stored s ON s.topic_id = b.id AND s.seq = b.head - f.total + f.step
ORDER BY i.n
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a draft: stored (`event`), a repeat (`duplicate_of`, `same` text or not), or refused."""

    event: StoredEvent | None = None
    duplicate_of: int | None = None
    same: bool = True
    refusal: str | None = None


def append(drafts: Sequence[Draft], *, guard: str = ADMIT_ALL, before: Sequence[Statement] = ()) -> list[Outcome]:
    """Store the drafts in one statement and return what became of each, in order.

    `before` are statements that are run ahead of it, in the same round trip and the caller's transaction.

    Repeating: a draft whose (topic, author, client_id) is stored already is answered with that `seq`, guard or not.
    Raises: IntegrityError when another transaction stored the same client_id meanwhile, or when two drafts share one;
    nothing is stored then, and trying again recognises the repeat.
    Locks: what `guard` locks, then the counters of all topics in key order.
    `guard` is SQL: one or more CTEs, the last called `guard (n, refusal)`, over `incoming`. Never built from input.
    """
    payloads = [orjson.dumps(draft.payload) for draft in drafts]
    incoming = [_row(n, draft, payloads[n]) for n, draft in enumerate(drafts)]
    rows = _stored(incoming, guard, before)
    return [_outcome(drafts[n], payloads[n], *rest) for n, *rest in rows]


def _row(n: int, draft: Draft, payload: bytes) -> dict[str, Any]:
    row = {
        "n": n,
        "topic": draft.topic,
        "kind": draft.kind,
        "payload": orjson.Fragment(payload),
        "author_id": draft.author_id,
        "client_id": draft.client_id,
        "text_hash": text_hash(draft.text) if draft.client_id else None,
    }
    if draft.rewrites is not None:
        row["rewrites"] = draft.rewrites
    if draft.expected_seq is not None:
        row["expected_seq"] = draft.expected_seq
    return row


def _stored(incoming: list[dict[str, Any]], guard: str, before: Sequence[Statement]) -> list[tuple[Any, ...]]:
    """Store what can be stored, and look for repeats only where there may be some."""
    if connection.in_atomic_block:  # A repeat that meets the unique index would end the caller's transaction.
        may_repeat = any(row["client_id"] for row in incoming)
        return _execute(_KNOWN if may_repeat else _NOTHING_KNOWN, guard, incoming, before)
    if before:
        raise RuntimeError("statements ahead of events need the transaction that both are part of")
    try:
        rows = _execute(_NOTHING_KNOWN, guard, incoming)
    except IntegrityError:
        return _execute(_KNOWN, guard, incoming)
    refused = [incoming[n] for n, refusal, *_ in rows if refusal is not None and incoming[n]["client_id"]]
    if refused:
        known = {row[0]: row for row in _execute(_KNOWN, guard, refused)}
        rows = [known.get(row[0], row) for row in rows]
    return rows


def _execute(
    known: str, guard: str, incoming: list[dict[str, Any]], before: Sequence[Statement] = ()
) -> list[tuple[Any, ...]]:
    storing = Statement(f"EXECUTE {_prepared(known, guard)}(%s)", [orjson.dumps(incoming).decode()])
    return execute([*before, storing])


_prepared_on: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def _prepared(known: str, guard: str) -> str:
    """Return the statement's name on this thread's connection. Planned once for each: that takes longer than to run."""
    name = _name(known, guard)
    connection.ensure_connection()
    names = _prepared_on.setdefault(connection.connection, set())
    if name not in names:
        with connection.cursor() as cursor:
            cursor.execute(f"PREPARE {name}(jsonb) AS " + _APPEND.replace("{known}", known).replace("{guard}", guard))
        names.add(name)
    return name


@cache
def _name(known: str, guard: str) -> str:
    return f"realtime_append_{text_hash(known + guard):x}"


def append_and_ring(drafts: Sequence[Draft], before: Sequence[Statement] = ()) -> None:
    """Store a unit of work's events and ring them after its commit. Registered as the appender (unit_of_work.py)."""
    stored = [outcome.event for outcome in append(drafts, before=before) if outcome.event]
    hooks.events_appended(hooks.Appended(tuple((event.topic, event.seq, event.kind) for event in stored)))
    transaction.on_commit(lambda: bell.ring(stored))


def rewrite(
    unit: UnitOfWork, *, topic: str, seq: int, changes: dict[str, Any], kind: str, payload: dict[str, Any]
) -> bytes:
    """Change a stored event's payload in place, tell so by an event of `kind` in the same topic; return what it is now.

    From the commit on a replay has the new payload only. The event says which one it rewrites, so each process that
    hears of it forgets what it holds of the old one. `client_id` and `text_hash` stay: a repeat is still a repeat.
    Raises: LookupError when there is no such event. Locks: the event; the topic when the unit ends.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE realtime_event e SET payload = e.payload || %s::jsonb
               FROM realtime_topic t WHERE t.key = %s AND e.topic_id = t.id AND e.seq = %s
               RETURNING e.payload::text""",
            [orjson.dumps(changes).decode(), topic, seq],
        )
        row = cursor.fetchone()
    if row is None:
        raise LookupError(f"{topic} has no event {seq}")
    unit.emit_draft(Draft(topic, kind, payload, rewrites=seq))
    return str(row[0]).encode()


# How a name stands in words made of it: "Ben joined the chat.", "Ana was handed over to Ben."
_WORDED = {
    "first": """starts_with(payload->>'message', payload->>%(field)s) THEN
        %(name)s || substr(payload->>'message', length(payload->>%(field)s) + 1)""",
    "last": """right(payload->>'message', length(payload->>%(field)s) + 1) = (payload->>%(field)s) || '.' THEN
        left(payload->>'message', -1 - length(payload->>%(field)s)) || %(name)s || '.'""",
}


def rename_author(
    *,
    user_id: int,
    name: str,
    id_field: str = "user_id",
    name_field: str = "user",
    worded_kinds: Sequence[str] = (),
    worded: Literal["first", "last"] = "first",
) -> int:
    """Put another name on everything that names a person in any topic; return how many events that were.

    `id_field` and `name_field` are where payloads keep who it is and what they are called. In events of the kinds
    `worded_kinds` a `message` that begins with the name (or ends with it, before the full stop, with `worded` "last")
    is words about the person, and gets the new one too.
    For erasure: what was said stays readable, who said it does not. Live sockets are told nothing. Found by index:
    by author, and by what a payload names, where an event has no `client_id` (one that has names its author alone).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE realtime_event SET payload = payload || jsonb_strip_nulls(jsonb_build_object(
                   %(field)s::text, %(name)s::text,
                   'message', CASE WHEN kind = ANY(%(kinds)s) AND {_WORDED[worded]} ELSE payload->>'message' END))
               WHERE payload ? %(field)s AND (
                   client_id IS NULL AND payload @> jsonb_build_object(%(id_field)s::text, %(id)s::bigint)
                   OR author_id = %(id)s AND coalesce(payload->>%(id_field)s, author_id::text) = %(id)s::text)
            """,  # noqa: S608
            {
                "kinds": list(worded_kinds),
                "field": name_field,
                "name": name,
                "id_field": id_field,
                "id": user_id,
            },
        )
        return int(cursor.rowcount)


def text_hash(text: str) -> int:
    """Return 63 bits that tell texts apart, small enough to keep beside each event."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def _outcome(
    draft: Draft,
    payload: bytes,
    refusal: str | None,
    known_seq: int | None,
    same: bool | None,
    seq: int | None,
    at: str | None,
) -> Outcome:
    if known_seq is not None:  # Also where the guard would refuse it by now: its author asks whether it was stored.
        return Outcome(duplicate_of=known_seq, same=bool(same))
    if refusal is not None:
        return Outcome(refusal=refusal)
    if seq is None or at is None:
        raise RuntimeError("an admitted draft was neither stored nor known")
    return Outcome(StoredEvent(draft.topic, seq, draft.kind, draft.client_id, payload, at, draft.rewrites))
