"""What the trail says of partners' keys: who used one, and from where (K-71)."""

from datetime import UTC, datetime

from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework_api_key.models import APIKey

from backend.audit import services as audit
from backend.common import request_context
from backend.common.unit_of_work import unit_of_work

A_DAY_S = 24 * 3600
REMEMBERED_MAX = 10_000

_noted: set[str] = set()


def note_use(key: APIKey) -> None:
    """Record that a key is in use: once a day for each key and address. What is written with it records itself.

    Remembered in this process, then in the cache; while that is away, each process says it once.
    """
    ip = request_context.current().ip
    name = f"api_key.used:{key.prefix}:{ip}:{datetime.now(UTC):%Y-%m-%d}"
    if name in _noted:
        return
    if _is_new(name):
        with unit_of_work():
            audit.record(actor_id=None, action="api_key.used", facts={"prefix": key.prefix})
    if len(_noted) >= REMEMBERED_MAX:
        _noted.clear()
    _noted.add(name)


def _is_new(name: str) -> bool:
    try:
        return bool(cache.add(name, 1, A_DAY_S))
    except RedisError:
        return True
