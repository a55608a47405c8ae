"""`manage.py wait_for_db` (S3-O7, E-S3-9, BUG-S3-9) against a server that is away and comes, for real.

The server is the embedded one, reached through a port of the test's own that opens when the test says so.
"""

import io
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from backend.common.management.commands import wait_for_db
from backend.common.postgresql import base
from backend.tests.servers import ROOT, database_url, free_port

AVAILABLE = "Database available!"


class Door:
    """A port that leads to the real server once it is open; from connection number `shut_from` on, nowhere."""

    def __init__(self, server: str) -> None:
        self.port = free_port()
        self.taken = 0
        self.shut_from = self.open_again_from = 10**9
        self._server = server
        self._listener = socket.socket()

    def open_after(self, seconds: float) -> None:
        threading.Timer(seconds, self.open).start()

    def open(self) -> None:
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen()
        threading.Thread(target=self._take, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _take(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.taken += 1
            if self.shut_from <= self.taken < self.open_again_from:
                client.close()
                continue
            inner = socket.socket(socket.AF_UNIX)
            inner.connect(self._server)
            for source, target in ((client, inner), (inner, client)):
                threading.Thread(target=_pour, args=(source, target), daemon=True).start()


def _pour(source: socket.socket, target: socket.socket) -> None:
    while True:
        try:
            data = source.recv(65536)
            target.sendall(data) if data else target.shutdown(socket.SHUT_WR)
        except OSError:
            data = b""
        if not data:
            return


@pytest.fixture
def door(live_database: str, django_db_blocker: Any) -> Iterator[Door]:
    """The way to the worker's database; this process's ORM goes through it."""
    before = dict(connection.settings_dict)
    made = Door(f"{before['HOST']}/.s.PGSQL.5432")
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict.update(NAME=live_database, HOST="127.0.0.1", PORT=made.port)
        try:
            yield made
        finally:
            connection.close()
            connection.settings_dict.update({name: before[name] for name in ("NAME", "HOST", "PORT")})
            made.close()


def wait(timeout: float) -> tuple[str, float]:
    out, since = io.StringIO(), time.monotonic()
    call_command("wait_for_db", timeout=timeout, stdout=out)
    return out.getvalue(), time.monotonic() - since


def test_a_database_that_is_there_is_seen_at_the_first_try(door):
    door.open()

    said, _ = wait(timeout=30)

    assert said.splitlines() == ["Waiting for the database...", AVAILABLE]
    assert door.taken == 2  # The driver's connection, and Django's.


def test_a_database_that_comes_later_is_waited_for(door):
    """Refused connections: the driver's own error, once a second."""
    door.open_after(1.5)

    said, took = wait(timeout=60)

    assert said.splitlines()[-1] == AVAILABLE
    assert said.count("unavailable, waiting 1 second") == 2
    assert took >= 2


def test_a_database_that_goes_between_two_connections_is_waited_for(door, monkeypatch):
    """Django's own error, for the second connection of a try."""
    monkeypatch.setattr(base, "connecting", lambda connect: connect())  # Without its own patience.
    door.shut_from, door.open_again_from = 2, 3
    door.open()

    said, _ = wait(timeout=60)

    assert said.splitlines()[-1] == AVAILABLE
    assert (said.count("waiting 1 second"), door.taken) == (1, 4)


def test_a_database_that_never_comes_is_given_up_with_the_reason(door):
    """BUG-S3-9."""
    with pytest.raises(CommandError) as given_up:
        wait(timeout=1.2)

    assert str(given_up.value).startswith("The database did not answer within 1.2 s: ")
    assert "Connection refused" in str(given_up.value)
    assert connection.settings_dict["PASSWORD"] not in str(given_up.value)


def test_time_runs_out_at_once_without_any(door):
    with pytest.raises(CommandError):
        wait(timeout=0)


@pytest.mark.server
def test_by_manage_it_waits_for_the_address_given_and_starts_no_server_of_ours(live_database, tmp_path):
    """As in a container's start: `manage.py wait_for_db && …`."""
    home = tmp_path / "var"
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "VIRTUAL_ENV"}}

    def run(url: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", "wait_for_db", "--timeout", "0.5"]
        environment = {**kept, "EASE_VAR": str(home), "DATABASE_URL": url}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    there, away = run(database_url(live_database)), run(f"postgresql://u:p@127.0.0.1:{free_port()}/x")

    assert (there.returncode, there.stdout.splitlines()[-1]) == (0, AVAILABLE)
    assert away.returncode == 1
    assert "did not answer within 0.5 s" in away.stderr
    assert not {"users.lock", "servers.txt"} & {path.name for path in home.iterdir()}, "it used servers of ours"


def test_there_is_one_second_between_tries():
    assert wait_for_db.BETWEEN_S == 1
