"""Load that costs little: raw WebSocket and HTTP clients on asyncio protocols.

The client shares its core with PostgreSQL and Valkey, so it parses no more than it must: frame borders, and the first
bytes of a payload. It sends with a mask of zeros, which is a valid mask and spares the masking.
"""

import asyncio
import base64
import os
import time
from collections.abc import Callable
from urllib.parse import urlsplit

TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A
OPEN_WITHIN_S = 30
SAYING = b'{"message":"Good morning, I have a question about my last statement. %s","client_id":"%s"}'


class Peer(asyncio.Protocol):
    """One WebSocket. `heard(peer, payload)` is called for each text frame."""

    def __init__(self, address: str, heard: Callable[["Peer", bytes], None]) -> None:
        self.heard = heard
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: str | None = None
        self._address = address
        self._rest = b""
        self._upgraded = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        parts = urlsplit(self._address)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {parts.path}?{parts.query} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        transport.write("\r\n".join([*lines, "", ""]).encode())

    def send(self, payload: bytes) -> None:
        self._send(TEXT, payload)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _send(self, first: int, payload: bytes) -> None:
        size = len(payload)
        head = bytes((first, 0x80 | size)) if size < 126 else bytes((first, 0xFE)) + size.to_bytes(2, "big")
        if self._transport is not None:
            self._transport.write(head + b"\0\0\0\0" + payload)

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        start = 0 if self._upgraded else self._after_handshake(data)
        end = len(data)
        while end - start >= 2:
            size, body = data[start + 1], start + 2
            if size >= 126:
                body += 2 if size == 126 else 8
                size = int.from_bytes(data[start + 2 : body], "big") if end >= body else end
            if body + size > end:
                break
            first, start = data[start], body + size
            self._take(first, data[body:start])
        self._rest = data[start:]

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(self.ended or "connection lost")

    def _take(self, first: int, payload: bytes) -> None:
        if first == TEXT:
            self.heard(self, payload)
        elif first == PING:
            self._send(PONG, payload)
        elif first == CLOSE:
            self._fail(f"closed with {int.from_bytes(payload[:2], 'big')}")

    def _after_handshake(self, data: bytes) -> int:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return 0
        if not data.startswith(b"HTTP/1.1 101"):
            self._fail(data[:60].decode(errors="replace"))
            return len(data)
        self._upgraded = True
        if not self.opened.done():  # Whoever waited may have gone.
            self.opened.set_result(None)
        return end + 4

    def _fail(self, reason: str) -> None:
        self.ended = self.ended or reason
        if not self.opened.done():
            self.opened.set_exception(ConnectionError(reason))


async def connect(port: int, path: str, heard: Callable[[Peer, bytes], None]) -> Peer:
    address = f"ws://127.0.0.1:{port}{path}"
    _, peer = await asyncio.get_running_loop().create_connection(lambda: Peer(address, heard), "127.0.0.1", port)
    async with asyncio.timeout(OPEN_WITHIN_S):
        await peer.opened
    return peer


class Conversation:
    """Sockets of one chat that take turns: the next one speaks when all of them have got the last message."""

    def __init__(self) -> None:
        self.delays_s: list[float] = []
        self.done = 0
        self.peers: list[Peer] = []
        self._run = os.urandom(6).hex()
        self._mark = b""
        self._missing = 0
        self._sent = 0
        self._sent_at = 0.0
        self._going = False

    async def join(self, port: int, path: str) -> None:
        self.peers.append(await connect(port, path, self._heard))

    def go(self) -> None:
        self._going = True
        self._say()

    async def pause(self) -> None:
        """Stop after the message that is under way."""
        self._going = False
        async with asyncio.timeout(10):
            while self._missing:
                self._check()
                await asyncio.sleep(0.005)

    def close(self) -> None:
        for peer in self.peers:
            peer.close()

    def _say(self) -> None:
        peer = self.peers[self._sent % len(self.peers)]
        self._sent += 1
        self._missing = len(self.peers)
        self._sent_at = time.perf_counter()
        self._mark = b"%s-%d." % (self._run.encode(), self._sent)
        peer.send(SAYING % (self._mark, self._mark))

    def _heard(self, peer: Peer, payload: bytes) -> None:
        if self._mark not in payload:  # whatever else a server tells: history, presence, what was healed
            return
        self._missing -= 1
        if not self._missing:
            self.delays_s.append(time.perf_counter() - self._sent_at)
            self.done += 1
            if self._going:
                self._say()

    def _check(self) -> None:
        for peer in self.peers:
            if peer.ended:
                raise ConnectionError(f"a socket was lost: {peer.ended}")


class Requester(asyncio.Protocol):
    """One HTTP connection that asks again as soon as it has the answer."""

    def __init__(self, request: bytes) -> None:
        self.delays_s: list[float] = []
        self.done = 0
        self.failed = ""
        self._request = request
        self._rest = b""
        self._going = False
        self._asked_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def go(self) -> None:
        self._going = True
        self._ask()

    async def pause(self) -> None:
        self._going = False
        await asyncio.sleep(0.1)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _ask(self) -> None:
        self._asked_at = time.perf_counter()
        if self._transport is not None:
            self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        data = self._rest = self._rest + data
        head_end = data.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = data[:head_end].lower()
        at = head.find(b"content-length: ")
        if not head.startswith((b"http/1.1 200", b"http/1.1 201", b"http/1.1 202")) or at < 0:
            self.failed = head[:80].decode(errors="replace")
            return
        size = int(head[at + 16 :].split(b"\r\n", 1)[0])
        if len(data) < head_end + 4 + size:
            return
        self._rest = b""
        self.delays_s.append(time.perf_counter() - self._asked_at)
        self.done += 1
        if self._going:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self.failed = self.failed or "connection lost"


async def open_requester(port: int, path: str) -> Requester:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    _, made = await asyncio.get_running_loop().create_connection(lambda: Requester(request), "127.0.0.1", port)
    return made
