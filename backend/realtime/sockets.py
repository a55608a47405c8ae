"""The base of every WebSocket: accept, admit, catch up, go live; then frames in and events out, until it ends.

Its own receive loop instead of Channels' consumers: those clean up database connections around each event, which
costs more than storing the message does (stack.md). All database work goes through the runtime's threads, which look
after their connections themselves.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson
import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from backend.common.errors import DomainError
from backend.common.pool import PoolBusy
from backend.common.principal import Principal
from backend.realtime import runtime as runtimes
from backend.realtime import selectors
from backend.realtime.events import StoredEvent, render, text_frame
from backend.realtime.feeds import Delivery, Feed
from backend.realtime.frames import BadFrame, cursor_from, object_of, query_of
from backend.realtime.limits import Pace
from backend.realtime.selectors import Page
from backend.realtime.transport import Send, handle_of

log = structlog.get_logger(__name__)

NOT_SIGNED_IN, DATABASE_AWAY, NO_SUCH, NOT_A_MEMBER, LAYER_NEVER_REACHED = 4001, 4004, 4005, 4006, 4007
TOO_MANY_BAD_FRAMES, ENDED, GOING_AWAY, TOO_SLOW = 4008, 4010, 4012, 4013

LAYER_WAIT_S = 2.0
EARLY_FRAMES_MAX = 64


class Refused(Exception):
    """The socket may not be opened, or not stay open; `code` is the close code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer of `admit`: who it is, and the first page of what they see. `facts` is the subclass's."""

    principal: Principal
    page: Page
    facts: Any = None


class Socket:
    """One connection to one topic. Subclasses say who may come in (`admit`) and what their frames mean (`frames`)."""

    frames: ClassVar[dict[str, str]] = {"ping": "on_ping", "resume": "on_resume"}

    def __init__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send) -> None:
        self.scope = scope
        self.topic = self.topic_of(scope)
        self.principal: Principal | None = None
        self.cursor = 0
        self.live = False
        self.closing = False
        self._receive = receive
        self._send = send
        numbers = settings.REALTIME
        self._pace = Pace(burst=numbers["burst"], rate=numbers["rate_per_second"])
        self._bad = Pace(burst=numbers["bad_frames_per_minute"], rate=numbers["bad_frames_per_minute"] / 60)
        self._unsent_max = numbers["unsent_max_bytes"]
        self.history: int = numbers["history"]
        self.page: int = numbers["page"]
        self._opening: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._feed: Feed | None = None
        self._joining = False
        self._early: list[dict[str, Any]] = []

    # For subclasses

    def topic_of(self, scope: dict[str, Any]) -> str:
        raise NotImplementedError

    def admit(self, after: int | None) -> Admission:
        """Authenticate, authorise and read the first page, in a reader's thread. Raises: Refused."""
        raise NotImplementedError

    def authorise(self) -> Principal:
        """Look again whether the person may stay, in a reader's thread. Raises: Refused."""
        raise NotImplementedError

    def has_ended(self, principal: Principal) -> bool:
        """Whether the session ended while this socket was being opened."""
        raise NotImplementedError

    def is_outdated(self, principal: Principal) -> bool:
        """Whether the person changed while this socket was being opened: then `authorise` is asked."""
        raise NotImplementedError

    async def opened(self, admission: Admission) -> None:
        """Called once the first page is sent and the socket is live."""

    def left(self) -> None:
        """Called when the socket is gone, if it ever was live."""

    def noticed(self, delivery: Delivery) -> None:
        """Called after an event was written to the client."""

    def recalled(self, events: Sequence[StoredEvent]) -> None:
        """Called after events were written to the client in an array."""

    # Life

    async def run(self) -> None:
        self.runtime = await runtimes.current()
        self.hub = self.runtime.hub
        if (await self._receive())["type"] != "websocket.connect":
            return
        await self._send({"type": "websocket.accept", "subprotocol": self._subprotocol()})
        self.handle = handle_of(self.scope, self._send)
        self._opening = self.hub.spawn(self._open())
        try:
            await self._read_frames()
        finally:
            self._end()

    def _subprotocol(self) -> str | None:
        """`bearer` is echoed: a browser refuses the connection otherwise. The token after it never is."""
        return "bearer" if "bearer" in self.scope.get("subprotocols", []) else None

    async def _open(self) -> None:
        after, fault = _cursor_of(self.scope)
        try:
            await self._wait_for_layer()
            feed = self._join()
            admission = await self.hub.read(self.admit, after)
            principal = self.principal = admission.principal
            self.runtime.add(self, sid=principal.sid, user_id=principal.id)
            if self.has_ended(principal):
                raise Refused(NOT_SIGNED_IN)
            if self.is_outdated(principal):
                principal = self.principal = await self.hub.read(self.authorise)
            self._end_with_token(principal)
            await self._catch_up(feed, admission.page, after)
            if fault is not None:
                self.error(fault)
            self.live = True
            await self.opened(admission)
        except Refused as refused:
            self.close(refused.code)
        except PoolBusy:
            self.close(GOING_AWAY)
        except (DatabaseError, InterfaceError) as trouble:
            log.warning("socket.database_away", fault=type(trouble).__name__)
            self.close(DATABASE_AWAY)
        except Exception:
            log.exception("socket.not_opened")
            self.close(DATABASE_AWAY)
        while self._early:
            await self._on_message(self._early.pop(0))

    def _join(self) -> Feed:
        feed = self._feed = self.hub.join(self.topic)
        self._joining = True
        return feed

    async def _wait_for_layer(self) -> None:
        """A process that never reached the layer would be deaf to the others: refuse. One that lost it heals."""
        for _ in range(int(LAYER_WAIT_S / 0.05)):
            if self.hub.layer_joined:
                return
            await asyncio.sleep(0.05)
        raise Refused(LAYER_NEVER_REACHED)

    async def _catch_up(self, feed: Feed, page: Page, after: int | None) -> None:
        """Send what was missed, all of it or an explicit `reset`; then go live without a gap."""
        reset = after is not None and after > page.head
        if reset:
            page = await self.hub.read(selectors.last_events, self.topic, self.history)
        if after is None or reset:
            self._send_array(page.events)  # One array: the S1 app knows no second.
            self.cursor = page.head
        else:
            await self._send_page(page)
            self.cursor = max(after, page.cursor)
        if reset:
            self.send({"type": "reset", "head": page.head})
        while after is not None and not reset and len(page.events) == self.page and self.handle.is_open:
            page = await self.hub.read(selectors.events_after, self.topic, self.cursor, limit=self.page)
            if page.events:
                await self._send_page(page)
                self.cursor = page.cursor
        await self.hub.go_live(feed, self, page.head)
        self._joining = False

    async def _until_taken(self) -> None:
        """Wait until the client has taken most of what was sent; a client that takes nothing is too slow."""
        for _ in range(600):
            if self.handle.unsent < self._unsent_max // 4 or not self.handle.is_open:
                return
            await asyncio.sleep(0.05)
        raise Refused(TOO_SLOW)

    async def _send_page(self, page: Page) -> None:
        """Send a page as one array, or as several where it is large, no faster than the client takes them."""
        for part in _parts(page.events, self._unsent_max // 4):
            await self._until_taken()
            self._send_array(part)

    def _send_array(self, events: Sequence[StoredEvent]) -> None:
        self.write(text_frame(b"[" + b",".join([render(event) for event in events]) + b"]"))
        self.recalled(events)

    def _end_with_token(self, principal: Principal) -> None:
        if principal.expires_at is not None:
            seconds = (principal.expires_at - datetime.now(UTC)).total_seconds()
            self._expiry = asyncio.get_running_loop().call_later(max(seconds, 0), self.close, NOT_SIGNED_IN)

    def _end(self) -> None:
        self.closing = True
        if self._opening is not None:
            self._opening.cancel()
        if self._expiry is not None:
            self._expiry.cancel()
        if self._feed is not None:
            if self._joining:
                self.hub.abandon(self._feed)
            self.hub.leave(self._feed, self)
        if self.principal is not None:
            self.runtime.discard(self, sid=self.principal.sid, user_id=self.principal.id)
        if self.live:
            self.left()

    # Out

    def take(self, delivery: Delivery) -> None:
        self.write(delivery.frame)
        self.noticed(delivery)

    def take_whisper(self, frame: bytes) -> None:
        self.write(frame)

    def send(self, message: dict[str, Any]) -> None:
        self.write(text_frame(orjson.dumps(message)))

    def write(self, frame: bytes) -> None:
        if self.closing:
            return
        self.handle.write(frame)
        if self.handle.unsent > self._unsent_max:
            self.close(TOO_SLOW)

    def close(self, code: int) -> None:
        if not self.closing:
            self.closing = True
            if self._feed is not None:
                self._feed.live.discard(self)
            self.handle.close(code)

    def going_away(self, within_s: float) -> None:
        """Tell the client to come back, and close a random moment later, so that not all come back at once."""
        delay = random.uniform(0, within_s)  # noqa: S311 - spreads a herd, guards nothing
        self.send({"type": "going_away", "within_ms": int(delay * 1000)})
        asyncio.get_running_loop().call_later(delay, self.close, GOING_AWAY)

    def recheck(self) -> None:
        self.hub.spawn(self._recheck())

    async def _recheck(self) -> None:
        try:
            self.principal = await self.hub.read(self.authorise)
        except Refused as refused:
            self.close(refused.code)
        except (DatabaseError, InterfaceError, PoolBusy):
            self.close(DATABASE_AWAY)  # Not known is not allowed; the client comes back and is asked again.

    # In

    async def _read_frames(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            if self.closing:
                continue
            if self._opening is None or self._opening.done():
                await self._on_message(message)
            else:  # Opening ends by working through these: what came first stays first.
                self._early.append(message)
                if len(self._early) >= EARLY_FRAMES_MAX:
                    await asyncio.wait([self._opening])

    async def _on_message(self, message: dict[str, Any]) -> None:
        delay = self._pace.delay()
        if delay:
            await asyncio.sleep(delay)  # Nothing is read meanwhile, so the client's own connection makes it wait.
        if self.closing:
            return
        try:
            fields = object_of(message)
            kind = fields.get("type", "message")
            name = self.frames.get(kind) if isinstance(kind, str) else None
            if name is None:
                raise BadFrame("unknown_type", "This type of frame is not known here.")
            await getattr(self, name)(fields)
        except BadFrame as fault:
            self.error(fault)
            if self._bad.is_exceeded():
                self.close(TOO_MANY_BAD_FRAMES)
        except DomainError as fault:
            self.send({"type": "error", "code": fault.code, "detail": fault.detail})
        except Refused as refused:
            self.close(refused.code)
        except PoolBusy:
            self.close(GOING_AWAY)
        except (DatabaseError, InterfaceError) as trouble:
            log.warning("socket.database_away", fault=type(trouble).__name__)
            self.close(DATABASE_AWAY)

    def error(self, fault: BadFrame) -> None:
        client = {"client_id": fault.client_id} if fault.client_id else {}
        self.send({"type": "error", "code": fault.code, "detail": fault.detail, **client})

    async def on_ping(self, fields: dict[str, Any]) -> None:
        """`head` is the newest event known to be stored: a client that has not seen it knows its data path is dead."""
        self.send({"type": "pong", "head": max(self._feed.seen_head, self.cursor) if self._feed else self.cursor})

    async def on_resume(self, fields: dict[str, Any]) -> None:
        """Send everything after `after` again, as on connecting with `?after=`."""
        after = cursor_from(fields.get("after"))
        if self._feed is None:
            return
        self._feed.live.discard(self)
        feed = self._join()
        page = await self.hub.read(selectors.events_after, self.topic, after, limit=self.page)
        await self._catch_up(feed, page, after)


def _parts(events: Sequence[StoredEvent], size_max: int) -> Iterator[Sequence[StoredEvent]]:
    """Split events into runs of about `size_max` bytes; without events there is one empty run."""
    part: list[StoredEvent] = []
    size = 0
    for event in events:
        if part and size + len(event.payload) > size_max:
            yield part
            part, size = [], 0
        part.append(event)
        size += len(event.payload)
    yield part


def _cursor_of(scope: dict[str, Any]) -> tuple[int | None, BadFrame | None]:
    value = query_of(scope).get("after")
    if value is None:
        return None, None
    try:
        return cursor_from(value), None
    except BadFrame as fault:
        return None, fault


async def no_such_socket(scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send) -> None:
    """Answer a WebSocket at an address that has none: accepted first, so that the client sees the code."""
    if (await receive())["type"] == "websocket.connect":
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": NO_SUCH})
