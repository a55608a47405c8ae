"""What `/metrics` tells of the foundation: the database, Redis, what waits to be done, and whether clocks agree."""

import time
from collections.abc import Iterator
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from kombu.exceptions import ChannelError
from prometheus_client.core import Metric

from backend.common import jobs
from backend.common.metrics import counter, gauge, number

QUEUES = (settings.CELERY_TASK_DEFAULT_QUEUE,)
_STATE = """
SELECT extract(epoch FROM clock_timestamp()),
    (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
    current_setting('max_connections')::int,
    pg_database_size(current_database()),
    (SELECT coalesce(max(extract(epoch FROM now() - xact_start)), 0) FROM pg_stat_activity
        WHERE datname = current_database() AND xact_start IS NOT NULL)
"""


def tell_of_jobs() -> Iterator[Metric]:
    yield number("ease_jobs_waiting", "Jobs that wait for a thread of this process.", jobs.waiting())
    ran = counter("ease_jobs", "Jobs that this process ran, by outcome.", "outcome")
    for outcome, count in tuple(jobs.ran.items()):
        ran.add_metric([outcome], count)
    yield ran


def tell_of_database() -> Iterator[Metric]:
    before = time.time()
    with connection.cursor() as cursor:
        cursor.execute(_STATE)
        clock, connections, allowed, size, oldest = cursor.fetchone()
    offset = float(clock) - (before + time.time()) / 2
    yield number("ease_database_clock_offset_seconds", "The database's clock against this process's.", offset)
    yield number("ease_database_connections", "Connections to the database, of everybody.", connections)
    yield number("ease_database_connections_max", "How many it takes.", allowed)
    yield number("ease_database_bytes", "The size of the database.", size)
    yield number("ease_database_oldest_transaction_seconds", "For how long a transaction has been open.", float(oldest))


def tell_of_redis() -> Iterator[Metric]:
    """Hosts by number: an address may hold a password. A host that is away is a fact, not a fault."""
    answers = gauge("ease_redis_answers", "Whether a Redis host answers, by its place in REDIS_URL.", "host")
    used = gauge("ease_redis_bytes", "Memory that a Redis host uses.", "host")
    allowed = gauge("ease_redis_bytes_max", "Memory that it may use; 0 is all there is.", "host")
    for place, url in enumerate(settings.REDIS_URLS):
        with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
            try:
                memory = client.info("memory")
            except redis.RedisError:
                answers.add_metric([str(place)], 0)
                continue
        answers.add_metric([str(place)], 1)
        used.add_metric([str(place)], memory["used_memory"])
        allowed.add_metric([str(place)], memory["maxmemory"])
    yield from (answers, used, allowed)
    if settings.USE_CELERY:
        yield _queues()


def queue_depths() -> dict[str, int]:
    with jobs.app.connection_for_read() as broker:
        return {name: _depth(broker, name) for name in QUEUES}


def _queues() -> Metric:
    family = gauge("ease_queue_depth", "Jobs in Celery's queues that no worker has taken.", "queue")
    for name, depth in queue_depths().items():
        family.add_metric([name], depth)
    return family


def _depth(broker: Any, name: str) -> int:
    try:
        return int(broker.default_channel.queue_declare(queue=name, passive=True).message_count)
    except ChannelError:  # Nothing was ever put there, or everything was taken: Redis keeps no empty lists.
        return 0
