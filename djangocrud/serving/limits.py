"""Every limit of the server in one place. Times are seconds, sizes are bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """`body_limits` maps path prefixes to sizes, the longest prefix wins; every other path has `body_max`. A `*` in a
    prefix stands for one segment of a path.

    A body of at most `body_max` is complete in memory before the application is called. A bigger one, where allowed,
    is handed over while it arrives, and the client is made to wait when the application is slower.
    """

    body_max: int = 300 * KIB
    body_limits: Mapping[str, int] = field(default_factory=dict)
    bodies_in_memory_max: int = 64 * MIB  # of all requests together; beyond: 503

    arrive_stall_s: float = 30.0  # without one byte of a request that has begun
    arrive_total_s: float = 60.0  # for all of a request, plus what its size takes at `arrive_rate_min`
    arrive_rate_min: int = 16 * KIB  # a second
    idle_s: float = 75.0  # between two requests
    unread_s: float = 60.0  # without the client taking one byte of what waits for it
    linger_s: float = 2.0  # after a refusal, so that the client can read it before its sending fails

    frame_max: int = 64 * KIB  # of one WebSocket frame and of one message
    inbox_frames_max: int = 64  # more waiting for the application: reading stops
    inbox_frames_low: int = 16  # fewer: it goes on
    inbox_bytes_max: int = 256 * KIB
    ping_interval_s: float = 20.0
    ping_timeout_s: float = 30.0
    close_wait_s: float = 2.0  # for the client's answer to our close frame

    drain_s: float = 4.0

    def body_limit(self, path: str) -> int:
        prefix = longest_prefix(self.body_limits, path)
        return self.body_max if prefix is None else self.body_limits[prefix]

    @property
    def tick_s(self) -> float:
        """How often limits are checked: a fraction of the shortest, so that tests can use short ones."""
        return min(1.0, *(t / 4 for t in (self.arrive_stall_s, self.arrive_total_s, self.idle_s, self.unread_s)))


def longest_prefix(prefixes: Iterable[str], path: str) -> str | None:
    """Return the longest prefix that the path begins with; a `*` in it stands for one segment."""
    return max((prefix for prefix in prefixes if _pattern(prefix).match(path)), key=len, default=None)


def names_path(pattern: str, path: str) -> bool:
    """Tell whether the path is the one that the pattern stands for, not only one below it."""
    return _pattern(pattern).fullmatch(path) is not None


@cache
def _pattern(prefix: str) -> re.Pattern[str]:
    return re.compile("[^/]+".join(re.escape(part) for part in prefix.split("*")))
