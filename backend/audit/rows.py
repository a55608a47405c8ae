"""Rows and seals as the proofs take them: plain values, bytes in hexadecimal, read by SQL in one go."""

from collections.abc import Sequence
from typing import Any

_ROW = (
    *("id", "xid", "action", "action_type", "actor_id", "at", "detail_hash", "facts", "ip_address", "key", "log_id"),
    *("subject_id", "target_id", "target_type", "user_agent", "digest"),
)
# Of audit_log, which must be called l.
COLUMNS = """l.id, l.xid, l.action, l.action_type, l.actor_id,
    to_char(l.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), encode(l.detail_hash, 'hex'), l.facts,
    l.ip_address, l.key, l.log_id::text, l.subject_id, l.target_id, l.target_type, l.user_agent,
    encode(l.digest, 'hex')"""
_SEAL = ("seq", "row_id", "leaf", "link", "mac", "key")
# Of audit_seal, which must be called s.
SEAL_COLUMNS = """s.seq, s.row_id, encode(s.leaf, 'hex'), encode(s.link, 'hex'), encode(s.mac, 'hex'), s.key"""


def row_of(found: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(_ROW, found, strict=True))


def seal_of(found: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(_SEAL, found, strict=True))


SEALED = f"""
SELECT {SEAL_COLUMNS}, {COLUMNS}, encode(d.salt, 'hex'), d.values
FROM audit_seal s LEFT JOIN audit_log l ON l.id = s.row_id LEFT JOIN audit_detail d ON d.row_id = s.row_id
"""  # noqa: S608 - columns of ours


def sealed_of(found: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return a seal and its row from a line of SEALED; None where the row is gone. Values come with their salt."""
    seal, row = seal_of(found[:6]), found[6:-2]
    if row[0] is None:
        return seal, None
    values = {"salt": found[-2], "values": found[-1]} if found[-1] is not None else {}
    return seal, {**row_of(row), **values}
