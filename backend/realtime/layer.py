"""The channel layer: Redis publish/subscribe over one connection that sends without waiting for answers.

In the wire form of `channels_redis.pubsub`, so that either can hear the other. That one spends more on a ring than
storing the message costs (ADR 0002): two connections, a lock and a round trip for each message sent, a timer and two
more tasks for each one heard. Here a send is one write, and what is heard goes from the socket into the queues.

A connection that ends, or that answers nothing for `SILENT_S`, fails whoever is receiving on it: missed messages are
announced, not hidden. Needs Redis 6 or Valkey, whose third protocol version lets a subscriber publish.
"""

import asyncio
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import msgpack
import structlog
from channels_redis.utils import _consistent_hash
from redis.asyncio import ConnectionPool

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT_S = 2.0
SILENT_S = 3.5
UNSENT_MAX = 8_000_000
QUEUE_MAX = 10_000


class LineLayer:
    """A layer for whoever handles its failures: the hub. Each event loop has connections and channels of its own."""

    extensions = ("groups", "flush")

    def __init__(self, hosts: list[str], prefix: str = "asgi") -> None:
        self._hosts = hosts
        self._prefix = prefix
        self._switchboards: WeakKeyDictionary[asyncio.AbstractEventLoop, Switchboard] = WeakKeyDictionary()

    @property
    def channels(self) -> "dict[str, asyncio.Queue[bytes | None]]":
        return self._here().channels

    async def new_channel(self, prefix: str = "specific.") -> str:
        channel = f"{self._prefix}{prefix}{uuid.uuid4().hex}"
        self.channels[channel] = asyncio.Queue(QUEUE_MAX)
        await self._here().listen(channel, channel)
        return channel

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        await self._here().publish(channel, message)

    async def receive(self, channel: str) -> dict[str, Any]:
        """Return the next message. Raises: ConnectionError once when the connection was lost; `group_add` renews it."""
        content = await self.channels[channel].get()
        if content is None:
            raise ConnectionError("the connection to the channel layer was lost")
        message: dict[str, Any] = msgpack.unpackb(content)
        return message

    async def group_add(self, group: str, channel: str) -> None:
        await self._here().listen(channel, channel)
        await self._here().listen(self._group_channel(group), channel)

    async def group_discard(self, group: str, channel: str) -> None:
        self._here().listeners[self._group_channel(group)].discard(channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await self._here().publish(self._group_channel(group), message)

    # Beside the interface of Channels, for the hub: no queue, no task and no waiting on the way.

    async def tap(
        self, group: str, heard: Callable[[dict[str, Any]], None], *, but: bytes = b""
    ) -> "asyncio.Future[None]":
        """Call `heard` with each message to the group, save those whose bytes go on with `but` after the first one.

        Returns once the server has confirmed it, with a future that is done when the connection is lost: it ends then.
        """
        return await self._here().tap(self._group_channel(group), heard, but)

    def group_send_now(self, group: str, message: dict[str, Any]) -> None:
        """As `group_send`, on a connection that is open. Raises: ConnectionError."""
        self._here().publish_now(self._group_channel(group), message)

    async def flush(self) -> None:
        self._here().close()

    def _group_channel(self, group: str) -> str:
        return f"{self._prefix}__group__{group}"

    def _here(self) -> "Switchboard":
        loop = asyncio.get_running_loop()
        found = self._switchboards.get(loop)
        if found is None:
            found = self._switchboards[loop] = Switchboard(self._hosts)
        return found


class Switchboard:
    """One loop's lines, a line for each host, and which of its channels hear what."""

    def __init__(self, hosts: list[str]) -> None:
        self.channels: dict[str, asyncio.Queue[bytes | None]] = {}
        self.listeners: defaultdict[str, set[str]] = defaultdict(set)
        self._taps: defaultdict[str, list[Tap]] = defaultdict(list)
        self._hosts = hosts
        self._lines: dict[str, Line] = {}
        self._opening = asyncio.Lock()

    async def listen(self, redis_channel: str, channel: str) -> None:
        """Let a channel hear what is published. Returns once the server has confirmed it. Raises: when it cannot."""
        self.listeners[redis_channel].add(channel)
        await (await self._line_of(redis_channel)).subscribe(redis_channel)

    async def publish(self, redis_channel: str, message: dict[str, Any]) -> None:
        """Send, without waiting for the server. Raises: ConnectionError, or what connecting raises."""
        line = self._lines.get(self._host_of(redis_channel)) or await self._line_of(redis_channel)
        line.publish(redis_channel, msgpack.packb(message))

    async def tap(
        self, redis_channel: str, heard: Callable[[dict[str, Any]], None], but: bytes
    ) -> asyncio.Future[None]:
        line = await self._line_of(redis_channel)
        tapped = Tap(heard, but, asyncio.get_running_loop().create_future())
        self._taps[redis_channel].append(tapped)
        try:
            await line.subscribe(redis_channel)
        except BaseException:
            self._taps[redis_channel].remove(tapped)
            raise
        return tapped.lost

    def publish_now(self, redis_channel: str, message: dict[str, Any]) -> None:
        line = self._lines.get(self._host_of(redis_channel))
        if line is None:
            raise ConnectionError("there is no connection to the channel layer")
        line.publish(redis_channel, msgpack.packb(message))

    def close(self) -> None:
        for line in list(self._lines.values()):
            line.close()
        self.channels.clear()
        self.listeners.clear()

    def _host_of(self, redis_channel: str) -> str:
        """Return the host that `channels_redis` would choose."""
        return self._hosts[_consistent_hash(redis_channel, len(self._hosts))]

    async def _line_of(self, redis_channel: str) -> "Line":
        host = self._host_of(redis_channel)
        async with self._opening:
            if host not in self._lines:
                self._lines[host] = await Line.open(host, self._hear, lambda line: self._lost(host, line))
            return self._lines[host]

    def _hear(self, redis_channel: str, content: bytes) -> None:
        for tap in self._taps.get(redis_channel, ()):
            tap.hear(content)
        for channel in self.listeners.get(redis_channel, ()):
            queue = self.channels.get(channel)
            if queue is not None and not queue.full():
                queue.put_nowait(content)

    def _lost(self, host: str, line: "Line") -> None:
        if self._lines.get(host) is line:
            del self._lines[host]
        deaf: set[str] = set()
        for redis_channel in line.subscribed:
            for tap in self._taps.pop(redis_channel, ()):
                tap.lost.set_result(None)
            deaf.update(self.listeners.get(redis_channel, ()))
        for queue in (self.channels[channel] for channel in deaf & self.channels.keys()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)


@dataclass(frozen=True, slots=True)
class Tap:
    """Somebody who hears messages as they come."""

    heard: Callable[[dict[str, Any]], None]
    but: bytes
    lost: asyncio.Future[None]

    def hear(self, content: bytes) -> None:
        if self.but and content.startswith(self.but, 1):
            return
        try:
            self.heard(msgpack.unpackb(content))
        except Exception as fault:  # noqa: BLE001 - anybody can publish anything: it must not end the connection
            log.warning("layer.not_understood", fault=type(fault).__name__)


class Line(asyncio.Protocol):
    """One connection. redis-py connects and signs in (TLS, passwords); then the transport is ours alone."""

    def __init__(self, heard: Callable[[str, bytes], None], lost: Callable[["Line"], None]) -> None:
        self.subscribed: dict[str, asyncio.Future[None]] = {}
        self._heard = heard
        self._lost = lost
        self._rest = b""
        self._unanswered = 0
        self._answered_at = time.monotonic()
        self._transport: Any = None
        self._holder: Any = None

    @classmethod
    async def open(cls, url: str, heard: Callable[[str, bytes], None], lost: Callable[["Line"], None]) -> "Line":
        line = cls(heard, lost)
        connection = line._holder = ConnectionPool.from_url(url, protocol=3).make_connection()
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await connection.connect()
        line._transport = connection._writer.transport
        line._transport.set_protocol(line)
        return line

    async def subscribe(self, channel: str) -> None:
        confirmed = self.subscribed.get(channel)
        if confirmed is None:
            confirmed = self.subscribed[channel] = asyncio.get_running_loop().create_future()
            self._write(b"SUBSCRIBE", channel.encode())
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await asyncio.shield(confirmed)

    def publish(self, channel: str, content: bytes) -> None:
        if self._unanswered and time.monotonic() - self._answered_at > SILENT_S:
            self.close()
        if self._transport.is_closing() or self._transport.get_write_buffer_size() > UNSENT_MAX:
            raise ConnectionError("the channel layer takes nothing")
        if not self._unanswered:
            self._answered_at = time.monotonic()
        self._unanswered += 1
        self._write(b"PUBLISH", channel.encode(), content)

    def close(self) -> None:
        self._transport.abort()

    def _write(self, *words: bytes) -> None:
        parts = [b"*%d\r\n" % len(words), *(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)]
        self._transport.write(b"".join(parts))

    # What the server says

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        at = 0
        try:
            while (end := self._take(data, at)) >= 0:
                at = end
        except (ValueError, IndexError):
            log.warning("layer.garbled")
            self.close()
        self._rest = data[at:] if at else data

    def connection_lost(self, exc: Exception | None) -> None:
        self._holder._reader = self._holder._writer = None  # so that redis-py does not close it again
        for confirmed in self.subscribed.values():
            if not confirmed.done():
                confirmed.set_exception(ConnectionError("the connection to the channel layer was lost"))
        self._lost(self)

    def _take(self, data: bytes, at: int) -> int:
        """Take one answer or message from `at` on; return where it ends, or -1 while it is not complete."""
        start = data.find(b"\r\n", at) + 2
        if start < 2:
            return -1
        kind = data[at : at + 1]
        if kind != b">":
            self._unanswered = max(0, self._unanswered - 1)
            self._answered_at = time.monotonic()
            if kind == b"-":
                raise ValueError(data[at:start])
            return start
        words: list[bytes] = []
        for _ in range(int(data[at + 1 : start - 2])):
            line_end = data.find(b"\r\n", start)
            if line_end < 0:
                return -1
            first, start = start, line_end + 2
            if data[first] == ord("$"):
                start += int(data[first + 1 : line_end]) + 2
                if start > len(data):
                    return -1
                words.append(data[line_end + 2 : start - 2])
        self._pushed(words)
        return start

    def _pushed(self, words: list[bytes]) -> None:
        if words[0] == b"message":
            self._heard(words[1].decode(), words[2])
        elif words[0] == b"subscribe":
            confirmed = self.subscribed.get(words[1].decode())
            if confirmed is not None and not confirmed.done():
                confirmed.set_result(None)
