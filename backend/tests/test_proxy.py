"""The balancer of `make cluster`: in turn to whoever wants traffic, and to nobody else."""

import asyncio
import contextlib
from collections import Counter

from djangocrud.proxy import Proxy


class Backend:
    """A small server that says its name, then echoes; `ready` is what its `/readyz` answers."""

    def __init__(self, name):
        self.name, self.ready = name, True
        self.server = None

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def _serve(self, reader, writer):
        with contextlib.suppress(ConnectionError):
            line = await reader.readline()
            if line.startswith(b"GET /readyz"):
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n" if self.ready else b"HTTP/1.1 503 Busy\r\n\r\n")
            else:
                writer.write(self.name + b" " + line)
                writer.write(await reader.read())  # until the client has said all
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def _behind(*names):
    async with contextlib.AsyncExitStack() as stack:
        backends = [await stack.enter_async_context(Backend(name)) for name in names]
        proxy = await stack.enter_async_context(Proxy([backend.port for backend in backends]))
        yield backends, proxy


async def _ask(proxy, rest=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"hello\n" + rest)
    writer.write_eof()
    try:
        return await reader.read()
    finally:
        writer.close()


def test_connections_go_round_and_bytes_go_both_ways_whole():
    async def play():
        async with _behind(b"a", b"b", b"c") as (_, proxy):
            long = bytes(range(256)) * 4096
            answers = [await _ask(proxy, long) for _ in range(6)]
            return Counter(answer.partition(b" ")[0] for answer in answers), {answer[2:] for answer in answers}, long

    turns, told, long = asyncio.run(play())
    assert turns == {b"a": 2, b"b": 2, b"c": 2}
    assert told == {b"hello\n" + long}


def test_who_is_not_ready_or_not_there_gets_nothing_until_it_is():
    async def play():
        async with _behind(b"a", b"b") as ((a, b), proxy):
            b.ready = False
            await proxy._look(proxy.backends[1])
            without_b = [await _ask(proxy) for _ in range(4)]
            a.server.close()  # Gone between two looks: the next one in turn takes it, as soon as there is one.
            asked = asyncio.ensure_future(_ask(proxy))
            b.ready = True
            return without_b, await asked, await _ask(proxy)

    without_b, *afterwards = asyncio.run(play())
    assert without_b == [b"a hello\n"] * 4
    assert afterwards == [b"b hello\n"] * 2


def test_a_client_that_leaves_frees_its_server():
    async def play():
        async with _behind(b"a") as ((a,), proxy):
            ended = asyncio.Event()
            serve = a._serve

            async def told(reader, writer):
                await serve(reader, writer)
                ended.set()

            a._serve = told
            a.server.close()
            a.server = await asyncio.start_server(told, "127.0.0.1", a.port)
            _, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(b"hello\n")
            await writer.drain()
            writer.transport.abort()
            await asyncio.wait_for(ended.wait(), 30)
            return True

    assert asyncio.run(play())
