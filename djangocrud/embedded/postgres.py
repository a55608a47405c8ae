"""The embedded PostgreSQL: a cluster of its own on a unix socket, opened by password only.

The application's role `ease` is an ordinary one that may create databases, as on a hosted PostgreSQL, so what works
here works there. `postgres` is the superuser, with the same secret, for tests that must break something.
"""

import contextlib
import os
import shlex
import shutil
import signal
import tempfile
from pathlib import Path
from urllib.parse import quote

from djangocrud.embedded.place import EmbeddedFailed, Place
from djangocrud.embedded.server import READY_WITHIN_S, Answer, Server

ROLE = DATABASE = "ease"
SUPERUSER = "postgres"
PORT = 5432  # Part of the socket's name only: nothing listens on TCP.
# `terse` and no statements: a duplicate e-mail address must not end in a log.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "max_connections": "200",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}
# Databases that live for minutes need no vacuum, and it would hold up their removal.
THROWAWAY_SETTINGS = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
# A full server has answered, too: it must be adopted, not taken for a stuck one and replaced.
FULL = ("too many clients", "connection slots")


class Postgres(Server):
    name = "PostgreSQL"

    def __init__(self, place: Place, *, durable: bool) -> None:
        super().__init__(place)
        self.durable = durable

    @property
    def url(self) -> str:
        """The socket folder stands percent-encoded as the host: dj-database-url, libpq and psycopg2 all read that."""
        return f"postgresql://{ROLE}:{self.place.secret}@{quote(str(self.place.sockets), safe='')}/{DATABASE}"

    @property
    def log(self) -> Path:
        return self.place.store / "postgres.log"

    @property
    def data(self) -> Path:
        """The cluster that knows our secret. A new `home` at the same path gets a new cluster, never the old data."""
        return self.place.store / f"data-{self.place.secret_name}"

    def ask(self) -> Answer:
        import psycopg2

        try:
            psycopg2.connect(self.url, connect_timeout=2).close()
        except psycopg2.OperationalError as error:
            if "authentication failed" in str(error):
                return Answer.REFUSED
            return Answer.READY if any(words in str(error) for words in FULL) else Answer.LATER
        return Answer.READY

    def launch(self, life: int) -> None:
        if not self.data.exists():
            self._make_cluster()
        self._clear_traces()
        settings = SETTINGS | {"unix_socket_directories": str(self.place.sockets)}
        if not self.durable:
            settings |= THROWAWAY_SETTINGS
        options = shlex.join(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        limit = str(READY_WITHIN_S)
        self._pg_ctl("start", "-D", self.data, "-l", self.log, "-o", options, "-t", limit, keep_open=[life])

    def request_stop(self, mode: str) -> None:
        for pid_file in self.place.store.glob("data-*/postmaster.pid"):
            if mode == "kill":
                _kill_first_number(pid_file)
            else:
                self._pg_ctl("stop", "-D", pid_file.parent, "-m", mode, "--no-wait")

    def _pg_ctl(self, *arguments: str | Path, keep_open: list[int] | None = None) -> None:
        """Whether it worked is seen from the server itself, so the exit code is not asked."""
        program = self.place.postgres_program("pg_ctl")
        self.place.run(program, *arguments, keep_open=keep_open or (), timeout_s=READY_WITHIN_S + 10)

    def _make_cluster(self) -> None:
        """Make a complete cluster under another name, then rename it.

        Why: a start killed half-way leaves no half of a cluster, and an `initdb` that outlives it disturbs nobody.
        """
        older = sorted(self.place.store.glob("data-*"), key=lambda path: path.stat().st_mtime)
        for folder in older[:-1]:  # The last one stays for whoever removed `home/secret` by mistake.
            shutil.rmtree(folder)
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=self.place.store))
        self.place.give(fresh)
        self._initdb(fresh)
        self._make_role_and_database(fresh)
        fresh.rename(self.data)

    def _initdb(self, folder: Path) -> None:
        """Make an empty cluster whose case rules are Unicode's on every machine, whatever locales it has."""
        options = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options += ["--auth=scram-sha-256", "--no-instructions", *([] if self.durable else ["--no-sync"])]
        with tempfile.NamedTemporaryFile("w", dir=self.place.store, prefix="pw-") as password:
            self.place.give(password.name)
            password.write(self.place.secret)
            password.flush()
            program = self.place.postgres_program("initdb")
            done = self.place.run(program, "-D", folder, "-U", SUPERUSER, f"--pwfile={password.name}", *options)
        if done.returncode:
            raise EmbeddedFailed(f"initdb failed: {_last_line(done.stdout)}")

    def _make_role_and_database(self, folder: Path) -> None:
        """Use the single-user mode: the cluster is complete before any server listens."""
        statements = (
            f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{self.place.secret}'",
            f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
        )
        done = self.place.run(
            self.place.postgres_program("postgres"),
            *("--single", "-D", folder, "-c", "exit_on_error=on", "-c", "log_checkpoints=off", SUPERUSER),
            feed="\n".join(statements) + "\n",
        )
        if done.returncode:
            raise EmbeddedFailed(f"the new cluster refused its role: {_last_line(done.stdout)}")

    def _clear_traces(self) -> None:
        """Remove what a killed server left. Nothing of it is alive: see `Server.launch`."""
        for path in (self.data / "postmaster.pid", *self.place.sockets.glob(f".s.PGSQL.{PORT}*")):
            path.unlink(missing_ok=True)


def _kill_first_number(path: Path) -> None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        os.kill(int(path.read_text().split()[0]), signal.SIGKILL)


def _last_line(output: str) -> str:
    lines = output.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
