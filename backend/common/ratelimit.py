"""Rate limits: counted atomically in Redis, in the database while Redis is away, with blocks that grow.

`hit` counts one use and judges it. Who goes over a limit is blocked for 1 min, then 5, 30 min, 24 h for each further
time within a day (E-RATE-4). Blocks are written to the database too and put back when Redis returns, so neither
losing Redis nor bringing back an empty one frees anybody. A mark in Redis tells an emptied one from one that knows.
"""

import hashlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from zlib import crc32

import redis
import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Max

from backend.common.errors import Unavailable
from backend.common.models import RateLimit

log = structlog.get_logger(__name__)

PENALTIES_S = (60, 300, 1800, 86400)
STRIKES_S = 86400
REST_S = 1.0
TIMEOUT_S = 0.25
PUT_BACK_MAX = 10_000
FORGET_AT_ONCE = 1000

# Answers: allowed, count, milliseconds to the end of window or block, strike number (0 when none was added).
# `allowed` is -1 when the mark is missing: this Redis has forgotten everything.
_HIT = """
if redis.call('EXISTS', KEYS[4]) == 0 then return {-1, 0, 0, 0} end
local blocked = redis.call('PTTL', KEYS[2])
if blocked > 0 then return {0, 0, blocked, 0} end
if ARGV[5] == '1' and tonumber(redis.call('GET', KEYS[1]) or 0) + tonumber(ARGV[1]) > tonumber(ARGV[2]) then
  return {0, 0, 0, 0}
end
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  left = tonumber(ARGV[3])
end
if count <= tonumber(ARGV[2]) then return {1, count, left, 0} end
local strike = redis.call('INCR', KEYS[3])
redis.call('EXPIRE', KEYS[3], ARGV[4])
local penalty = tonumber(ARGV[5 + math.min(strike, #ARGV - 5)]) * 1000
redis.call('SET', KEYS[2], strike, 'PX', penalty)
redis.call('DEL', KEYS[1])
return {0, count, penalty, strike}
"""


class Rule(NamedTuple):
    """At most `limit` uses in `window_s` seconds. `name` is the endpoint or group that people see."""

    name: str
    limit: int
    window_s: int


class Verdict(NamedTuple):
    """A tuple, since one is made for each request."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: float
    newly_blocked: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """S2-B27. `X-RateLimit-Reset` is in seconds since 1970."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(int(time.time() + self.reset_s) + 1),
        }

    @property
    def retry_after_s(self) -> int:
        return int(self.reset_s) + 1


class Limiter:
    """Counts for one process; the counters are shared by all of them."""

    def __init__(self, url: str, *, prefix: str) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
        self._script = self._client.register_script(_HIT)
        self._prefix = prefix
        self._resting_until = 0.0
        self._was_away = True  # A process that starts cannot know what Redis has forgotten.

    def hit(self, rule: Rule, identity: str, *, cost: int = 1, in_advance: bool = False) -> Verdict:
        """Count `cost` uses of `rule` by `identity`. One round trip to Redis, or a few in the database.

        `in_advance`: the uses are yet to come, so they are counted only if all fit, and nobody is blocked for them.
        """
        if time.monotonic() >= self._resting_until:
            try:
                if self._was_away:
                    self._put_blocks_back()
                return self._hit_redis(rule, identity, cost, in_advance)
            except redis.RedisError as fault:
                self._resting_until = time.monotonic() + REST_S
                self._was_away = True
                log.warning("rate_limit.degraded", fault=type(fault).__name__)
        if in_advance:
            return Verdict(False, rule.limit, 0, 0)
        return _hit_database(rule, identity, cost)

    def clear(self, rule: Rule, identity: str) -> None:
        """Forget the uses counted so far; a block stays."""
        try:
            self._client.delete(self._keys(rule.name, identity)[0])
        except redis.RedisError:
            log.warning("rate_limit.degraded", rule=rule.name)
        now = datetime.now(UTC)
        RateLimit.objects.filter(identifier=identity, endpoint=rule.name, window_end__gt=now, is_blocked=False).delete()

    def unblock(self, name: str, identity: str) -> None:
        """Lift a block before its time, in Redis and in the database. The day's strikes stay. Raises: Unavailable."""
        at, block, _, _ = self._keys(name, identity)
        try:
            self._client.delete(at, block)
        except redis.RedisError as fault:
            raise Unavailable from fault  # Redis would go on blocking when it comes back.
        now = datetime.now(UTC)
        held = RateLimit.objects.filter(identifier=identity, endpoint=name, is_blocked=True, block_until__gt=now)
        held.update(block_until=now)

    def _hit_redis(self, rule: Rule, identity: str, cost: int, in_advance: bool) -> Verdict:
        arguments = [cost, rule.limit, rule.window_s * 1000, STRIKES_S, int(in_advance), *PENALTIES_S]
        answer: list[int] = self._script(keys=self._keys(rule.name, identity), args=arguments)
        if answer[0] < 0:
            self._put_blocks_back()
            answer = self._script(keys=self._keys(rule.name, identity), args=arguments)
        allowed, count, left_ms, strike = answer
        if strike:
            _remember_block(rule, identity, left_ms / 1000, count)
        remaining = max(rule.limit - count, 0) if allowed else 0
        return Verdict(allowed == 1, rule.limit, remaining, left_ms / 1000, newly_blocked=strike > 0)

    def _keys(self, name: str, identity: str) -> list[str]:
        at = f"{self._prefix}rate:{name}:{identity}"
        return [at, f"{at}:block", f"{at}:strikes", f"{self._prefix}rate-limits-known"]

    def _put_blocks_back(self) -> None:
        """Tell a Redis that was away, or is new, of the blocks that still hold, and of the day's strikes."""
        now = datetime.now(UTC)
        lately = RateLimit.objects.filter(is_blocked=True, block_until__gt=now - timedelta(seconds=STRIKES_S))
        known = lately.values_list("endpoint", "identifier").annotate(strikes=Count("pk"), until=Max("block_until"))
        mark = self._keys("", "")[3]
        with self._client.pipeline(transaction=False) as pipe:
            pipe.ping()
            for name, identity, strikes, until in known.order_by("-until")[:PUT_BACK_MAX]:
                _, block, strikes_key, _ = self._keys(name, identity)
                pipe.set(strikes_key, strikes, ex=STRIKES_S)
                if until > now:
                    pipe.set(block, strikes, px=max(int((until - now).total_seconds() * 1000), 1), nx=True)
            pipe.set(mark, 1)
            pipe.execute()
        self._was_away = False


def _hit_database(rule: Rule, identity: str, cost: int) -> Verdict:
    """Count in the database. Locks: the identity's uses of this rule, so that exactly `limit` pass and one blocks."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"rate:{rule.name}:{identity}"])
        return _hit_database_alone(rule, identity, cost)


def _hit_database_alone(rule: Rule, identity: str, cost: int) -> Verdict:
    now = datetime.now(UTC)
    mine = RateLimit.objects.filter(identifier=identity, endpoint=rule.name)
    active = mine.filter(is_blocked=True, block_until__gt=now).order_by("-block_until").first()
    if active is not None and active.block_until is not None:
        return Verdict(False, rule.limit, 0, (active.block_until - now).total_seconds())
    start = datetime.fromtimestamp(now.timestamp() // rule.window_s * rule.window_s, tz=UTC)
    end = start + timedelta(seconds=rule.window_s)
    count = _count_in_window(rule, identity, cost, start, end)
    if count <= rule.limit:
        return Verdict(True, rule.limit, rule.limit - count, (end - now).total_seconds())
    mine.filter(window_start=start, is_blocked=False).delete()  # After the block one starts anew (E-RATE-2).
    strikes = mine.filter(is_blocked=True, created_at__gt=now - timedelta(seconds=STRIKES_S)).count()
    penalty = PENALTIES_S[min(strikes, len(PENALTIES_S) - 1)]
    _remember_block(rule, identity, penalty, count)
    return Verdict(False, rule.limit, 0, penalty, newly_blocked=True)


def _count_in_window(rule: Rule, identity: str, cost: int, start: datetime, end: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO common_ratelimit AS r
                   (identifier, endpoint, request_count, window_start, window_end, is_blocked, created_at)
               VALUES (%s, %s, %s, %s, %s, false, now())
               ON CONFLICT (identifier, endpoint, window_start)
               DO UPDATE SET request_count = r.request_count + excluded.request_count
               RETURNING request_count""",
            [identity, rule.name, cost, start, end],
        )
        row: Any = cursor.fetchone()
    return int(row[0])


def _remember_block(rule: Rule, identity: str, seconds: float, count: int) -> None:
    """Store a block as a row of its own, so that a day's strikes can be counted."""
    now = datetime.now(UTC)
    until = now + timedelta(seconds=seconds)
    RateLimit.objects.update_or_create(
        identifier=identity,
        endpoint=rule.name,
        window_start=now,
        defaults={"window_end": until, "is_blocked": True, "block_until": until, "request_count": count},
    )
    log.info("rate_limit.blocked", rule=rule.name, seconds=int(seconds))


def forget_before(edge: datetime) -> int:
    """Delete rows whose window or block ended before `edge`; return how many. In steps, safe to stop and repeat.

    An edge within the last day would shorten the memory of strikes.
    """
    old = RateLimit.objects.filter(window_end__lt=edge)
    total = 0
    while batch := list(old.values_list("pk", flat=True)[:FORGET_AT_ONCE]):
        total += RateLimit.objects.filter(pk__in=batch).delete()[0]
    return total


def hashed(identity: str) -> str:
    """Return a short stand-in for what must not be stored as it is (an e-mail somebody typed)."""
    key = settings.SECRET_KEY.encode()[:64]
    return hashlib.blake2b(identity.encode(), key=key, digest_size=16).hexdigest()


class Spread:
    """Several Redis hosts: whoever is counted is counted on one of them, always the same."""

    def __init__(self, limiters: Sequence[Limiter]) -> None:
        self._limiters = limiters

    def hit(self, rule: Rule, identity: str, *, cost: int = 1, in_advance: bool = False) -> Verdict:
        return self._of(identity).hit(rule, identity, cost=cost, in_advance=in_advance)

    def clear(self, rule: Rule, identity: str) -> None:
        self._of(identity).clear(rule, identity)

    def unblock(self, name: str, identity: str) -> None:
        self._of(identity).unblock(name, identity)

    def _of(self, identity: str) -> Limiter:
        return self._limiters[crc32(identity.encode()) % len(self._limiters)]


@cache
def limiter() -> Limiter | Spread:
    found = [Limiter(url, prefix=f"{settings.LAYER_PREFIX}:") for url in settings.REDIS_URLS]
    return found[0] if len(found) == 1 else Spread(found)
