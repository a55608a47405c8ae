"""Server processes and raw clients for the serving tests: no client library between the test and the bytes."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CEILING_S = 30.0  # for things that take a moment; never a statement about speed


class ServingProcess:
    """`python -m djangocrud.serve` with the test application, on a listening socket that the test has bound."""

    def __init__(self, host: str = "127.0.0.1", drain_s: float = 4.0, **options: Any) -> None:
        self._output = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115 - a pipe could fill and hold the server up
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, 0), family=family, dualstack_ipv6=host == "::") as listener:
            self.port: int = listener.getsockname()[1]
            app = "backend.tests.serving_app:application"
            self.process = subprocess.Popen(
                [sys.executable, "-m", "djangocrud.serve", "--app", app, "--fd", str(listener.fileno())]
                + ["--drain-seconds", str(drain_s)],
                cwd=ROOT,
                env={**os.environ, "SERVING": json.dumps(options)},
                pass_fds=[listener.fileno()],
                stdout=self._output,
                stderr=subprocess.STDOUT,
            )

    def connect(self, host: str = "127.0.0.1", receive_buffer: int | None = None) -> socket.socket:
        client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        client.settimeout(CEILING_S)
        if receive_buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.connect((host, self.port))
        return client

    def open(self, method: str, path: str, *headers: str, body: bytes = b"", **options: Any) -> socket.socket:
        """Connect and send a request; `body` is sent as it is, so that it may be anything."""
        client = self.connect(**options)
        client.sendall(request_bytes(method, path, *headers) + body)
        return client

    def ask(self, method: str, path: str, *headers: str, body: bytes = b"") -> "Reply":
        length = [f"Content-Length: {len(body)}"] if body else []
        with self.open(method, path, *headers, *length, body=body) as client:
            return read_reply(client, method)

    def state(self) -> dict[str, Any]:
        return self.ask("GET", "/livez").json()

    def wait_for(self, what: Callable[[dict[str, Any]], Any], within_s: float = CEILING_S) -> dict[str, Any]:
        """Wait until the server's state is as wanted."""
        deadline = time.monotonic() + within_s
        while not what(state := self.state()):
            assert time.monotonic() < deadline, f"the server's state stayed {state}"
            time.sleep(0.02)
        return state

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait_exit(self, within_s: float = CEILING_S) -> tuple[int, str]:
        code = self.process.wait(within_s)
        return code, self.output()

    def output(self) -> str:
        self._output.seek(0)
        return self._output.read()

    def end(self) -> None:
        """Let it end by itself, so that its coverage is written, unless a test has left it something to wait for."""
        self.process.terminate()
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._output.close()


@contextmanager
def serving(**options: Any) -> Iterator[ServingProcess]:
    server = ServingProcess(**options)
    try:
        yield server
    finally:
        server.end()


class Reply:
    def __init__(self, response: HTTPResponse) -> None:
        response.begin()
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self) -> Any:
        return json.loads(self.body)


def read_reply(client: socket.socket, method: str = "GET") -> Reply:
    """Read one answer. Raises http.client.IncompleteRead or ConnectionError when it is cut."""
    return Reply(HTTPResponse(client, method=method))


def request_bytes(method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: test", *headers]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def is_closed(client: socket.socket) -> bool:
    """Wait until the server has closed the connection; False if it says something instead."""
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def send_until_stuck(client: socket.socket, data: bytes) -> int:
    """Send until the other side has taken nothing for half a second; return how much it took."""
    client.setblocking(False)
    sent, quiet_since = 0, time.monotonic()
    while sent < len(data) and time.monotonic() - quiet_since < 0.5:
        try:
            sent += client.send(data[sent : sent + 65_536])
            quiet_since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.01)
    client.settimeout(CEILING_S)
    return sent
