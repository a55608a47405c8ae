"""A small balancer for one machine: a TCP proxy that knows which servers want traffic. For tests and the bench.

Each new connection goes to the next server in turn that says it is ready (`/readyz`); one
that does not take it is passed over for the next. What is connected stays where it is: a server that drains ends what
it has, and the next connections go elsewhere. It reads nothing of what passes: to the servers all are 127.0.0.1.
In production a real balancer stands here; what it must do is this.
"""

import argparse
import asyncio
import contextlib
import itertools
import signal
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

# A server that drains refuses connections at once, so looking at those that serve need not be often; it costs them.
LOOK_EVERY_S, LOOK_SOON_S = 2.0, 0.1
ANSWER_WITHIN_S = 2.0
CONNECT_WITHIN_S = 2.0
WAIT_FOR_SERVER_S = 10.0
PORTION = 64 * 1024
READY = b"HTTP/1.1 200"


@dataclass
class Backend:
    """One server: where it is, whether it wants traffic, and how much it has been given."""

    port: int
    ready: bool = False
    given: int = 0


class Proxy:
    """Listens on one port, and spreads connections over servers on this machine."""

    def __init__(self, ports: Sequence[int], *, port: int = 0, host: str = "127.0.0.1") -> None:
        self.backends = [Backend(one) for one in ports]
        self.host, self.port = host, port
        self._turns = itertools.count()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def __aenter__(self) -> "Proxy":
        await asyncio.gather(*(self._look(backend) for backend in self.backends))
        for backend in self.backends:
            self._spawn(self._watch(backend))
        self._server = await asyncio.start_server(self._accept, self.host, self.port, limit=PORTION, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Who wants traffic

    async def _watch(self, backend: Backend) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S if backend.ready else LOOK_SOON_S)
            await self._look(backend)

    async def _look(self, backend: Backend) -> None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", backend.port)
                try:
                    writer.write(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                    backend.ready = (await reader.readline()).startswith(READY)
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            backend.ready = False

    async def until_ready(self, count: int | None = None) -> None:
        """Wait until so many servers, or all of them, want traffic."""
        wanted = len(self.backends) if count is None else count
        while sum(backend.ready for backend in self.backends) < wanted:
            await asyncio.sleep(0.02)

    # Connections

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._spawn(self._serve(reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            found = await self._connected()
            if found is not None:
                await _both_ways((reader, writer), found)
        finally:
            writer.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Connect to the next server that takes it, waiting a while where none does; None where none came."""
        deadline = asyncio.get_running_loop().time() + WAIT_FOR_SERVER_S
        while asyncio.get_running_loop().time() < deadline:
            ready = [backend for backend in self.backends if backend.ready]
            start = next(self._turns)
            for place in range(len(ready)):
                backend = ready[(start + place) % len(ready)]
                try:
                    async with asyncio.timeout(CONNECT_WITHIN_S):
                        found = await asyncio.open_connection("127.0.0.1", backend.port, limit=PORTION)
                except (OSError, TimeoutError):
                    backend.ready = False
                    continue
                backend.given += 1
                return found
            await asyncio.sleep(0.05)
        return None


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _both_ways(client: Ends, server: Ends) -> None:
    """Carry bytes until either side is done; each end learns of the other's."""
    try:
        await asyncio.gather(_carry(client[0], server[1]), _carry(server[0], client[1]))
    finally:
        server[1].close()


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while portion := await source.read(PORTION):
            target.write(portion)
            await target.drain()
    with contextlib.suppress(OSError, RuntimeError):
        if target.can_write_eof():
            target.write_eof()


async def serve(ports: Sequence[int], *, host: str, port: int) -> None:
    """Run until a signal."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with Proxy(ports, host=host, port=port):
        await ended.wait()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m djangocrud.proxy", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("servers", type=int, nargs="+", metavar="PORT", help="where the servers listen")
    given = parser.parse_args(arguments)
    asyncio.run(serve(given.servers, host=given.host, port=given.port))


if __name__ == "__main__":
    main()
