"""The embedded Valkey: on a unix socket, opened by password only, nothing kept on disk."""

import contextlib
import os
import signal
from pathlib import Path
from urllib.parse import quote, urlencode

from djangocrud.embedded.place import EmbeddedFailed
from djangocrud.embedded.server import Answer, Server


class Valkey(Server):
    name = "Valkey"

    @property
    def socket(self) -> Path:
        return self.place.sockets / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}?{urlencode({'password': self.place.secret, 'db': 0})}"

    @property
    def log(self) -> Path:
        return self.place.store / "valkey.log"

    @property
    def _pid_file(self) -> Path:
        return self.place.store / "valkey.pid"

    def ask(self) -> Answer:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        client = redis.Redis.from_url(self.url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0))
        try:
            client.ping()
        except redis.AuthenticationError:
            return Answer.REFUSED
        except redis.RedisError as error:
            return Answer.READY if "max number of clients" in str(error) else Answer.LATER
        finally:
            client.close()
        return Answer.READY

    def launch(self, life: int) -> None:
        """The configuration goes in by standard input, because `ps` shows arguments; the socket is there to be seen."""
        self._pid_file.unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)
        program = self.place.valkey_program()
        shown = ("--set-proc-title", "no", "--unixsocket", str(self.socket))
        done = self.place.run(program, *shown, "-", feed=self._configuration(), keep_open=[life])
        if done.returncode:
            raise EmbeddedFailed(f"Valkey did not start: {done.stdout.strip()[-200:]}")

    def request_stop(self, mode: str) -> None:
        """Nothing is kept, so there is nothing to save: ask once, then insist.

        Why the number can be trusted: the file is removed before each launch, and something of Valkey is alive.
        """
        number = signal.SIGKILL if mode == "kill" else signal.SIGTERM
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(self._pid_file.read_text()), number)

    def _configuration(self) -> str:
        lines = {
            "port": "0",
            "unixsocketperm": "700",
            "requirepass": self.place.secret,
            "save": '""',
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
            "daemonize": "yes",
            "dir": _quoted(self.place.store),
            "pidfile": _quoted(self._pid_file),
            "logfile": _quoted(self.log),
            "loglevel": "warning",
        }
        return "".join(f"{name} {value}\n" for name, value in lines.items())


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
