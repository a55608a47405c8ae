"""Copy the rows that were written before the trail was sealed, with digests, to be sealed like any.

In steps, each its own transaction: it locks nothing that others use, and can be stopped and run again. What a process
of the release before still writes meanwhile stays in the old table, `audit_auditlog`.
"""

import json
from typing import Any

from django.db import migrations

from backend.audit import keys
from backend.audit.actions import action_type_of
from backend.audit.offline.chain import canonical, digest_of, row_bytes
from backend.audit.services.recording import new_log_id, written

STEP = 1000


def copy(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    last = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                """SELECT id, at, actor_id, action, target_type, target_id, host(ip_address), user_agent, facts::text
                   FROM audit_auditlog o WHERE id > %s AND NOT EXISTS (SELECT FROM audit_log n WHERE n.id = o.id)
                   ORDER BY id LIMIT %s""",
                [last, STEP],
            )
            rows = cursor.fetchall()
            if not rows:
                break
            _store(cursor, [_signed(*row) for row in rows])
            last = rows[-1][0]
        cursor.execute(
            """SELECT setval(pg_get_serial_sequence('audit_log', 'id'), max(id)) FROM audit_log HAVING max(id) >= (
                   SELECT last_value FROM audit_log_id_seq)"""
        )


def _signed(number: int, at: Any, actor_id: int | None, action: str, *rest: str) -> list[Any]:
    target_type, target_id, ip, agent, facts = rest
    version = keys.newest()
    row = {
        "action": action,
        "action_type": action_type_of(action),
        "actor_id": actor_id,
        "at": written(at),
        "detail_hash": None,
        "facts": canonical(json.loads(facts)).decode(),
        "ip_address": ip,
        "key": version.number,
        "log_id": new_log_id(),
        "subject_id": int(target_id) if target_type == "identity.user" else None,
        "target_id": target_id,
        "target_type": target_type,
        "user_agent": agent,
    }
    digest = bytes.fromhex(digest_of(version.keys.digest, row_bytes(row)))
    return [number, *(row[name] for name in _COLUMNS), digest]


_COLUMNS = (
    *("log_id", "at", "actor_id", "subject_id", "action", "action_type", "target_type", "target_id", "ip_address"),
    *("user_agent", "facts", "key"),
)


def _store(cursor: Any, rows: list[list[Any]]) -> None:
    one = f"({', '.join(['%s'] * (len(_COLUMNS) + 2))}, pg_current_xact_id()::text::bigint)"
    cursor.execute(
        f"""WITH row AS (
                INSERT INTO audit_log (id, {", ".join(_COLUMNS)}, digest, xid) VALUES {", ".join([one] * len(rows))}
                RETURNING id, xid)
            INSERT INTO audit_pending (row_id, xid) SELECT id, xid FROM row""",  # noqa: S608 - columns of ours
        [value for row in rows for value in row],
    )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("audit", "0002_seal_the_trail")]
    operations = [migrations.RunPython(copy, migrations.RunPython.noop)]
