"""The base of every WebSocket: accept, admit, catch up, go live; then frames in and events out, until it ends.

Its own receive loop instead of Channels' consumers: those clean up database connections around each event, which
costs more than storing the message does (stack.md). All database work goes through the runtime's threads, which look
after their connections themselves.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
from backend.realtime.events import StoredEvent, render, text_frame
from backend.realtime.feeds import Delivery
from backend.realtime.frames import BadFrame, object_of, query_of
from backend.realtime.limits import Pace
from backend.realtime.seats import FirstPage, Seat, first_pages, fitting, in_order, next_page
from backend.realtime.transport import Send, handle_of

log = structlog.get_logger(__name__)

NOT_SIGNED_IN, DATABASE_AWAY, NO_SUCH, NOT_A_MEMBER, LAYER_NEVER_REACHED = 4001, 4004, 4005, 4006, 4007
TOO_MANY_BAD_FRAMES, ENDED, GOING_AWAY, TOO_SLOW = 4008, 4010, 4012, 4013

LAYER_WAIT_S, EARLY_FRAMES_MAX = 2.0, 64
REPLAY_TOKENS = 10  # a part of a replay costs as much of the pace as so many frames


class Refused(Exception):
    """The socket may not be opened, or not stay open; `code` is the close code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Admission:
    """Who comes in, and which topics they see. `facts` is the subclass's."""

    principal: Principal
    topics: Sequence[str]
    facts: Any = None


class Socket:
    """One connection to some topics. Subclasses say who may come in (`admit`) and what frames mean (`frames`)."""

    frames: ClassVar[dict[str, str]] = {"ping": "on_ping", "resume": "on_resume"}

    def __init__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send) -> None:
        self.scope = scope
        self.principal: Principal | None = None
        self.sid = ""
        self.seats: dict[str, Seat] = {}
        self.live = self.closing = False
        self._receive = receive
        self._send = send
        numbers = settings.REALTIME
        self._pace = Pace(burst=numbers["burst"], rate=numbers["rate_per_second"])
        self._bad = Pace(burst=numbers["bad_frames_per_minute"], rate=numbers["bad_frames_per_minute"] / 60)
        self._unsent_max = numbers["unsent_max_bytes"]
        self._opening: asyncio.Task[None] | None = None
        self._rechecking: asyncio.Task[None] | None = None
        self._is_stale = False
        self._seating = asyncio.Lock()  # held by whoever changes `seats`
        self._expiry: asyncio.TimerHandle | None = None
        self._early: list[dict[str, Any]] = []

    # For subclasses

    def admit(self) -> Admission:
        """Authenticate and authorise, in a reader's thread, on opening and whenever something changed.

        Raises: Refused.
        """
        raise NotImplementedError

    def has_ended(self, principal: Principal) -> bool:
        """Whether the session ended while this socket was being opened."""
        raise NotImplementedError

    def has_changed(self, principal: Principal) -> bool:
        """Whether roles or flags changed while this socket was being opened."""
        return False

    def cursors_from(self, value: object) -> dict[str, int]:
        """Return the cursors, by topic, that a client sent as `after`. Raises: BadFrame."""
        raise NotImplementedError

    def cursors_in(self, fields: Mapping[str, Any]) -> dict[str, int]:
        """Return all cursors in an address or a `resume` frame, by topic. Raises: BadFrame."""
        return self.cursors_from(fields["after"]) if "after" in fields else {}

    def about(self, seat: Seat) -> dict[str, Any]:
        """Return what tells clients which topic a `reset` or `pong` is about, where they have several."""
        return {}

    def heads(self) -> dict[str, Any]:
        """Return the newest events known, as `pong` tells them."""
        return {"head": max((seat.head for seat in self.seats.values()), default=0)}

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
        try:
            await self._wait_for_layer()
            async with self._seating:
                admission = await self._admitted()
                cursors, fault = self._cursors_of_query()
                await self._catch_up([self._sit(topic) for topic in admission.topics], cursors)
            if fault is not None:
                self.error(fault)
            self.live = True
            await self.opened(admission)
        except Refused as refused:
            self.close(refused.code)
        except PoolBusy:
            self.close(GOING_AWAY)
        except (DatabaseError, InterfaceError) as trouble:
            log.warning("socket.database_away", fault=type(trouble).__name__, session_id=self.sid)
            self.close(DATABASE_AWAY)
        except Exception:
            log.exception("socket.not_opened", session_id=self.sid)
            self.close(DATABASE_AWAY)
        while self._early:
            await self._on_message(self._early.pop(0))

    async def _admitted(self) -> Admission:
        """Admit, and be known to the runtime from then on. What changed in between was told to nobody: look again."""
        admission: Admission = await self.hub.read(self.admit)
        principal = self.principal = admission.principal
        self.sid = principal.sid
        self.runtime.add(self, sid=principal.sid, user_id=principal.id)
        if self.has_ended(principal):
            raise Refused(NOT_SIGNED_IN)
        if self.has_changed(principal):
            admission = await self.hub.read(self.admit)
            self.principal = admission.principal
        self._end_with_token(principal)
        return admission

    def _sit(self, topic: str) -> Seat:
        seat = self.seats[topic] = Seat(self, self.hub, topic)
        return seat

    async def _wait_for_layer(self) -> None:
        """A process that never reached the layer would be deaf to the others: refuse. One that lost it heals."""
        for _ in range(int(LAYER_WAIT_S / 0.05)):
            if self.hub.layer_joined:
                return
            await asyncio.sleep(0.05)
        raise Refused(LAYER_NEVER_REACHED)

    def _cursors_of_query(self) -> tuple[dict[str, int], BadFrame | None]:
        try:
            return self.cursors_in(query_of(self.scope)), None
        except BadFrame as fault:
            return {}, fault

    async def _catch_up(self, seats: Sequence[Seat], cursors: Mapping[str, int]) -> None:
        """Send what was missed, all of it or an explicit `reset`; then go live without a gap."""
        if cursors:
            await self._until_due()
        pages: list[FirstPage] = await self._read_fresh(seats, first_pages, seats, cursors)
        events = in_order([page.events for page in pages])
        if cursors:
            for event in events[self._send_fitting(events) :]:
                self.seats[event.topic].cursor = min(self.seats[event.topic].cursor, event.seq - 1)
        else:
            self._send_array([render(event) for event in events])  # One array: the S1 app knows no second.
        for seat, page in zip(seats, pages, strict=True):
            self.recalled([event for event in page.events if event.seq <= seat.cursor])
            if page.is_reset:
                self.send({"type": "reset", "head": page.head, **self.about(seat)})
            if page.has_more or (page.events and seat.cursor < page.events[-1].seq):
                await self._send_rest(seat)
            await seat.go_live(page.head)

    async def _send_rest(self, seat: Seat) -> None:
        """Send what was missed beyond the first array, each part read when the client is ready for it."""
        page = limit = int(settings.REALTIME["page"])
        while self.handle.is_open:
            await self._until_due()
            events = await self._read_fresh([seat], next_page, seat, limit)
            count = self._send_fitting(events) if events else 0
            if count:
                seat.cursor = events[count - 1].seq
                self.recalled(events[:count])
            if count == len(events) < limit:
                return
            limit = page if count == limit else min(max(count * 2, 1), page)  # No more than will be sent.

    async def _read_fresh(self, seats: Sequence[Seat], fn: Callable[..., Any], *args: Any) -> Any:
        """Read, and again if an event was rewritten meanwhile: what was read may be the text of before."""
        while True:
            before = [seat.feed.rewrites for seat in seats]
            found = await self.hub.read(fn, *args)
            if before == [seat.feed.rewrites for seat in seats]:
                return found

    async def _until_due(self) -> None:
        """Wait until the client has taken most of what was sent, and its pace allows another part of a replay."""
        await asyncio.sleep(self._pace.delay(REPLAY_TOKENS))
        for _ in range(600):
            if self.handle.unsent < self._unsent_max // 4 or not self.handle.is_open:
                return
            await asyncio.sleep(0.05)
        raise Refused(TOO_SLOW)  # It takes nothing.

    def _send_fitting(self, events: Sequence[StoredEvent]) -> int:
        """Send the first events as one array of a bounded size; return how many those were. May be empty."""
        part = fitting(events, self._unsent_max // 4)
        self._send_array(part)
        return len(part)

    def _send_array(self, events: list[bytes]) -> None:
        self.write(text_frame(b"[" + b",".join(events) + b"]"))

    def _end_with_token(self, principal: Principal) -> None:
        if principal.expires_at is not None:
            seconds = (principal.expires_at - datetime.now(UTC)).total_seconds()
            self._expiry = asyncio.get_running_loop().call_later(max(seconds, 0), self.close, NOT_SIGNED_IN)

    def _end(self) -> None:
        self.closing = True
        for task in (self._opening, self._rechecking):
            if task is not None:
                task.cancel()
        if self._expiry is not None:
            self._expiry.cancel()
        for seat in self.seats.values():
            seat.leave()
        if self.principal is not None:
            self.runtime.discard(self, sid=self.principal.sid, user_id=self.principal.id)
        if self.live:
            self.left()

    # Out

    def take(self, delivery: Delivery) -> None:
        self.write(delivery.frame)
        self.noticed(delivery)

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
            self.runtime.closed[code] += 1
            for seat in self.seats.values():
                seat.mute()
            self.handle.close(code)

    def going_away(self, within_s: float) -> None:
        """Tell the client to come back, and close a random moment later, so that not all come back at once."""
        delay = random.uniform(0, within_s)  # noqa: S311 - spreads a herd, guards nothing
        self.send({"type": "going_away", "within_ms": int(delay * 1000)})
        asyncio.get_running_loop().call_later(delay, self.close, GOING_AWAY)

    def recheck(self) -> None:
        """Look again, after what is known now; one look at a time, so that an older answer never beats a newer."""
        self._is_stale = True
        if self._rechecking is None or self._rechecking.done():
            self._rechecking = self.hub.spawn(self._recheck())

    async def _recheck(self) -> None:
        """Ask again who this is and what they see: topics that are gone are left, new ones joined from now on."""
        try:
            async with self._seating:
                while self._is_stale and not self.closing:
                    self._is_stale = False
                    await self._sit_anew(await self.hub.read(self.admit))
        except Refused as refused:
            self.close(refused.code)
        except (DatabaseError, InterfaceError, PoolBusy):
            self.close(DATABASE_AWAY)  # Not known is not allowed; the client comes back and is asked again.

    async def _sit_anew(self, admission: Admission) -> None:
        self.principal = admission.principal
        for topic in [topic for topic in self.seats if topic not in admission.topics]:
            self.seats.pop(topic).leave()
        for topic in [topic for topic in admission.topics if topic not in self.seats]:
            seat = self._sit(topic)
            await seat.go_live((await self.hub.read(first_pages, [seat], {}))[0].head)

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
            log.warning("socket.database_away", fault=type(trouble).__name__, session_id=self.sid)
            self.close(DATABASE_AWAY)

    def error(self, fault: BadFrame) -> None:
        client = {"client_id": fault.client_id} if fault.client_id else {}
        self.send({"type": "error", "code": fault.code, "detail": fault.detail, **client})

    async def on_ping(self, fields: dict[str, Any]) -> None:
        """`head` is the newest event known to be stored: a client that has not seen it knows its data path is dead."""
        self.send({"type": "pong", **self.heads()})

    async def on_resume(self, fields: dict[str, Any]) -> None:
        """Send everything after `after` again, as on connecting with `?after=`."""
        cursors = self.cursors_in(fields) or self.cursors_from(None)
        async with self._seating:
            again = [topic for topic in self.seats if topic in cursors]
            for topic in again:
                self.seats.pop(topic).leave()
            await self._catch_up([self._sit(topic) for topic in again], cursors)


async def no_such_socket(scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send) -> None:
    """Answer a WebSocket at an address that has none: accepted first, so that the client sees the code."""
    if (await receive())["type"] == "websocket.connect":
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": NO_SUCH})
