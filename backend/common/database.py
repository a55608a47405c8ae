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
# Deadlock, lock not got in time, serialization failure.
_CONTENTION = ("40P01", "55P03", "40001")


def is_connection_trouble(fault: BaseException) -> bool:
    """Whether the fault says that the server is away, not that the statement was wrong.

    An immediate restart raises plain `DatabaseError` without any SQLSTATE, on a connection that does not know yet
    that it is dead (stack.md). The server gives each of its own faults a SQLSTATE.
    """
    if not isinstance(fault, DatabaseError | InterfaceError):
        return False
    state = getattr(fault.__cause__, "pgcode", None)
    if state:
        return state.startswith(_TROUBLE)
    raw = connection.connection
    nameless = type(fault) is DatabaseError or isinstance(fault, OperationalError | InterfaceError)
    return nameless or raw is None or raw.closed != 0


def dropped(fault: BaseException) -> bool:
    """Tell whether the fault is connection trouble; if so, close this thread's connection, so that the next use of
    it opens a new one."""
    if not is_connection_trouble(fault):
        return False
    connection.close()
    return True


def gave_way(fault: BaseException) -> bool:
    """Whether the transaction was ended because others held what it needed. Nothing of it is stored, and the same
    request may succeed a little later."""
    return isinstance(fault, OperationalError) and getattr(fault.__cause__, "pgcode", None) in _CONTENTION


def repeatable(fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a function that may be run twice (it reads, or repeating it changes nothing) and run it once more, on a new
    connection, when the old one turns out to be dead."""
    try:
        return fn(*args, **kwargs)
    except (DatabaseError, InterfaceError) as fault:
        if connection.in_atomic_block or not dropped(fault):
            raise
        return fn(*args, **kwargs)


def backoff_delays(*, first_s: float = 0.1, longest_s: float = 1.0, total_s: float = 2.5) -> list[float]:
    """Return waiting times that double from `first_s`, each shortened at random by up to half (E-SYS-1)."""
    delays: list[float] = []
    step = first_s
    while sum(delays) < total_s:
        delays.append(step * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries, guards nothing
        step = min(step * 2, longest_s)
    return delays


class Connecting:
    """Opens connections with patience: a restart of a second or two is waited out by whoever needs the database.

    Once one thread has waited in vain, the others try without waiting until one succeeds: during a long outage every
    request hears so at once, instead of queueing behind those that wait.
    """

    def __init__(self) -> None:
        self._away = False

    def __call__(self, connect: Callable[[], R]) -> R:
        """Call `connect`, trying again with backoff; the last fault is raised (E-SYS-1)."""
        for delay in [] if self._away else backoff_delays():
            try:
                return self._came_back(connect())
            except OperationalError as fault:
                if not _may_pass(fault):
                    raise
                time.sleep(delay)
        try:
            return self._came_back(connect())
        except OperationalError:
            self._away = True
            raise

    def _came_back(self, made: R) -> R:
        self._away = False
        return made


def _may_pass(fault: OperationalError) -> bool:
    """Whether waiting can help: a wrong password or a missing database stays wrong."""
    return not any(words in str(fault) for words in ("authentication failed", "does not exist"))
