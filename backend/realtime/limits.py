"""Pace: a bucket of tokens that refills steadily. It tells how long to wait; it never drops anything."""

import time


class Pace:
    """Allows `burst` at once, then `rate` a second."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, *, burst: float, rate: float) -> None:
        self._burst = self._level = float(burst)
        self._rate = rate
        self._at = time.monotonic()

    def delay(self, tokens: float = 1) -> float:
        """Take tokens and return how many seconds the taker must wait for them; 0 within the burst."""
        now = time.monotonic()
        self._level = min(self._burst, self._level + (now - self._at) * self._rate) - tokens
        self._at = now
        return 0.0 if self._level >= 0 else -self._level / self._rate

    def is_exceeded(self) -> bool:
        """Take one token, and tell whether there was none."""
        return self.delay() > 0
