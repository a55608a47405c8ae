"""Load at a pace of its own: messages that do not wait for one another, and sockets that come and go."""

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import Sequence

from bench.load import SAYING, Peer, connect

MARK = b'"client_id":"'
OPEN_WITHIN_S = 10


class Steady:
    """Chats of two in which so many messages a second are said, whatever becomes of them; delays are to the peer."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.delays_s: list[float] = []
        self.done = 0
        self._run = os.urandom(4).hex().encode()
        self._pairs: list[tuple[Peer, Peer]] = []
        self._sent: dict[bytes, tuple[Peer, float]] = {}
        self._saying: asyncio.Task[None] | None = None
        self._number = itertools.count()

    async def join(self, port: int, paths: Sequence[str]) -> None:
        one, other = [await connect(port, path, self._heard) for path in paths]
        self._pairs.append((one, other))

    def go(self) -> None:
        self._saying = asyncio.ensure_future(self._say())

    async def pause(self) -> None:
        """Stop, and wait for what is under way."""
        if self._saying is not None:
            self._saying.cancel()
        async with asyncio.timeout(10):
            while self._sent:
                await asyncio.sleep(0.01)

    def close(self) -> None:
        for peer in itertools.chain(*self._pairs):
            peer.close()

    async def _say(self) -> None:
        began = time.perf_counter()
        for count in itertools.count(1):
            number = next(self._number)
            one, other = self._pairs[number % len(self._pairs)]
            mark = b"%s-%d." % (self._run, number)
            speaker, hearer = (one, other) if number // len(self._pairs) % 2 else (other, one)
            self._sent[mark] = (hearer, time.perf_counter())
            speaker.send(SAYING % (mark, mark))
            ahead = began + count / self.rate - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)

    def _heard(self, peer: Peer, payload: bytes) -> None:
        at = payload.find(MARK)
        if at < 0 or payload[:1] == b"[":
            return
        at += len(MARK)
        mark = payload[at : payload.find(b'"', at)]
        hearer, since = self._sent.get(mark, (None, 0.0))
        if hearer is peer:
            del self._sent[mark]
            self.delays_s.append(time.perf_counter() - since)
            self.done += 1


class Visitor:
    """Connects, waits for what was said before, and goes; again and again, or so many times a second."""

    def __init__(self, port: int, path: str, *, rate: float | None = None) -> None:
        self.delays_s: list[float] = []
        self.done = 0
        self._port, self._path, self._rate = port, path, rate
        self._visiting: asyncio.Task[None] | None = None

    def go(self) -> None:
        self._visiting = asyncio.ensure_future(self._visit())

    async def pause(self) -> None:
        if self._visiting is not None:
            self._visiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._visiting

    def close(self) -> None:
        """Nothing stays open between two visits."""

    async def _visit(self) -> None:
        while True:
            since = time.perf_counter()
            heard = asyncio.Event()
            peer = await connect(self._port, self._path, lambda _, payload, heard=heard: _is_array(payload, heard))
            try:
                async with asyncio.timeout(OPEN_WITHIN_S):
                    await heard.wait()
            finally:
                peer.close()
            self.delays_s.append(time.perf_counter() - since)
            self.done += 1
            if self._rate is not None:
                await asyncio.sleep(max(since + 1 / self._rate - time.perf_counter(), 0))


def _is_array(payload: bytes, heard: asyncio.Event) -> None:
    if payload[:1] == b"[":
        heard.set()
