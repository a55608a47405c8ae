"""Probes. `/livez`: this process answers. `/readyz`: it should be sent traffic, and in which condition it is."""

from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from backend.common.database import repeatable


def database_answers() -> bool:
    try:
        return repeatable(_ask_database)
    except (DatabaseError, InterfaceError):
        connection.close()
        return False


def _ask_database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone())


def redis_answers() -> bool:
    """Whether every host answers: each carries its share of the channels."""
    return all([_redis_answers(url) for url in settings.REDIS_URLS])


def _redis_answers(url: str) -> bool:
    client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def readiness() -> tuple[int, dict[str, Any]]:
    """Return status and body of `/readyz`: 503 without the database, 200 `degraded` without a Redis (section 8)."""
    parts = {"database": database_answers(), "redis": redis_answers()}
    if not parts["database"]:
        return 503, {"status": "unavailable", **parts}
    return 200, {"status": "ok" if parts["redis"] else "degraded", **parts}
