"""What an application hooks into the life of our server. Plain lists: whoever composes the process fills them.

Under another server they are never called, and `is_draining` stays False; nothing may depend on them being called.

on_start: run once the port is bound, before the first connection is accepted. A failure stops the start.
on_drain: run together at SIGTERM, once no new connections are accepted; they have the drain time.
on_stop:  run in order after the last request and socket have ended; all together they have about a second.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Hook = Callable[[], Awaitable[object]]

on_start: list[Hook] = []
on_drain: list[Hook] = []
on_stop: list[Hook] = []

_draining = False


def is_draining() -> bool:
    return _draining


def begin_drain() -> None:
    global _draining
    _draining = True
