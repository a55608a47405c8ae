"""Who works on a part: one process at a time.

A lock of the database's session, not a lease: it ends with the connection, so at once when its process is killed, and
after half a minute when its machine is gone. It only keeps two from doing the same work; that nothing is stored twice
is seen to by the position, which each batch checks and moves under the part's row lock.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.db import DatabaseError, InterfaceError, connection

log = structlog.get_logger(__name__)

_NOTICE_THE_DEAD = "SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2"
_TRY = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
_LET_GO = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"
TRIED_EVERY_S = 0.1


@contextmanager
def claimed(part_id: int, *, wait_s: float = 0) -> Iterator[bool]:
    """Yield whether the part is ours until the block ends. `wait_s` is for how long to wait for whoever has it."""
    name = f"banking.load_part:{part_id}"
    is_ours = _take(name, wait_s)
    try:
        yield is_ours
    finally:
        if is_ours:
            _let_go(name)


def _take(name: str, wait_s: float) -> bool:
    until = time.monotonic() + wait_s
    with connection.cursor() as cursor:
        cursor.execute(_NOTICE_THE_DEAD)
        while True:
            cursor.execute(_TRY, [name])
            if cursor.fetchone()[0]:
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(TRIED_EVERY_S)


def _let_go(name: str) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(_LET_GO, [name])
    except (DatabaseError, InterfaceError) as fault:
        # The connection is gone, and the lock with it.
        log.warning("load.claim_lost", claim=name, fault=type(fault).__name__)
        connection.close()
