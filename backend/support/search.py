"""Finding what was said in one's own chats: newest first, by what the text is now.

The index names runs of messages in which all wanted words occur (models.ChatWords), newest first, from one index scan
of the caller's own rows: what others wrote costs nothing, however common the words. The runs are then read, newest
first, until the page is full. What a request reads is bounded; where that was not enough, it answers what it found
with a cursor to go on from.
"""

import base64
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.db import connection

from backend.common.principal import SUPPORT_AGENT, Principal
from backend.realtime.selectors import NO_LIMIT
from backend.support.words import HIT_BEGINS, HIT_ENDS, IS_SAID, TEXT, WORDS, Wanted, topic_sql

LOOK_MAX = 16_000  # rows of the index for each request: 128,000 messages
RUNS_MAX = 1200  # of those that may hold what is wanted
READ_FIRST, READ_MAX = 16, 1000  # of the runs they name; what is read at once doubles until it is enough
TAIL_MAX = 500  # messages of a tail that are read; it has fewer, unless the index is behind
SNIPPET_BEFORE, SNIPPET_AFTER = 40, 120
START_OF_TIME, END_OF_TIME = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)

_MARK = re.compile(f"([{HIT_BEGINS}{HIT_ENDS}])")

# Runs end with the day, so all that can hold something older than the cursor end within a day of it.
_LOOKED_AT = """
    FROM support_chatwords
    WHERE {whose} AND (last_at IS NULL OR last_at < %(reach)s)
    ORDER BY last_at DESC
"""
_RUNS = f"""
    SELECT chat_id, is_desk, first_seq, last_seq, last_at FROM (SELECT * {_LOOKED_AT} LIMIT %(look)s) looked_at
    WHERE words IS NULL OR (first_at <= %(before)s AND words @@ %(nearby)s::tsquery)
    LIMIT %(runs)s
"""  # noqa: S608 - constants only
_LOOKED_TO = f"SELECT last_at {_LOOKED_AT} OFFSET %(look)s - 1 LIMIT 1"  # noqa: S608 - constants only
_READ = f"""
    SELECT e.chat_id, e.is_desk, e.topic_id, e.seq, e.created_at, e.payload::text,
        ts_headline('simple', {TEXT}, %(exactly)s::tsquery,
            'HighlightAll=true, StartSel={HIT_BEGINS}, StopSel={HIT_ENDS}')
    FROM (
        SELECT run.chat_id, run.is_desk, e.topic_id, e.seq, e.created_at, e.payload
        FROM unnest(%(chats)s::uuid[], %(desks)s::boolean[], %(firsts)s::bigint[], %(lasts)s::bigint[])
            AS run(chat_id, is_desk, first_seq, last_seq)
        JOIN support_chat c ON c.id = run.chat_id
            AND (%(chat)s IS NOT NULL OR c.customer_id = %(actor)s OR c.admin_id = %(actor)s)
            AND NOT (run.is_desk AND c.customer_id = %(actor)s)
        JOIN realtime_topic t ON t.key = {topic_sql("run")}
        JOIN realtime_event e ON e.topic_id = t.id
            AND e.seq >= greatest(run.first_seq, CASE WHEN run.last_seq IS NULL THEN t.head - %(tail)s + 1 END)
            AND e.seq <= coalesce(run.last_seq, t.head)
        WHERE {IS_SAID} AND (e.created_at, e.topic_id, e.seq) < (%(before)s, %(topic)s, %(seq)s)
            AND lower(e.payload->>'message') LIKE ALL (%(parts)s::text[]) AND {WORDS} @@ %(exactly)s::tsquery
        ORDER BY e.created_at DESC, e.topic_id DESC, e.seq DESC LIMIT %(limit)s
    ) e
    ORDER BY e.created_at DESC, e.topic_id DESC, e.seq DESC
"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: what follows is older, or of the same moment and before it in this order."""

    at: datetime = END_OF_TIME
    topic_id: int = NO_LIMIT
    seq: int = NO_LIMIT

    @classmethod
    def from_text(cls, text: str) -> "Cursor":
        """Read what `to_text` gave. It opens nothing, so it is not signed. Raises: ValueError."""
        at, topic_id, seq = (int(part) for part in base64.urlsafe_b64decode(text.encode()).split(b"."))
        if not (0 <= topic_id <= NO_LIMIT and 0 <= seq <= NO_LIMIT and 0 <= at < 2**53):
            raise ValueError(text)
        return cls(EPOCH + timedelta(microseconds=at), topic_id, seq)

    def to_text(self) -> str:
        at = (self.at - EPOCH) // timedelta(microseconds=1)
        return base64.urlsafe_b64encode(f"{at}.{self.topic_id}.{self.seq}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Hit:
    """A message or note that was found. `snippet` is plain text in pieces, each a hit or not."""

    chat_id: uuid.UUID
    is_desk: bool
    place: Cursor
    payload: dict[str, Any]
    snippet: Sequence[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Run:
    """A part of a chat that may hold what is wanted. A tail has no end yet, and may hold the newest of all."""

    chat_id: uuid.UUID
    is_desk: bool
    first_seq: int
    last_seq: int | None
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Search:
    """One request: who looks for what, in which of their chats (None: in all), with its notes or not, from where on."""

    actor: Principal
    wanted: Wanted
    chat_id: uuid.UUID | None = None
    with_notes: bool = False
    after: Cursor = field(default_factory=Cursor)

    def page(self, limit: int) -> tuple[list[Hit], Cursor | None]:
        """Return up to `limit` hits, newest first, and where to go on; None at the end.

        One's own are the chats whose customer or agent one is, open or closed; where a chat is named, the caller has
        looked whether it is theirs. Notes are for who answers. Every hit is
        read from its event, so it is what stands there now, and its chat is looked at again.
        """
        runs, rest = self._runs()
        found: list[Hit] = []
        done, size = 0, READ_FIRST + sum(run.last_seq is None for run in runs)
        while True:
            found = sorted([*found, *self._read(runs[done : done + size], limit + 1)], key=_place, reverse=True)
            done, size = done + size, size * 2
            bound = runs[done].last_at if done < len(runs) else rest or self._looked_to()
            certain = [hit for hit in found if hit.place.at > bound]
            if len(certain) > limit:
                return certain[:limit], certain[limit - 1].place
            if bound == START_OF_TIME:
                return certain, None
            if done >= len(runs) or (done >= READ_MAX and bound < self.after.at):
                return certain, Cursor(bound) if bound < self.after.at else None

    def _runs(self) -> tuple[list[Run], datetime | None]:
        """Return runs to read, newest first, and up to when they are all there are; None: up to the end of the look."""
        runs: list[Run] = []
        cuts: list[datetime] = []
        for whose in self._whose():
            rows = self._query(_RUNS.format(whose=whose), runs=RUNS_MAX)
            some = [
                Run(chat_id, is_desk, first_seq, last_seq, last_at or END_OF_TIME)
                for chat_id, is_desk, first_seq, last_seq, last_at in rows
            ]
            runs += some
            if len(some) == RUNS_MAX:
                cuts.append(some[-1].last_at)
        rest = max(cuts, default=None)
        kept = [run for run in runs if rest is None or run.last_at >= rest]
        return sorted(kept, key=lambda run: run.last_at, reverse=True), rest

    def _looked_to(self) -> datetime:
        """Return up to when the index was looked at: beyond that, anything may follow."""
        rows = [row for whose in self._whose() for row in self._query(_LOOKED_TO.format(whose=whose))]
        return max([row[0] or END_OF_TIME for row in rows], default=START_OF_TIME)

    def _whose(self) -> list[str]:
        """Return conditions for the rows of the index that are the actor's; each one is a scan of its own index."""
        if self.chat_id is not None:
            return ["chat_id = %(chat)s" if self.with_notes else "chat_id = %(chat)s AND NOT is_desk"]
        answers = self.actor.has_role(SUPPORT_AGENT)
        return ["customer_id = %(actor)s", "agent_id = %(actor)s"] if answers else ["customer_id = %(actor)s"]

    def _read(self, runs: Sequence[Run], limit: int) -> list[Hit]:
        """Return the newest hits in these runs."""
        rows = self._query(
            _READ,
            chats=[str(run.chat_id) for run in runs],
            desks=[run.is_desk for run in runs],
            firsts=[run.first_seq for run in runs],
            lasts=[run.last_seq for run in runs],
            limit=limit,
        )
        return [_hit(*row) for row in rows]

    def _query(self, sql: str, **more: Any) -> list[tuple[Any, ...]]:
        reach = self.after.at + DAY if self.after.at < END_OF_TIME else END_OF_TIME
        facts = {
            "actor": self.actor.id,
            "chat": self.chat_id,
            "exactly": self.wanted.exactly,
            "nearby": self.wanted.nearby,
            "parts": self.wanted.parts,
            "before": self.after.at,
            "reach": reach,
            "topic": self.after.topic_id,
            "seq": self.after.seq,
            "look": LOOK_MAX,
            "tail": TAIL_MAX,
        }
        with connection.cursor() as cursor:
            cursor.execute(sql, {**facts, **more})
            return list(cursor.fetchall())


def _hit(chat_id: uuid.UUID, is_desk: bool, topic_id: int, seq: int, at: datetime, payload: str, marked: str) -> Hit:
    fields = orjson.loads(payload)
    return Hit(chat_id, is_desk, Cursor(at, topic_id, seq), fields, snippet(fields["message"], marked))


def _place(hit: Hit) -> tuple[datetime, int, int]:
    return (hit.place.at, hit.place.topic_id, hit.place.seq)


def snippet(text: str, marked: str) -> list[tuple[str, bool]]:
    """Cut a text around its first hit, and into pieces. `marked` is the same text, changed in place, with marks."""
    marks = _marks(marked, len(text))
    first = marks[0][0] if marks else 0
    start = 0 if first <= SNIPPET_BEFORE else first - SNIPPET_BEFORE
    end = min(len(text), max(first + SNIPPET_AFTER, marks[0][1] if marks else 0))
    pieces: list[tuple[str, bool]] = [("…", False)] if start else []
    at = start
    for begins, ends in marks:
        if ends > end:
            break
        pieces += [(text[at:begins], False), (text[begins:ends], True)]
        at = ends
    pieces += [(text[at:end], False), ("…" if end < len(text) else "", False)]
    return [piece for piece in pieces if piece[0]]


def _marks(marked: str, length: int) -> list[tuple[int, int]]:
    """Return where the hits begin and end; none, should PostgreSQL's highlighting have moved them."""
    marks: list[tuple[int, int]] = []
    begins = at = 0
    for part in _MARK.split(marked):
        if part == HIT_BEGINS:
            begins = at
        elif part == HIT_ENDS:
            marks.append((begins, at))
        else:
            at += len(part)
    return marks if at == length else []
