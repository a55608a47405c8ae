"""A limit that is asked on every request, without asking Redis on every request.

A process takes a share of what is left in the window, one tenth at a time, and spends it by itself. Together the
processes never pass the limit; near its end the shares become single uses, so nothing is left unused for long either.
"""

import time
from dataclasses import dataclass
from functools import cache
from threading import Lock

from backend.common.ratelimit import Limiter, Rule, Verdict, limiter

PEOPLE_MAX = 20_000


@dataclass(slots=True)
class _Share:
    left: int
    remaining: int  # in the whole window, when the share was taken
    until: float
    allowed: bool


class Shares:
    """Shares of one process. Thread-safe; bounded in size."""

    def __init__(self, source: Limiter) -> None:
        self._source = source
        self._shares: dict[tuple[str, str], _Share] = {}
        self._lock = Lock()

    def take(self, rule: Rule, identity: str) -> Verdict:
        """Spend one use of the share, or take a new share."""
        key = (rule.name, identity)
        now = time.monotonic()
        with self._lock:
            share = self._shares.get(key)
            if share is not None and share.until > now and (share.left > 0 or not share.allowed):
                share.left -= 1
                remaining = share.remaining + max(share.left, 0) if share.allowed else 0
                return Verdict(share.allowed, rule.limit, remaining, share.until - now)
        verdict = self._source.hit(rule, identity)
        extra = min(rule.limit // 10, verdict.remaining) if verdict.allowed else 0
        if extra > 1:
            grown = self._source.hit(rule, identity, cost=extra, in_advance=True)
            extra = extra if grown.allowed else 0
        with self._lock:
            if len(self._shares) >= PEOPLE_MAX:
                self._shares.clear()
            # What is refused is remembered for a moment only: an administrator may lift a block.
            until = now + (verdict.reset_s if verdict.allowed else min(verdict.reset_s, 1.0))
            self._shares[key] = _Share(extra, max(verdict.remaining - extra, 0), until, verdict.allowed)
        return verdict


@cache
def shares() -> Shares:
    return Shares(limiter())
