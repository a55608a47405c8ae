"""`make run` and `manage.py` from outside: the commands people type, and what is left when they end."""

import ast
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from backend.tests.servers import ROOT, free_port
from djangocrud.embedded import Embedded

pytestmark = pytest.mark.server

LAUNCH = [sys.executable, "-m", "djangocrud.launch"]
MANAGE = [sys.executable, "manage.py"]
OLD_PYTHON = "import runpy, sys; sys.version_info = (3, 9, 1); sys.argv = sys.argv[1:]; "


class Launched:
    """One `launch run` on a port and a home of its own."""

    def __init__(self, home: Path, port: int) -> None:
        self.servers = Embedded(home)
        self.port = port
        self.process = subprocess.Popen(
            [*LAUNCH, "run", "--port", str(port)],
            cwd=ROOT,
            env=_environment(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output: list[str] = []

    def wait_until_ready(self) -> "Launched":
        while "Ctrl-C stops" not in "".join(self.output[-1:]):
            line = self.process.stdout.readline()
            assert line, "".join(self.output)
            self.output.append(line)
        return self

    def end(self, *numbers: signal.Signals) -> int:
        """Send the signals, and return the exit code once it is gone."""
        for number in numbers:
            self.process.send_signal(number)
            time.sleep(0.2)  # Two equal signals at once would count as one.
        self.output.append(self.process.communicate(timeout=60)[0])
        return self.process.returncode

    def server_pid(self) -> int:
        return int(next(line for line in _table("pid=,args=") if f"launch serve --port {self.port}" in line).split()[0])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One home for all: each test starts where the one before left nothing running."""
    path = tmp_path_factory.mktemp("launch") / "var"
    yield path
    Embedded(path).destroy()


@pytest.fixture
def run(home: Path) -> Iterator[Callable[[], Launched]]:
    started: list[Launched] = []

    def start() -> Launched:
        started.append(Launched(home, free_port()))
        return started[-1].wait_until_ready()

    yield start
    [launched.end(signal.SIGTERM) for launched in started if launched.process.poll() is None]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_that_a_run_started(run, home, number):
    launched = run()
    shown = "".join(launched.output)
    told = json.loads((home / "demo.json").read_text())
    with urllib.request.urlopen(f"http://127.0.0.1:{launched.port}/readyz") as answer:
        assert answer.status == 200

    code = launched.end(number)

    assert code == 0
    assert _left_of(launched.servers, launched.port) == []
    assert told["base_url"] == f"http://127.0.0.1:{launched.port}"
    assert told["base_url"] in shown
    assert all(who["email"] in shown and who["password"] in shown for who in told["accounts"].values())


def test_a_second_signal_ends_a_server_that_does_not_drain(run):
    launched = run()
    os.kill(launched.server_pid(), signal.SIGSTOP)

    code = launched.end(signal.SIGINT, signal.SIGINT)

    assert code == 128 + signal.SIGKILL
    assert _left_of(launched.servers, launched.port) == []


def test_the_exit_code_of_a_server_that_died_is_returned(run):
    launched = run()
    os.kill(launched.server_pid(), signal.SIGKILL)

    code = launched.end()

    assert code == 128 + signal.SIGKILL
    assert _left_of(launched.servers, launched.port) == []


def test_a_killed_launcher_takes_its_server_along_and_the_next_one_adopts_the_rest(run):
    killed = run()
    before = _started_at(killed.servers)
    killed.end(signal.SIGKILL)
    _eventually(lambda: not [line for line in _table("args=") if f"serve --port {killed.port}" in line])

    following = run()
    assert _started_at(following.servers) == before

    assert following.end(signal.SIGTERM) == 0
    assert _left_of(following.servers, following.port) == []


def test_the_demo_brings_a_server_of_its_own_and_takes_it_away(home):
    done = _done([*LAUNCH, "demo"], home)

    assert done.returncode == 0
    assert "nothing lost, nothing twice, in order" in done.stdout
    assert (
        _left_of(Embedded(home), int(json.loads((home / "demo.json").read_text())["base_url"].rsplit(":", 1)[1])) == []
    )


def test_the_demo_uses_the_running_server_and_leaves_it(run, home):
    launched = run()

    done = _done([*LAUNCH, "demo"], home)

    assert done.returncode == 0
    assert launched.process.poll() is None
    assert json.loads((home / "demo.json").read_text())["base_url"] == f"http://127.0.0.1:{launched.port}"


def test_a_taken_port_is_told_in_one_line_and_leaves_nothing(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = _done([*LAUNCH, "run", "--port", str(port)], tmp_path / "var")

    assert done.returncode == 2
    assert done.stderr == f"ease: port {port} is in use; try make run PORT={port % 65535 + 1}\n"
    assert done.stdout == ""
    assert not (tmp_path / "var" / "servers.txt").exists()
    assert not Embedded(tmp_path / "var").store.exists()


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_that_is_none_is_told_in_one_line(tmp_path, port):
    done = _done([*LAUNCH, "run", "--port", port], tmp_path)

    assert done.returncode == 2
    assert done.stderr == f"ease: '{port}' is no port: it must be a number from 1 to 65535\n"


def test_a_command_of_djangos_has_servers_and_leaves_none(home):
    code = "from django.db import connection as c; c.ensure_connection(); print(c.settings_dict['HOST'])"

    done = _done([*MANAGE, "shell", "-v0", "-c", code], home)

    assert done.stdout.strip() == str(Embedded(home).store / "run")
    assert done.returncode == 0
    assert _left_of(Embedded(home)) == []


def test_a_command_that_fails_leaves_no_servers(home):
    done = _done([*MANAGE, "shell", "-v0", "-c", "raise SystemExit(7)"], home)

    assert done.returncode == 7
    assert _left_of(Embedded(home)) == []


def test_a_command_that_needs_no_servers_starts_none(tmp_path):
    done = _done([*MANAGE, "version"], tmp_path / "var")

    assert done.returncode == 0
    assert not Embedded(tmp_path / "var").store.exists()


def test_manage_py_test_runs_pytest(home):
    done = _done([*MANAGE, "test", "--version"], home)

    assert done.stdout.startswith("pytest ")
    assert done.returncode == 0
    assert _left_of(Embedded(home)) == []


def test_given_addresses_are_used_and_nothing_embedded_starts(home, tmp_path):
    given = Embedded(home)
    given.start()
    addresses = {"DATABASE_URL": given.database_url, "REDIS_URL": given.redis_url}

    done = _done([*MANAGE, "shell", "-v0", "-c", "print(7)"], tmp_path / "var", **addresses)

    assert (done.returncode, done.stdout.strip()) == (0, "7")
    assert not Embedded(tmp_path / "var").store.exists()
    given.stop()


@pytest.mark.parametrize("start", ["runpy.run_path('manage.py', run_name='__main__')", "import djangocrud.launch"])
def test_an_old_python_is_told_in_one_line(tmp_path, start):
    done = _done([sys.executable, "-c", OLD_PYTHON + start, "manage.py", "migrate"], tmp_path)

    assert done.returncode == 1
    assert done.stderr == f"ease: needs Python 3.11, this is {sys.version.split()[0]}\n"


@pytest.mark.parametrize("path", ["manage.py", "djangocrud/__init__.py", "djangocrud/launch.py"])
def test_an_old_python_can_read_as_far_as_that_line(path):
    assert ast.parse((ROOT / path).read_text(), feature_version=(3, 7))


def _environment(home: Path, **more: str) -> dict[str, str]:
    """Ours with servers of its own, and patience for a loaded machine.

    The tests' settings stay: six real password hashes cost seconds a start.
    """
    ours = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return ours | {"EASE_VAR": str(home), "DRAIN_SECONDS": "30"} | more


def _done(command: list[str], home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = _environment(home, **more)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


def _table(columns: str) -> list[str]:
    rows = subprocess.run(["ps", "-wweo", f"stat=,{columns}"], capture_output=True, text=True, check=True).stdout
    return [row.split(maxsplit=1)[1] for row in rows.splitlines() if not row.startswith("Z")]


def _left_of(servers: Embedded, port: int = -1) -> list[str]:
    """The living processes that a launcher started: they show the servers' folder or the port."""
    marks = (str(servers.store), f"launch serve --port {port}")
    return [line for line in _table("args=") if any(mark in line for mark in marks)]


def _started_at(servers: Embedded) -> object:
    connection = psycopg2.connect(servers.database_url)
    cursor = connection.cursor()
    cursor.execute("SELECT pg_postmaster_start_time()")
    (moment,) = cursor.fetchone()
    connection.close()
    return moment


def _eventually(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)
