"""Sealing: linking rows that cannot change any more into one chain, off the way of every write.

Invariants:

1. A row is sealed when every transaction that began before its own has ended (its id is below the oldest one that
   runs), in the order of transactions: none can appear later that belongs before one that is sealed.
2. One sealer at a time, by an advisory lock of the transaction; a second one does nothing. A batch is one transaction:
   a sealer that is killed leaves nothing half done.
3. What waits is a table of its own (`audit_pending`), written by the statement that writes the row. So none is passed
   over: neither after a rollback, which leaves holes in the row numbers, nor after a restore into another cluster,
   where transactions are counted anew (a transaction beyond the newest one ended long ago).
"""

import io
from datetime import UTC, datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction

from backend.audit import keys
from backend.audit.checkpoints import Line, place
from backend.audit.models import AuditCheckpoint
from backend.audit.offline.chain import GENESIS, leaf_of, line_hash, link_of, mac_of, row_bytes
from backend.audit.rows import COLUMNS, row_of

log = structlog.get_logger(__name__)

LOCK = "audit.seal"
BATCH = 2000
BATCHES_MAX = 50  # of one run: the clock comes again

_SETTLED = f"""
SELECT {COLUMNS} FROM audit_pending p JOIN audit_log l ON l.id = p.row_id
WHERE p.xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
   OR p.xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
ORDER BY p.xid, p.row_id LIMIT %s
"""  # noqa: S608 - columns of ours


def run(*, batch: int = BATCH, batches_max: int = BATCHES_MAX) -> int:
    """Seal what is settled, in steps, and sign a checkpoint when one is due. Returns how many rows were sealed."""
    total = 0
    for _ in range(batches_max):
        sealed = seal(limit=batch)
        total += sealed
        if sealed < batch:
            break
    sign_checkpoint(at_least_every_s=settings.AUDIT_CHECKPOINT_SECONDS)
    return total


def seal(*, limit: int = BATCH) -> int:
    """Seal up to `limit` settled rows in one transaction; return how many. None while another process seals."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not alone(cursor):
            return 0
        cursor.execute(_SETTLED, [limit])
        rows = [row_of(found) for found in cursor.fetchall()]
        if not rows:
            return 0
        seq, link = _head(cursor)
        _store(cursor, rows, seq, link)
        cursor.execute("DELETE FROM audit_pending WHERE row_id = ANY(%s)", [[row["id"] for row in rows]])
    return len(rows)


def sign_checkpoint(*, at_least_every_s: float = 0) -> Line | None:
    """Sign how far the chain goes, outside of the database, if it went on since the last time; return the line.

    A place that cannot be reached is logged and tried again: rows are sealed all the same.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if not alone(cursor):
            return None
        seq, link = _head(cursor)
        newest = AuditCheckpoint.objects.filter(kind="checkpoint").order_by("-number").first()
        if seq == 0 or (newest is not None and not _is_due(newest, seq, at_least_every_s)):
            return None
        try:
            return append_line({"kind": "checkpoint", "seq": seq, "link": link})
        except OSError as fault:
            log.error("audit.checkpoint_lost", fault=type(fault).__name__, seq=seq)
            return None


def append_line(facts: dict[str, Any]) -> Line:
    """Sign a line, keep it at its place, then copy it into the database. The caller holds the sealer's lock.

    In this order, so that the copy never knows more than the place does. Raises: OSError.
    """
    there = place()
    last = there.last()
    copied = AuditCheckpoint.objects.order_by("-number").first()
    if copied is not None and (last is None or last["number"] < copied.number):
        # Somebody set the place back. Going on from there would hide it; going on from the copy shows it for ever.
        log.error("audit.checkpoints_set_back", number=copied.number, found=last["number"] if last else 0)
        last = copied.line
    line = keys.signed(
        {
            **facts,
            "number": last["number"] + 1 if last else 1,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "previous": line_hash(last) if last else GENESIS,
        }
    )
    there.append(line)
    if last is not None and (copied is None or copied.number < last["number"]):
        _copy(last)  # Kept there by a process that was killed before it could copy.
    _copy(line)
    log.info("audit.checkpoint", **{name: line[name] for name in ("number", "seq", "link", "signature")})
    return line


def _copy(line: Line) -> None:
    facts = {"kind": line["kind"], "seq": line["seq"], "line": line}
    AuditCheckpoint.objects.get_or_create(number=line["number"], defaults=facts)


def _is_due(newest: AuditCheckpoint, seq: int, at_least_every_s: float) -> bool:
    """Whether the chain went on. One that is shorter than what was signed was cut: that is never signed over."""
    if seq < newest.seq:
        log.error("audit.truncated", signed=newest.seq, found=seq)
    age = datetime.now(UTC) - datetime.fromisoformat(newest.line["at"])
    return seq > newest.seq and age.total_seconds() >= at_least_every_s


def alone(cursor: Any) -> bool:
    """Take the sealer's lock until the end of the transaction; False while another process has it."""
    cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [LOCK])
    return bool(cursor.fetchone()[0])


def _head(cursor: Any) -> tuple[int, str]:
    """Return the last seal's place and link; those of the newest archive where nothing was sealed since."""
    cursor.execute("SELECT seq, encode(link, 'hex') FROM audit_seal ORDER BY seq DESC LIMIT 1")
    found = cursor.fetchone()
    if found is not None:
        return int(found[0]), str(found[1])
    anchor = AuditCheckpoint.objects.filter(kind="anchor").order_by("-number").first()
    return (anchor.seq, anchor.line["link"]) if anchor is not None else (0, GENESIS)


def _store(cursor: Any, rows: list[dict[str, Any]], seq: int, link: str) -> None:
    version = keys.newest()
    text = io.StringIO()
    for row in rows:
        seq += 1
        leaf = leaf_of(row_bytes(row), row)
        link = link_of(link, leaf)
        mac = mac_of(version.keys.seal, seq, link)
        text.write(f"{seq}\t{row['id']}\t\\\\x{leaf}\t\\\\x{link}\t\\\\x{mac}\t{version.number}\n")
    text.seek(0)
    cursor.copy_expert("COPY audit_seal (seq, row_id, leaf, link, mac, key) FROM STDIN", text)
