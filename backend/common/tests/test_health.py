"""`/readyz`: 503 without the database, 200 `degraded` without Redis (design.md section 8)."""

import pytest
from django.db import connection

from backend.common import database, health
from backend.common.postgresql import base
from backend.tests.commits import end_connection, own_pid

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def database_away(monkeypatch: pytest.MonkeyPatch, committed: str) -> None:
    """The database cannot be reached, for as long as the test asks."""
    monkeypatch.setattr(base, "connecting", database.Connecting())
    monkeypatch.setattr(database.time, "sleep", lambda seconds: None)


def readiness_without_database() -> tuple[int, dict[str, object]]:
    right = {name: connection.settings_dict[name] for name in ("HOST", "PORT")}
    connection.close()
    connection.settings_dict.update(HOST="127.0.0.1", PORT=1)
    try:
        return health.readiness()
    finally:
        connection.settings_dict.update(right)


def test_all_is_well(committed):
    assert health.readiness() == (200, {"status": "ok", "database": True, "redis": True})


def test_without_redis_it_is_degraded_and_still_gets_traffic(committed, settings):
    settings.REDIS_URLS = [NOWHERE]

    assert health.readiness() == (200, {"status": "degraded", "database": True, "redis": False})


def test_one_host_of_several_that_is_away_degrades_it(committed, settings):
    """Each host carries its share of the channels, not only the first one."""
    settings.REDIS_URLS = [*settings.REDIS_URLS, NOWHERE]

    assert health.readiness() == (200, {"status": "degraded", "database": True, "redis": False})


def test_without_the_database_it_gets_no_traffic(database_away):
    assert readiness_without_database() == (503, {"status": "unavailable", "database": False, "redis": True})


def test_it_is_ready_again_as_soon_as_the_database_is_back(database_away):
    readiness_without_database()

    assert health.readiness() == (200, {"status": "ok", "database": True, "redis": True})


@pytest.mark.parametrize("break_it", [lambda: end_connection(own_pid()), lambda: connection.connection.close()])
def test_a_connection_left_over_from_before_a_restart_is_no_outage(committed, break_it):
    own_pid()
    break_it()

    assert health.readiness() == (200, {"status": "ok", "database": True, "redis": True})
