"""Server processes for tests: started, asked, stopped, killed."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One `python -m djangocrud.serve` on a database of ours. `env` adds to or overrides its environment."""

    def __init__(self, database: str, *, folder: Path, **env: str) -> None:
        self.database = database
        self.port = free_port()
        self.log = folder / f"server-{self.port}.log"
        self._env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "djangocrud.settings_test",
            "DATABASE_URL": database_url(database),
            "REDIS_URL": " ".join(settings.REDIS_URLS),
            "DRAIN_SECONDS": "3",
            **env,
        }
        # One for all servers of a database, and for no other database.
        its_own = hashlib.sha256(self._env["DATABASE_URL"].encode()).hexdigest()[:16]
        self._env["AUDIT_CHECKPOINTS"] = str(Path(tempfile.gettempdir()) / f"ease-test-audit-{its_own}.jsonl")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator["Server"]:
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start the process without waiting for it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "djangocrud.serve", "--port", str(self.port)],
                cwd=ROOT,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_until_ready(self, *, within_s: float = 30) -> None:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.base_url}/livez", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError(f"the server did not come up:\n{self.log.read_text()[-4000:]}")

    def stop(self) -> int:
        """Ask it to drain and end; return its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self.process = None
        return code

    def kill(self) -> None:
        """End it without a word, as the kernel would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def database_url(name: str) -> str:
    """Return the address of another database of the server that the tests use."""
    parts = settings.DATABASES["default"]
    login = f"{parts['USER']}:{parts['PASSWORD']}"
    host = str(parts["HOST"])
    if host.startswith("/"):
        return f"postgresql://{login}@/{name}?host={host}"
    return f"postgresql://{login}@{host}:{parts['PORT'] or 5432}/{name}"
