"""A limit that is asked on every request, without asking Redis on every request.

A process takes a share of what is left in the window, one tenth at a time, and spends it by itself. Together the
processes never pass the limit; near its end the shares become single uses, so nothing is left unused for long either.
"""

import time
from dataclasses import dataclass
from functools import cache
from threading import Lock

from backend.common.ratelimit import Limiter, Rule, Spread, Verdict, limiter

PEOPLE_MAX = 20_000


@dataclass(slots=True)
class _Share:
    left: int
    remaining: int  # in the whole window, when the share was taken
    until: float
    allowed: bool
    ends_at: float  # of the window or the block; a refusal is believed for less than that


class Shares:
    """Shares of one process. Thread-safe; bounded in size."""

    def __init__(self, source: Limiter | Spread) -> None:
        self._source = source
        self._shares: dict[tuple[str, str], _Share] = {}
        self._lock = Lock()

    def take(self, rule: Rule, identity: str) -> Verdict:
        """Spend one use of the share, or take a new share."""
        key = rule.name, identity
        now = time.monotonic()
        with self._lock:
            share = self._shares.get(key)
            if share is not None and share.until > now:
                if share.left > 0:
                    left = share.left = share.left - 1
                    return Verdict(True, rule.limit, share.remaining + left, share.ends_at - now)
                if not share.allowed:
                    return Verdict(False, rule.limit, 0, share.ends_at - now)
        verdict = self._source.hit(rule, identity)
        extra, remaining = min(rule.limit // 10, verdict.remaining) if verdict.allowed else 0, verdict.remaining
        if extra > 1:
            grown = self._source.hit(rule, identity, cost=extra, in_advance=True)
            extra, remaining = (extra, grown.remaining) if grown.allowed else (0, verdict.remaining)
        else:
            extra = 0
        self._keep(key, verdict, extra, remaining, now)
        return verdict

    def _keep(self, key: tuple[str, str], verdict: Verdict, extra: int, remaining: int, now: float) -> None:
        """Remember a share that was taken, on top of what another thread took meanwhile."""
        ends_at = now + verdict.reset_s
        # What is refused is remembered for a moment only: an administrator may lift a block.
        until = ends_at if verdict.allowed else min(ends_at, now + 1.0)
        with self._lock:
            other = self._shares.get(key)
            if other is not None and other.until > now and other.allowed and verdict.allowed:
                extra, remaining = extra + other.left, min(remaining, other.remaining)
                until = ends_at = min(until, other.until)
            if len(self._shares) >= PEOPLE_MAX:
                self._shares.clear()
            self._shares[key] = _Share(extra, remaining, until, verdict.allowed, ends_at)


@cache
def shares() -> Shares:
    return Shares(limiter())
