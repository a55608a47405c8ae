"""Where the figures are taken: a database cluster of their own, the people in it, and server processes."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import machine
from djangocrud.embedded import Embedded

ROOT = Path(__file__).resolve().parent.parent
UP_WITHIN_S = 60
OURS = ("-m", "djangocrud.serve", "--port", "{port}", "--app")
STOCK_DAPHNE = ("-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", "{port}")


@dataclass(frozen=True, slots=True)
class SeededChat:
    """A chat and the access tokens of its two members."""

    id: str
    customer: str
    agent: str
    agent_id: int = 0

    def path_of(self, member: int) -> str:
        return f"/ws/support/chat/{self.id}/?token={(self.customer, self.agent)[member]}"


class Stage:
    """A running cluster in a temporary folder. Servers started here end with it."""

    def __init__(self, home: Path, embedded: Embedded) -> None:
        self.home = home
        self.embedded = embedded
        self.servers: list[ServerProcess] = []

    @property
    def environment(self) -> dict[str, str]:
        """What every process on this stage is told. The developer's own settings must not reach it."""
        return {
            **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "VIRTUAL_ENV"}},
            "DATABASE_URL": self.embedded.database_url,
            "REDIS_URL": self.embedded.redis_url,
            "EASE_VAR": str(self.home / "var"),
            "SECRET_KEY": "bench-" * 8,
            "LOG_LEVEL": "WARNING",
            "DRAIN_SECONDS": "1",
        }

    def seed(self, chats: int) -> list[SeededChat]:
        """Migrate, and make chats with two members each, in a process of its own."""
        command = [sys.executable, "-m", "bench.seed", str(chats)]
        environment = {**self.environment, "DJANGO_SETTINGS_MODULE": "bench.variants.textbook.settings"}
        done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
        return [SeededChat(**facts) for facts in json.loads(done.stdout)]

    def work(self, module: str, *arguments: str, **environment: str) -> Any:
        """Run a module of ours in a process of its own, with Django on this stage; return the JSON it prints."""
        command = [sys.executable, "-m", module, *arguments]
        told = {**self.environment, "DJANGO_SETTINGS_MODULE": "bench.settings", **environment}
        done = subprocess.run(command, cwd=ROOT, env=told, check=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)

    def serve(
        self,
        app: str,
        *,
        prefix: str,
        settings: str = "bench.settings",
        by: tuple[str, ...] = OURS,
        **environment: str,
    ) -> "ServerProcess":
        """Start a server process; it is not up before `ready` says so."""
        server = ServerProcess(
            [*by, app],
            environment={
                **self.environment,
                "DJANGO_SETTINGS_MODULE": settings,
                "LAYER_PREFIX": f"bench-{prefix}",
                **environment,
            },
            log=self.home / "servers.log",
        )
        self.servers.append(server)
        server.launch()
        return server

    def ready(self) -> None:
        """Wait for all servers. They start together on all cores; from now on they stay on the measured one."""
        for server in self.servers:
            server.wait_until_up()

    def clear(self) -> None:
        """Stop all servers."""
        for server in self.servers:
            server.stop()
        self.servers.clear()


class ServerProcess:
    """One measured server process."""

    def __init__(self, arguments: list[str], *, environment: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self._command = [sys.executable, *(part.format(port=self.port) for part in arguments)]
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def cpu_seconds(self) -> float:
        return machine.cpu_seconds(self.pid)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def launch(self) -> None:
        """Start the process without waiting for it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        machine.pin(self.pid, set.union(*machine.CORES))

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + UP_WITHIN_S
        while not self._listens():
            if self.has_ended or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(self._command)} did not come up:\n{self._log.read_text()[-3000:]}")
            time.sleep(0.05)
        machine.pin(self.pid, machine.CORES[0])

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        """End it without a word, as the kernel would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        if self._process is not None and not self.has_ended:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(8)
        self.kill()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextlib.contextmanager
def opened_stage() -> Iterator[Stage]:
    """Start a cluster whose commits are as durable as in production; remove all of it at the end."""
    if sys.platform != "linux":
        raise SystemExit("bench: needs Linux, for the CPU clocks and the pinning of processes")
    machine.pin(os.getpid(), machine.CORES[1])  # the stores inherit it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    home = Path(tempfile.mkdtemp(prefix="ease-bench-"))
    stage = Stage(home, Embedded(home / "stores"))
    try:
        stage.embedded.start()
        yield stage
    finally:
        stage.clear()
        stage.embedded.destroy()
        shutil.rmtree(home, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
