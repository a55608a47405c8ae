"""The doctor's looks at the foundation: configuration, keys, clocks, database, Redis, jobs, files, disks."""

import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import redis
from django.conf import settings
from django.core import checks
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from backend.common import jobs
from backend.common.checkups import Finding, examine, fine, trouble, uses_key, versions_missing, warning
from backend.common.watching import queue_depths

CLOCKS_APART_S = 1.0
CLOCKS_BROKEN_S = 30.0
FREE_MIN, FREE_FEW = 1 << 30, 5 << 30
POSTGRES_MIN = 15
QUEUE_LONG = 1000
STORED_FILES = "SELECT DISTINCT key_version FROM common_storedfile WHERE destroyed_at IS NULL"


def register() -> None:
    examine("configuration", configuration)
    examine("database", database)
    examine("clocks", clocks)
    examine("migrations", migrations)
    examine("keys", keys)
    examine("Redis", redis_hosts)
    examine("jobs", queues)
    examine("files", files)
    examine("disks", disks)
    uses_key("ENCRYPTION_KEY_DOCUMENTS", STORED_FILES)


def configuration() -> Iterator[Finding]:
    """What Django's own checks say, those for deployments included where this is one."""
    found = checks.run_checks(include_deployment_checks=not settings.WHITENOISE_USE_FINDERS)
    found = [one for one in found if not one.is_silenced()]
    for one in found:
        say = trouble if one.level >= checks.ERROR else warning
        yield say(f"{one.id}: {one.msg}", one.hint or "See Django's documentation of this check.")
    if not settings.ADMINS:
        yield warning("nobody is told of faults by mail", "Set ADMINS and EMAIL_HOST.")
    if not settings.WHITENOISE_USE_FINDERS and not settings.METRICS_TOKEN:
        yield warning("/metrics is switched off", "Set METRICS_TOKEN, and have Prometheus send it.")
    if not found:
        yield fine("nothing stands out")


def database() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("""SELECT current_setting('server_version_num')::int / 10000, current_setting('server_encoding'),
               current_setting('synchronous_commit'), current_setting('fsync'),
               current_setting('max_connections')::int,
               (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
               (SELECT coalesce(max(extract(epoch FROM now() - xact_start)), 0)::int FROM pg_stat_activity
                 WHERE datname = current_database())""")
        major, encoding, commits, synced, allowed, used, oldest = cursor.fetchone()
    if major < POSTGRES_MIN:
        yield trouble(f"PostgreSQL {major}", f"Use PostgreSQL {POSTGRES_MIN} or later.")
    if encoding != "UTF8":
        yield trouble(f"its encoding is {encoding}", "Make the database anew with ENCODING 'UTF8', and restore.")
    if commits == "off" or synced == "off":
        yield trouble("commits are not durable", "Set synchronous_commit and fsync on: what is acknowledged must last.")
    if used > 0.8 * allowed:
        yield warning(f"{used} of {allowed} connections are taken", "Fewer threads or processes, or a larger limit.")
    if oldest > 600:
        yield warning(f"a transaction has been open for {oldest} s", "Find it in pg_stat_activity, and end it.")
    yield fine(f"PostgreSQL {major}, {used} of {allowed} connections")


def clocks() -> Iterator[Finding]:
    """This machine's clock against the database's and each Redis host's, half of the way there and back allowed for."""
    yield _apart("the database", *_database_clock())
    for place, url in enumerate(settings.REDIS_URLS, 1):
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            before = time.time()
            seconds, micros = client.time()
            yield _apart(f"Redis host {place}", seconds + micros / 1e6, before, time.time())


def _database_clock() -> tuple[float, float, float]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")  # connects, which takes its time
        before = time.time()
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        return float(cursor.fetchone()[0]), before, time.time()


def _apart(whose: str, theirs: float, before: float, after: float) -> Finding:
    apart = theirs - (before + after) / 2
    words = f"{whose} is {abs(apart):.1f} s {'ahead of' if apart > 0 else 'behind'} this machine"
    advice = "Start a time service (chrony) on both. Tokens, limits and holds go by these clocks."
    if abs(apart) > CLOCKS_BROKEN_S:
        return trouble(words, advice)
    return warning(words, advice) if abs(apart) > CLOCKS_APART_S else fine(f"{whose} agrees")


def migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        first = plan[0][0]
        yield trouble(f"{len(plan)} are not applied, the first is {first.app_label}.{first.name}", "manage.py migrate")
    unknown = set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations)
    unknown = {
        key for key in unknown if key[0] in executor.loader.migrated_apps and key not in executor.loader.graph.nodes
    }
    if unknown:
        yield warning(
            f"the database knows {len(unknown)} that this release does not: {sorted(unknown)[0]}",
            "An older release runs on a newer database: that is meant to work for one release, while one rolls back.",
        )
    if not plan:
        yield fine("all are applied")


def keys() -> Iterator[Finding]:
    """Rows sealed by a version that is configured no more cannot be read by anybody."""
    for name, texts in settings.KEYS_OF_DATA.items():
        if name == "SSN_HASH_KEY":
            continue
        missing = versions_missing(name, texts)
        if missing:
            yield trouble(
                f"{name} lacks {len(missing)} versions that rows were sealed with",
                "Put the older keys behind the newest one again; turn keys with the command first, remove them last.",
            )
        else:
            yield fine(f"{name}: {len(texts)} versions, all that is needed")


def redis_hosts() -> Iterator[Finding]:
    for place, url in enumerate(settings.REDIS_URLS, 1):
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            try:
                memory = client.info("memory")
            except redis.RedisError as fault:
                yield trouble(f"host {place} does not answer: {type(fault).__name__}", "Bring it back; chat goes on.")
                continue
        if memory["maxmemory"] and memory.get("maxmemory_policy") != "noeviction":
            yield trouble(
                f"host {place} evicts ({memory.get('maxmemory_policy')})",
                "Set maxmemory-policy noeviction: else it drops queued jobs and counters of limits.",
            )
        elif memory["maxmemory"] and memory["used_memory"] > 0.8 * memory["maxmemory"]:
            yield warning(f"host {place} is {memory['used_memory'] / memory['maxmemory']:.0%} full", "Give it memory.")
        else:
            yield fine(f"host {place} answers and does not evict")


def queues() -> Iterator[Finding]:
    if not settings.USE_CELERY:
        yield fine("jobs run in the web processes, which keep the clock, too")
        return
    workers = jobs.app.control.ping(timeout=1.0) or []
    if not workers:
        yield trouble("no worker answers", "Start `celery -A djangocrud.celery worker`, and one beat.")
    for name, depth in queue_depths().items():
        if depth > QUEUE_LONG:
            yield warning(f"{depth} jobs wait in {name}", "Start more workers.")
    if workers:
        yield fine(f"{len(workers)} workers answer")


def files() -> Iterator[Finding]:
    """Write, read and remove a small file, as an upload would."""
    name = default_storage.save(f"doctor/{uuid.uuid4().hex}", ContentFile(b"well"))
    try:
        with default_storage.open(name) as file:
            if file.read() != b"well":
                yield trouble("the storage gives back something else", "Look at what stands between us and it.")
                return
    finally:
        default_storage.delete(name)
    yield fine("the storage takes, gives and forgets")


def disks() -> Iterator[Finding]:
    for words, path in (("incoming files", Path(settings.VAULT_SPOOL)), ("static files", Path(settings.STATIC_ROOT))):
        there = next((one for one in (path, *path.parents) if one.exists()), Path("/"))
        free = shutil.disk_usage(there).free
        if free < FREE_MIN:
            yield trouble(f"{free / 2**20:.0f} MB are free for {words}", f"Make room at {there}.")
        elif free < FREE_FEW:
            yield warning(f"{free / 2**30:.1f} GB are free for {words}", f"Make room at {there}.")
        else:
            yield fine(f"{free / 2**30:.0f} GB are free for {words}")
