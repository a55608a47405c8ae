"""The embedded PostgreSQL and Valkey, with real servers in throwaway folders."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dj_database_url
import psycopg2
import pytest
import redis
import redis.asyncio
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.retry import Retry

from djangocrud.embedded import Embedded, EmbeddedFailed
from djangocrud.embedded.place import SOCKET_PATH_MAX, socket_folder

NO_RETRY = Retry(NoBackoff(), 0)
ROOT = Path(__file__).resolve().parents[2]
START = "import sys; from pathlib import Path; from djangocrud.embedded import Embedded as E; "
START += "E(Path(sys.argv[1]), durable=False).start(); print('started', flush=True)"
USE = "import sys; from pathlib import Path; from djangocrud.embedded import running\n"
USE += "with running(Path(sys.argv[1]), durable=False): print('using', flush=True); sys.stdin.read()"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """One running pair for the tests that leave it as they found it."""
    shared = Embedded(tmp_path_factory.mktemp("shared") / "home", durable=False)
    shared.start()
    yield shared
    shared.destroy()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Embedded]:
    """A pair of the test's own, not started."""
    own = Embedded(tmp_path / "home", durable=False)
    yield own
    own.destroy()


def test_addresses_are_the_same_for_everybody_and_start_nothing(tmp_path):
    home = tmp_path / "home"

    with ThreadPoolExecutor(8) as racers:
        addresses = set(racers.map(lambda _: (Embedded(home).database_url, Embedded(home).redis_url), range(32)))

    assert len(addresses) == 1
    assert [path.name for path in home.iterdir()] == ["secret"]
    assert _mode(home / "secret") == 0o600
    assert not Embedded(home).store.exists()


def test_both_servers_answer_the_clients_that_we_use(servers):
    parsed = dj_database_url.parse(servers.database_url)
    parts = {"host": parsed["HOST"], "user": parsed["USER"], "password": parsed["PASSWORD"], "dbname": parsed["NAME"]}
    cache = RedisCache(servers.redis_url, {})

    async def ping() -> bool:
        async with redis.asyncio.Redis.from_url(servers.redis_url) as client:
            return await client.ping()

    cache.set("colour", "blue")
    with psycopg2.connect(**parts) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_database(), lower('ÄÖ')")
        assert cursor.fetchone() == ("ease", "ease", "äö")
    assert redis.Redis.from_url(servers.redis_url).ping()
    assert asyncio.run(ping())
    assert cache.get("colour") == "blue"


def test_servers_listen_on_private_sockets_only(servers):
    sockets = [path for path in (servers.store / "run").iterdir() if path.is_socket()]

    assert _ask(servers, "SHOW listen_addresses") == ""
    assert redis.Redis.from_url(servers.redis_url).config_get("port") == {"port": "0"}
    assert sorted(path.name for path in sockets) == [".s.PGSQL.5432", "valkey.sock"]
    assert [_mode(path) for path in sockets] == [0o700, 0o700]
    assert _mode(servers.store) == _mode(servers.store / "run") == 0o700
    assert {path.stat().st_uid for path in sockets} == {servers.store.stat().st_uid}


def test_servers_never_run_as_root(servers):
    assert _processes(servers, "euid=") != []
    assert "0" not in _processes(servers, "euid=")


def test_a_wrong_password_is_refused(servers):
    secret = (servers.home / "secret").read_text()

    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(servers.database_url.replace(secret, "guess"))
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(servers.redis_url.replace(secret, "guess"), retry=NO_RETRY).ping()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(servers.redis_url.replace(f"password={secret}&", ""), retry=NO_RETRY).ping()


def test_the_secret_is_in_no_command_line(servers):
    everything = subprocess.run(["ps", "-wweo", "args="], capture_output=True, text=True, check=True).stdout

    assert str(servers.store) in everything
    assert (servers.home / "secret").read_text() not in everything


def test_running_servers_are_adopted(servers):
    before = _identity(servers)

    Embedded(servers.home, durable=False).start()

    assert _identity(servers) == before


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_keeps_what_was_committed(servers, mode):
    before = _identity(servers)
    _execute(servers, f"CREATE TABLE kept_{mode} AS SELECT 7 AS number")

    servers.restart_postgres(mode)

    assert _identity(servers)[0] != before[0]
    assert _ask(servers, f"SELECT number FROM kept_{mode}") == 7


def test_valkey_stops_and_starts_alone(servers):
    before = _identity(servers)

    servers.stop_redis()
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(servers.redis_url, retry=NO_RETRY).ping()
    servers.start_redis()

    assert _identity(servers)[0] == before[0]
    assert _identity(servers)[1] != before[1]


def test_concurrent_starters_end_with_one_pair(fresh):
    starters = [_python(START, fresh.home) for _ in range(3)]

    assert [starter.communicate(timeout=60)[0] for starter in starters] == ["started\n"] * 3

    assert len(_postmasters(fresh)) == 1
    assert len([line for line in _processes(fresh) if "valkey-server" in line]) == 1
    assert len(list(fresh.store.glob("data-*"))) == 1


def test_the_last_user_stops_the_servers(fresh):
    first, second = _user(fresh), _user(fresh)
    before = _identity(fresh)

    first.communicate(timeout=30)
    assert _identity(fresh) == before

    second.communicate(timeout=30)
    assert _processes(fresh) == []


def test_servers_of_a_killed_user_are_adopted_and_then_stopped(fresh):
    killed = _user(fresh)
    before = _identity(fresh)
    killed.kill()
    killed.communicate()

    following = _user(fresh)
    assert _identity(fresh) == before

    following.communicate(timeout=30)
    assert _processes(fresh) == []


def test_a_stop_leaves_nothing_and_may_be_repeated(fresh):
    fresh.start()

    fresh.stop()
    fresh.stop()

    assert _processes(fresh) == []
    assert list((fresh.store / "run").iterdir()) == []


def test_a_pid_file_that_names_a_living_stranger_does_not_matter(fresh):
    fresh.start()
    stranger = int((fresh.store / "valkey.pid").read_text())  # Of the same user, so PostgreSQL alone would give up.
    pid_file = next(fresh.store.glob("data-*/postmaster.pid"))
    _kill([int(pid_file.read_text().split()[0])])
    _eventually(lambda: not _postmasters(fresh))
    pid_file.write_text("\n".join([str(stranger), *pid_file.read_text().split("\n")[1:]]))

    fresh.start()

    assert _ask(fresh, "SELECT 1") == 1
    assert int((fresh.store / "valkey.pid").read_text()) == stranger


def test_everything_killed_starts_again_with_what_was_committed(fresh):
    fresh.start()
    _execute(fresh, "CREATE TABLE kept AS SELECT 7 AS number")
    _kill([int(pid) for pid in _processes(fresh, "pid=")])

    fresh.start()

    assert _ask(fresh, "SELECT number FROM kept") == 7
    assert redis.Redis.from_url(fresh.redis_url).ping()


def test_a_server_that_does_not_listen_is_stopped_all_the_same(fresh):
    fresh.start()
    os.kill(int(next(fresh.store.glob("data-*/postmaster.pid")).read_text().split()[0]), signal.SIGSTOP)

    fresh.stop()

    assert _processes(fresh) == []


def test_a_start_that_fails_says_what_the_server_said(fresh):
    fresh.start()
    fresh.stop()
    next(fresh.store.glob("data-*/global/pg_control")).unlink()

    with pytest.raises(EmbeddedFailed, match=r"^PostgreSQL did not start: .*could not open file .*postgres\.log\)$"):
        fresh.start()

    fresh.stop()
    assert _processes(fresh) == []


def test_a_starter_killed_half_way_leaves_no_half_of_a_cluster(fresh):
    starter = _python(START, fresh.home)
    _eventually(lambda: list(fresh.store.glob("new-*")))
    starter.kill()
    starter.communicate()

    fresh.start()

    assert _ask(fresh, "SELECT current_user") == "ease"
    fresh.stop()
    assert list(fresh.store.glob("new-*")) == []


def test_a_lost_secret_ends_the_old_servers_and_never_opens_the_old_data(fresh):
    fresh.start()
    _execute(fresh, "CREATE TABLE old_secrets ()")
    (fresh.home / "secret").unlink()

    again = Embedded(fresh.home, durable=False)
    again.start()

    assert again.database_url != fresh.database_url
    assert _ask(again, "SELECT to_regclass('old_secrets')") is None
    assert len(_postmasters(again)) == 1
    again.destroy()


def test_a_home_too_deep_for_a_socket_works(tmp_path):
    deep = Embedded(tmp_path / ("deep" * 30) / "home", durable=False)

    deep.start()

    assert _ask(deep, "SELECT 1") == 1
    deep.destroy()
    assert _processes(deep) == []


def test_a_socket_path_is_never_too_long():
    beside = socket_folder(Path("/srv/ease"), "0123456789abcdef")
    elsewhere = socket_folder(Path("/srv") / ("deep" * 30), "0123456789abcdef")

    assert beside == Path("/srv/ease/run")
    assert elsewhere == Path(f"/tmp/ease-{os.geteuid()}-0123456789abcdef")
    assert len(str(elsewhere / ".s.PGSQL.5432")) <= SOCKET_PATH_MAX


def test_a_socket_folder_open_to_others_is_refused(fresh):
    fresh.start()
    fresh.stop()
    (fresh.store / "run").chmod(0o755)

    with pytest.raises(EmbeddedFailed, match="not a private folder"):
        fresh.start()

    assert _mode(fresh.store / "run") == 0o755
    assert _processes(fresh) == []


def test_folders_above_keep_their_modes(tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    own = Embedded(tmp_path / "open" / "home", durable=False)

    own.start()
    own.destroy()

    assert _mode(tmp_path / "open") == 0o755


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _connect(servers: Embedded) -> psycopg2.extensions.connection:
    connection = psycopg2.connect(servers.database_url)
    connection.autocommit = True
    return connection


def _execute(servers: Embedded, statement: str) -> None:
    connection = _connect(servers)
    connection.cursor().execute(statement)
    connection.close()


def _ask(servers: Embedded, question: str) -> object:
    connection = _connect(servers)
    cursor = connection.cursor()
    cursor.execute(question)
    (answer,) = cursor.fetchone()
    connection.close()
    return answer


def _identity(servers: Embedded) -> tuple[object, str]:
    """What tells one run of the servers from the next."""
    with redis.Redis.from_url(servers.redis_url) as client:
        return _ask(servers, "SELECT pg_postmaster_start_time()"), client.info("server")["run_id"]


def _processes(servers: Embedded, column: str = "args=") -> list[str]:
    """One column of the process table for the servers' processes, children of PostgreSQL included; no zombies."""
    table = subprocess.run(
        ["ps", "-wweo", "stat=,pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    rows = [line.split(maxsplit=3) for line in table if not line.startswith("Z")]
    own = {row[1] for row in rows if str(servers.store) in row[3]}
    pids = [row[1] for row in rows if row[1] in own or row[2] in own]
    shown = subprocess.run(["ps", "-wwo", column, "-p", ",".join(pids or ["0"])], capture_output=True, text=True)
    return [line.strip() for line in shown.stdout.splitlines()]


def _postmasters(servers: Embedded) -> list[str]:
    return [line for line in _processes(servers) if "/bin/postgres -D" in line]


def _kill(pids: list[int]) -> None:
    [os.kill(pid, signal.SIGKILL) for pid in pids]


def _python(code: str, home: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, str(home)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _user(servers: Embedded) -> subprocess.Popen[str]:
    """A process that uses the servers until its input is closed."""
    process = _python(USE, servers.home)
    assert process.stdout.readline() == "using\n"
    return process


def _eventually(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)
