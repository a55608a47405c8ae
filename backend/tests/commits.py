"""Commits that are real: for races between connections, and for what happens only after a commit."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import pytest
from django.db import connection, connections


@pytest.fixture
def committed(template_database: str, worker: str, django_db_blocker: Any) -> Iterator[str]:
    """A migrated database of the test's own, in autocommit, and gone with the test.

    It costs what the flush of `django_db(transaction=True)` costs, and a flush would take the seeded roles along.
    """
    name = f"{template_database}_{worker}_committed"
    before = connection.settings_dict["NAME"]
    _administer(f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}" TEMPLATE "{template_database}"')
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict["NAME"] = name
        try:
            yield name
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before
    # Not WITH (FORCE): that fails while autovacuum, which we may not end, looks at the database.
    _administer(f'DROP DATABASE "{name}"')


def in_parallel(*calls: Callable[[], Any]) -> list[Any]:
    """Run the calls at the same moment, each in a thread with a connection of its own.

    Returns their results in order; what a call raised stands in the place of its result.
    """
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            return call()
        except Exception as fault:  # noqa: BLE001 - the test judges it
            return fault
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


@contextmanager
def in_background(call: Callable[[], Any]) -> Iterator[Callable[[], Any]]:
    """Start the call in a thread with a connection of its own; yield the function that waits for its result."""

    def run() -> Any:
        try:
            return call()
        except Exception as fault:  # noqa: BLE001 - the test judges it
            return fault
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(run).result


def wait_until_one_waits_for_us(*, within_s: float = 20) -> None:
    """Return when another connection waits for a lock that this thread's transaction holds."""
    deadline = time.monotonic() + within_s
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone() != (0,):
                return
            time.sleep(0.01)
    raise AssertionError("nobody came to wait for our lock")


def end_connection(pid: int) -> None:
    """Cut a connection as an administrator or a restart would, and return when its server process is gone."""
    _administer(f"SELECT pg_terminate_backend({pid}, 10000)")


def own_pid() -> int:
    """Return the number of the server process behind this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _administer(*statements: str) -> None:
    """Run statements that no transaction may hold, from the database that always exists."""
    with closing(psycopg2.connect(**{**connection.get_connection_params(), "dbname": "postgres"})) as raw:
        raw.set_session(autocommit=True)
        with raw.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
