"""What a lost database looks like, and what may be done about it.

Reading again is safe. Writing again is not: a connection lost in commit leaves the outcome unknown, so a write is
repeated only by a caller whose request names itself (a `client_id`, an idempotency key).
"""

import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection

P = ParamSpec("P")
R = TypeVar("R")

# SQLSTATE classes: 08 connection, 57P shutdown and restart, 53 out of connections or memory.
_TROUBLE = ("08", "57P", "53")


def is_connection_trouble(fault: BaseException) -> bool:
    """Whether the fault says that the server is away, not that the statement was wrong.

    An immediate restart raises plain `DatabaseError` without any SQLSTATE (stack.md), so the state of the
    connection itself is asked too.
    """
    if not isinstance(fault, DatabaseError | InterfaceError):
        return False
    state = getattr(fault.__cause__, "pgcode", None)
    if state:
        return state.startswith(_TROUBLE)
    raw = connection.connection
    return isinstance(fault, OperationalError | InterfaceError) or raw is None or raw.closed != 0


def reading(fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a function that only reads, once more on a new connection when the old one turns out to be dead."""
    try:
        return fn(*args, **kwargs)
    except DatabaseError as fault:
        if not is_connection_trouble(fault) or connection.in_atomic_block:
            raise
        connection.close()
        return fn(*args, **kwargs)


def release() -> None:
    """Leave this thread's connection fit for the next job: close it when it broke, keep it otherwise."""
    if connection.connection is not None:
        connection.close_if_unusable_or_obsolete()


def backoff_delays(*, first_s: float = 0.1, longest_s: float = 1.0, total_s: float = 2.5) -> list[float]:
    """Return waiting times that double from `first_s`, each shortened at random by up to half (E-SYS-1)."""
    delays: list[float] = []
    step = first_s
    while sum(delays) < total_s:
        delays.append(step * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries, guards nothing
        step = min(step * 2, longest_s)
    return delays


def with_retries(connect: Callable[[], R]) -> R:
    """Call `connect` until it succeeds, waiting between tries; the last fault is raised (E-SYS-1)."""
    for delay in backoff_delays():
        try:
            return connect()
        except OperationalError:
            time.sleep(delay)
    return connect()
