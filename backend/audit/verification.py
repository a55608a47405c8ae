"""Verifying the trail where it lives: the walk of the offline verifier, fed from the database, and what only the
database can tell: rows that no seal holds, seals' triggers, and whether either copy of the checkpoints was set back.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from backend.audit import keys
from backend.audit.checkpoints import Line, place
from backend.audit.models import AuditCheckpoint
from backend.audit.offline.chain import GENESIS, Finding, Walk, digest_of, row_bytes
from backend.audit.offline.signatures import check_lines, check_witness
from backend.audit.rows import COLUMNS, SEALED, row_of, sealed_of

PAGE = 5000
GUARDED = ("audit_log", "audit_seal", "audit_detail", "audit_checkpoint")

_STRAYS = """
SELECT l.id FROM audit_log l
WHERE l.id BETWEEN %s AND %s
  AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.row_id = l.id)
  AND NOT EXISTS (SELECT FROM audit_pending p WHERE p.row_id = l.id)
ORDER BY l.id LIMIT 100
"""
_LOST = """
SELECT p.row_id FROM audit_pending p LEFT JOIN audit_log l ON l.id = p.row_id
WHERE l.id IS NULL ORDER BY p.row_id LIMIT 100
"""
_LOOSE_VALUES = """
SELECT d.row_id FROM audit_detail d LEFT JOIN audit_log l ON l.id = d.row_id
WHERE l.id IS NULL AND d.row_id > %s
  AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.row_id = d.row_id)
  AND NOT EXISTS (SELECT FROM audit_pending p WHERE p.row_id = d.row_id)
ORDER BY d.row_id LIMIT 100
"""
_GUARDS = """
SELECT c.relname || t.suffix FROM unnest(%s::text[]) AS c(relname)
CROSS JOIN (VALUES ('_only_grows'), ('_is_never_emptied')) AS t(suffix)
WHERE NOT EXISTS (
    SELECT FROM pg_trigger g WHERE g.tgrelid = c.relname::regclass AND g.tgname = c.relname || t.suffix
        AND g.tgenabled = 'A' AND g.tgfoid = 'audit_refuse'::regproc)
"""
LAST_ROW = 2**63 - 1


@dataclass
class Report:
    """What a verification went through, and what it found, first place first."""

    rows: int = 0
    first: int = 0
    last: int = 0
    waiting: int = 0
    checkpoints: int = 0
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not self.findings


def verify(*, since: int | datetime | None = None, witness: Iterable[Line] = ()) -> Report:
    """Verify the whole trail, or what was sealed after the last checkpoint before `since` (a place or a moment).

    Everything is read as of one moment. Raises: OSError, when the checkpoints cannot be read.
    """
    began = time.monotonic()
    with one_moment():
        lines = list(place().lines())
        good, findings = check_lines(lines, keys.public(), keys.verify_signature)
        copies = AuditCheckpoint.objects.order_by("number").values_list("line", flat=True)
        findings += check_witness(lines, copies.iterator())
        findings += check_witness(lines, witness)
        start, link, gone = beginning(good, since)
        findings += gone
        expected = {line["seq"]: line["link"] for line in good}
        walk = Walk(seq=start, link=link, keys=keys.proving(), expected=expected, knows_values=True)
        for page in pages(after=start):
            for seal, row in page:
                walk.step(seal, row)
        head = max([line["seq"] for line in good if line["kind"] == "checkpoint"], default=0)
        findings += walk.finish(head=head)
        findings += loose_ends(after=walk.seq, archived=max([line.get("last_row", 0) for line in good], default=0))
        waiting = count_waiting()
    return Report(
        rows=walk.rows,
        first=start + 1,
        last=walk.seq,
        waiting=waiting,
        checkpoints=len(good),
        seconds=time.monotonic() - began,
        findings=sorted(findings),
    )


@contextmanager
def one_moment() -> Iterator[None]:
    """Read everything in one snapshot, and write nothing."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def beginning(
    lines: Iterable[Mapping[str, Any]], since: int | datetime | None = None
) -> tuple[int, str, list[Finding]]:
    """Return where to begin: the place before the first seal and its link; and a finding if nothing vouches for it.

    Before the first seal there is nothing, or an archive with its anchor. With `since`, any signed line will do.
    """
    lines = list(lines)
    anchors = {0: GENESIS, **{line["seq"]: line["link"] for line in lines if line["kind"] == "anchor"}}
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(seq) FROM audit_seal")
        first = cursor.fetchone()[0]
    before = max(anchors) if first is None else first - 1
    if since is not None:
        earlier = [line for line in lines if _is_before(line, since) and line["seq"] >= before]
        if earlier:
            return earlier[-1]["seq"], earlier[-1]["link"], []
    if before in anchors:
        return before, anchors[before], []
    known = max(seq for seq in anchors if seq < before)
    return known, anchors[known], []  # The walk meets the gap, and names it.


def _is_before(line: Mapping[str, Any], since: int | datetime) -> bool:
    if isinstance(since, datetime):
        return datetime.fromisoformat(line["at"]) <= since
    return int(line["seq"]) <= since


def pages(
    *, after: int, until: int = LAST_ROW, size: int = PAGE
) -> Iterator[list[tuple[dict[str, Any], dict[str, Any] | None]]]:
    """Read seals with their rows, page by page; each page is a query of its own."""
    while True:
        limit = min(size, until - after)
        if limit <= 0:
            return
        with connection.cursor() as cursor:
            cursor.execute(f"{SEALED} WHERE s.seq > %s AND s.seq <= %s ORDER BY s.seq LIMIT %s", [after, until, limit])
            page = [sealed_of(found) for found in cursor.fetchall()]
        if not page:
            return
        yield page
        after = page[-1][0]["seq"]


def loose_ends(*, after: int, archived: int = 0, rows: tuple[int, int] = (0, LAST_ROW)) -> Iterator[Finding]:
    """Find what no seal knows of, and guards that are down; placed behind the chain, at `after` + 1."""
    seq = after + 1
    with connection.cursor() as cursor:
        cursor.execute(_STRAYS, rows)
        for (row_id,) in cursor.fetchall():
            yield Finding(seq, "inserted", "no seal holds this row, and it is not waiting for one", row_id)
        cursor.execute(_LOST)
        for (row_id,) in cursor.fetchall():
            yield Finding(seq, "missing", "this row was recorded, and is gone before it was sealed", row_id)
        cursor.execute(_LOOSE_VALUES, [archived])
        for (row_id,) in cursor.fetchall():
            yield Finding(seq, "inserted", "personal values without a row", row_id)
        cursor.execute(_GUARDS, [list(GUARDED)])
        for (name,) in cursor.fetchall():
            yield Finding(seq, "unguarded", f"the trigger {name} is gone or switched off")
    yield from _changed_while_waiting(seq)


_WAITING = f"SELECT {COLUMNS} FROM audit_pending p JOIN audit_log l ON l.id = p.row_id LIMIT 10000"  # noqa: S608


def _changed_while_waiting(seq: int) -> Iterator[Finding]:
    proving = keys.proving()
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        for found in cursor.fetchall():
            row = row_of(found)
            version = proving.get(row["key"])
            if version is None or digest_of(version.digest, row_bytes(row)) != row["digest"]:
                yield Finding(seq, "altered", "this row waits for its seal, and is not as Ease wrote it", row["id"])


def count_waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_pending")
        return int(cursor.fetchone()[0])
