"""Recording: one statement for row, personal values and the place in the sealer's queue.

It is on the way of every write, so it is prepared once for each connection, goes with the last statement of the unit of
work, and neither reads nor waits for anything: linking rows into a chain is the sealer's work, later (sealing.py).
"""

import os
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import connection, models

from backend.audit import keys
from backend.audit.actions import action_type_of
from backend.audit.offline.chain import canonical, detail_hash_of, digest_of, row_bytes
from backend.audit.values import masked, plain
from backend.common import request_context
from backend.common.unit_of_work import Statement, defer, execute

_ROW = """
WITH row AS (
    INSERT INTO audit_log (log_id, at, actor_id, subject_id, action, action_type, target_type, target_id, ip_address,
        user_agent, facts, detail_hash, key, digest, xid)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, pg_current_xact_id()::text::bigint)
    RETURNING id, xid
)"""
_DETAIL = """,
detail AS (INSERT INTO audit_detail (row_id, subject_id, salt, values) SELECT id, $15, $16, $17 FROM row)"""
_QUEUED = """
INSERT INTO audit_pending (row_id, xid) SELECT id, xid FROM row"""
_TYPES = "uuid, timestamptz, bigint, bigint, text, text, text, text, text, text, text, bytea, smallint, bytea"
_STATEMENTS = {
    "audit_record": f"PREPARE audit_record({_TYPES}) AS {_ROW}{_QUEUED}",
    "audit_record_values": f"PREPARE audit_record_values({_TYPES}, bigint, bytea, text) AS {_ROW}{_DETAIL}{_QUEUED}",
}
_GIVEN = (
    *("log_id", "at", "actor_id", "subject_id", "action", "action_type", "target_type", "target_id", "ip_address"),
    *("user_agent", "facts"),
)
_CALLS = {
    "audit_record": f"EXECUTE audit_record({', '.join(['%s'] * 14)})",
    "audit_record_values": f"EXECUTE audit_record_values({', '.join(['%s'] * 17)})",
}
_prepared_on: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def record(
    *,
    actor_id: int | None,
    action: str,
    target: models.Model | None = None,
    facts: Mapping[str, Any] | None = None,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    subject_id: int | None = None,
) -> None:
    """Store who did what to which object, in the transaction of the write: in a unit of work, with its last statement.

    `facts` explain the action and stay for ever: never a secret, never personal. Personal values before and after go to
    `old` and `new`: secrets in them are masked, and erasing the person takes them away. `subject_id` is whom it is
    about: by default the target, where that is a user; whose values they are, the actor, where it says nothing.
    Raises: RuntimeError outside a transaction, since the row could then outlive a failed write.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("audit.record needs the transaction of the write that it records")
    target_type = target._meta.label_lower if target is not None else ""
    if subject_id is None and target is not None and target_type == settings.AUTH_USER_MODEL.lower():
        subject_id = target.pk
    context = request_context.current()
    salt, values, commitment = _committed(old, new)
    at = datetime.now(UTC)
    version = keys.newest()
    row = {
        "action": action,
        "action_type": action_type_of(action),
        "actor_id": actor_id,
        "at": written(at),
        "detail_hash": commitment,
        "facts": canonical(plain(facts or {})).decode(),
        "ip_address": context.ip,
        "key": version.number,
        "log_id": new_log_id(),
        "subject_id": subject_id,
        "target_id": str(target.pk) if target is not None else "",
        "target_type": target_type,
        "user_agent": plain(context.user_agent),
    }
    digest = digest_of(version.keys.digest, row_bytes(row))
    _store(row, digest, salt, values, actor_id if subject_id is None else subject_id)


def written(moment: datetime) -> str:
    """Return the moment as digests have it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def new_log_id() -> str:
    """Return an id that sorts by time (UUID version 7), so that its index grows at one end."""
    number = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10), "big")
    digits = f"{number & ~(0xF << 76) & ~(0x3 << 62) | (0x7 << 76) | (0x2 << 62):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _committed(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> tuple[bytes | None, str | None, str | None]:
    """Return a fresh salt, the values as text, and the hash of both; nothing of the kind without values."""
    if not old and not new:
        return None, None, None
    salt = secrets.token_bytes(16)
    values = canonical({"old": masked(old), "new": masked(new)}).decode()
    return salt, values, detail_hash_of(salt.hex(), values)


def _store(row: dict[str, Any], digest: str, salt: bytes | None, values: str | None, subject_id: int | None) -> None:
    name = "audit_record" if values is None else "audit_record_values"
    commitment = row["detail_hash"]
    given = [row[field] for field in _GIVEN]
    given += [commitment and bytes.fromhex(commitment), row["key"], bytes.fromhex(digest)]
    if values is not None:
        given += [subject_id, salt, values]
    _prepare(name)
    statement = Statement(_CALLS[name], given)
    if not defer(statement):
        execute([statement])


def _prepare(name: str) -> None:
    """Plan the statement once on this thread's connection: that takes longer than to run it."""
    names = _prepared_on.setdefault(connection.connection, set())
    if name not in names:
        with connection.cursor() as cursor:
            cursor.execute(_STATEMENTS[name])
        names.add(name)
