"""Waiting until rows are settled. All databases of a cluster share one count of transactions, so what another worker's
test still has open, in a database of its own, holds our rows back, too."""

import time

from django.db import connection

from backend.audit.services import sealing

WITHIN_S = 120


def settle() -> None:
    """Return when nothing that waits for its seal could be held back by a transaction that still runs."""
    deadline = time.monotonic() + WITHIN_S
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("""SELECT count(*) FROM audit_pending
                   WHERE xid >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                     AND xid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint""")
            if cursor.fetchone() == (0,):
                return
            time.sleep(0.01)
    raise AssertionError("somebody keeps a transaction open")


def newest_row() -> int:
    """Return the number of the row that this connection wrote last."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT currval('audit_log_id_seq')")
        return int(cursor.fetchone()[0])


def seal(limit: int = sealing.BATCH) -> int:
    settle()
    return sealing.seal(limit=limit)


def run(**options: int) -> int:
    settle()
    return sealing.run(**options)
