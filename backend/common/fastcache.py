"""A cache that may be away: reads miss, writes do nothing, and nobody waits for it twice.

For what sits on the path of every request. After a fault the cache is left alone for a second, so a hanging Redis
costs one short time-out a second and process, not one per request. Several hosts share the names among them, and one
that is away takes only its own along.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from zlib import crc32

import orjson
import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

TIMEOUT_S = 0.25
REST_S = 1.0


class _Host:
    """One Redis, left alone for a moment after each fault."""

    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
        self._resting_until = 0.0

    @property
    def is_away(self) -> bool:
        return time.monotonic() < self._resting_until

    def ask(self, command: str, *args: Any, **kwargs: Any) -> Any:
        """Return the answer; None while the host is away."""
        if self.is_away:
            return None
        try:
            return getattr(self.client, command)(*args, **kwargs)
        except redis.RedisError as fault:
            self._resting_until = time.monotonic() + REST_S
            log.warning("cache.unreachable", fault=type(fault).__name__)
            return None


class FastCache:
    """Signed, expiring JSON values in Redis. A value that is altered, foreign or past its time reads as a miss."""

    def __init__(self, *urls: str, prefix: str, key: bytes) -> None:
        self._hosts = [_Host(url) for url in urls]
        self._prefix = prefix
        self._key = key

    def get_many(self, names: Sequence[str]) -> list[dict[str, Any] | None]:
        """Return the values under `names`, None where there is none. One round trip to each host that has some."""
        found: dict[str, dict[str, Any] | None] = {}
        for host, own in self._by_host(names):
            raws = host.ask("mget", [self._prefix + name for name in own]) or [None] * len(own)
            found.update((name, self._opened(name, raw)) for name, raw in zip(own, raws, strict=True))
        return [found[name] for name in names]

    def set(self, name: str, value: Mapping[str, Any], *, seconds: int) -> None:
        body = orjson.dumps({**value, "exp": time.time() + seconds})
        self._host_of(name).ask("set", self._prefix + name, self._seal(name, body) + body, ex=seconds)

    def add(self, name: str, *, seconds: int) -> bool | None:
        """Leave a mark for so long; return whether there was none yet. None while the host is away."""
        host = self._host_of(name)
        if host.ask("set", self._prefix + name, b"", nx=True, ex=seconds):
            return True
        return None if host.is_away else False

    def delete(self, names: Sequence[str]) -> None:
        for host, own in self._by_host(names):
            host.ask("delete", *[self._prefix + name for name in own])

    def close(self) -> None:
        for host in self._hosts:
            host.client.close()

    def _host_of(self, name: str) -> _Host:
        return self._hosts[crc32(name.encode()) % len(self._hosts)] if len(self._hosts) > 1 else self._hosts[0]

    def _by_host(self, names: Sequence[str]) -> list[tuple[_Host, Sequence[str]]]:
        if len(self._hosts) == 1:
            return [(self._hosts[0], names)] if names else []
        groups: dict[_Host, list[str]] = {}
        for name in names:
            groups.setdefault(self._host_of(name), []).append(name)
        return list(groups.items())

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
    return FastCache(*settings.REDIS_URLS, prefix=f"{settings.LAYER_PREFIX}:", key=key)
