"""A cache that may be away: reads miss, writes do nothing, and nobody waits for it twice.

For what sits on the path of every request. After a fault the cache is left alone for a second, so a hanging Redis
costs one short time-out a second and process, not one per request.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import orjson
import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

TIMEOUT_S = 0.25
REST_S = 1.0


class FastCache:
    """Signed, expiring JSON values in Redis. A value that is altered, foreign or past its time reads as a miss."""

    def __init__(self, url: str, *, prefix: str, key: bytes) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
        self._prefix = prefix
        self._key = key
        self._resting_until = 0.0

    def get_many(self, names: Sequence[str]) -> list[dict[str, Any] | None]:
        """Return the values under `names`, None where there is none. One round trip."""
        if time.monotonic() < self._resting_until:
            return [None] * len(names)
        try:
            found: list[Any] = self._client.mget([self._prefix + name for name in names])
        except redis.RedisError as fault:
            self._rest(fault)
            return [None] * len(names)
        return [self._opened(name, raw) for name, raw in zip(names, found, strict=True)]

    def set(self, name: str, value: Mapping[str, Any], *, seconds: int) -> None:
        body = orjson.dumps({**value, "exp": time.time() + seconds})
        self._try("set", self._prefix + name, self._seal(name, body) + body, ex=seconds)

    def delete(self, names: Sequence[str]) -> None:
        if names:
            self._try("delete", *[self._prefix + name for name in names])

    def _try(self, command: str, *args: Any, **kwargs: Any) -> None:
        if time.monotonic() < self._resting_until:
            return
        try:
            getattr(self._client, command)(*args, **kwargs)
        except redis.RedisError as fault:
            self._rest(fault)

    def _rest(self, fault: Exception) -> None:
        self._resting_until = time.monotonic() + REST_S
        log.warning("cache.unreachable", fault=type(fault).__name__)

    def _seal(self, name: str, body: bytes) -> bytes:
        return hmac.digest(self._key, name.encode() + b"\0" + body, "sha256")

    def _opened(self, name: str, raw: bytes | None) -> dict[str, Any] | None:
        if raw is None or not hmac.compare_digest(raw[:32], self._seal(name, raw[32:])):
            return None
        value: dict[str, Any] = orjson.loads(raw[32:])
        return value if value["exp"] > time.time() else None


@cache
def fastcache() -> FastCache:
    """Return this process's cache. Its signing key is derived, so it is no other key of the product."""
    key = hashlib.blake2b(settings.SECRET_KEY.encode(), person=b"ease.cache").digest()
    return FastCache(settings.REDIS_URLS[0], prefix=f"{settings.LAYER_PREFIX}:", key=key)
