"""PostgreSQL and Valkey from wheels, for a machine that has neither: started on demand, gone with their last user.

`running(home)` is for every command: it starts the servers or adopts those that run, and stops them at its end
unless another process still uses them. "Uses" is a shared lock on `home/users.lock`, which the kernel drops when a
process dies, so a killed user is no user; the servers it leaves are adopted, and stopped, by the next one.
Starts and stops are serialised by `home/start.lock`.

Plain Python: no Django, no environment variables, and the wheels are looked for only when they are needed.
Why not the wheels' own Python API: it trusts every local user, and as root it changes the modes of parent folders.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from djangocrud.embedded.place import EmbeddedFailed, Place, client_programs, locked, open_lock, try_lock
from djangocrud.embedded.postgres import Postgres
from djangocrud.embedded.valkey import Valkey

__all__ = ["Embedded", "EmbeddedFailed", "client_programs", "running"]


class Embedded:
    """The two servers of one `home`. Making this object and reading its addresses starts nothing."""

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        """`durable=False` is for clusters that tests throw away: a crash of the machine may lose them."""
        self._place = Place(home)
        self._postgres = Postgres(self._place, durable=durable)
        self._valkey = Valkey(self._place)

    @property
    def home(self) -> Path:
        return self._place.home

    @property
    def store(self) -> Path:
        """The private folder of data, sockets and logs."""
        return self._place.store

    @property
    def database_url(self) -> str:
        return self._postgres.url

    @property
    def redis_url(self) -> str:
        return self._valkey.url

    def postgres_program(self, name: str) -> Path:
        """Return the path of one of PostgreSQL's programs, such as `pgbench` or `pg_dump`."""
        return self._place.postgres_program(name)

    def start(self) -> None:
        """Start both servers, or adopt those that run.

        Repeating: costs two sign-ins.
        Raises:    EmbeddedFailed.
        Locks:     home/start.lock.
        """
        with self._alone():
            self._place.prepare()
            self._valkey.start()
            self._postgres.start()

    def stop(self) -> None:
        """Stop both servers, whoever uses them, and return when they are gone."""
        with self._alone():
            self._stop()

    def restart_postgres(self, mode: str = "fast") -> None:
        """Restart PostgreSQL; `immediate` is a crash that it recovers from."""
        with self._alone():
            self._postgres.stop(mode)
            self._postgres.start()

    def stop_redis(self) -> None:
        with self._alone():
            self._valkey.stop()

    def start_redis(self) -> None:
        with self._alone():
            self._valkey.start()

    def destroy(self) -> None:
        """Stop the servers and remove their data. `home` itself is the caller's."""
        with self._alone():
            self._stop()
            self._place.destroy()

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Keep the servers running for the block; at its end the last user stops them."""
        self.home.mkdir(parents=True, exist_ok=True)
        users = open_lock(self.home / "users.lock")
        try:
            fcntl.flock(users, fcntl.LOCK_SH)  # Waits while a last user is stopping the servers.
            try:
                self.start()
                yield
            finally:
                # A newcomer holds its share before it waits for the start lock, so it is seen here.
                with self._alone():
                    if try_lock(users):
                        self._stop()
        finally:
            os.close(users)

    def _stop(self) -> None:
        self._valkey.stop()
        self._postgres.stop()
        self._place.sweep()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self.home.mkdir(parents=True, exist_ok=True)
        with locked(self.home / "start.lock"):
            yield


@contextlib.contextmanager
def running(home: Path, *, durable: bool = True) -> Iterator[Embedded]:
    """Start or adopt the servers of `home` for the block; whoever leaves last stops them."""
    servers = Embedded(home, durable=durable)
    with servers.used():
        yield servers
