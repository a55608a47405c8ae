"""The hub: topics to sockets in this process, fed by rings, healed by the database.

One per server process, living on its event loop. Rings from this process reach its feeds directly; those of other
processes come through one channel of the channel layer. The layer may lose anything at any time: every few seconds,
and at once when it returns, the feeds' positions are compared with the stored heads in one query.
"""

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

import msgpack
import structlog
from django.db import DatabaseError, InterfaceError

from backend.common.database import repeatable
from backend.common.metrics import Histogram
from backend.common.pool import PoolBusy, ThreadPool
from backend.realtime import bell, selectors
from backend.realtime.events import StoredEvent, render, text_frame
from backend.realtime.feeds import Delivery, Feed, Listener

log = structlog.get_logger(__name__)

# Rings of two processes cross by a few milliseconds; asking the database at once would ask it for nothing.
GAP_GRACE_S = 0.03
HEARTBEAT_S = 1.0
# A ring that was longer under way says that something happened, not what: its event may have been rewritten since.
RING_FRESH_S = 5.0
# Whoever goes live in a busy topic reads again so often what came meanwhile; then the feed's memory has to do.
READS_MAX = 3
LAYER_SILENT_S = 3.5


class Tally:
    """What a hub has done so far. Written and read on its loop only, so these are plain numbers."""

    __slots__ = ("behind", "healed", "heard", "layer_losses", "loop_lag", "rings_lost", "rung")

    def __init__(self) -> None:
        self.rung = 0  # events of this process
        self.heard = 0  # events of other processes that the layer brought
        self.healed = 0  # events that no ring brought, so that they were read from the database
        self.behind = 0  # by how many events the feeds were behind the stored heads when they were compared last
        self.rings_lost = 0  # messages that the layer did not take
        self.layer_losses = 0
        self.loop_lag = Histogram()  # how much later than it should a beat came


class Hub:
    """See the module's text. Everything here runs on the loop, but for `ring` and `whisper_from_thread`."""

    def __init__(self, *, layer: Any, readers: ThreadPool, head_check_s: float, page: int) -> None:
        self.origin = uuid.uuid4().hex[:12]
        self.readers = readers
        self.feeds: dict[str, Feed] = {}
        self.layer_joined = False
        self.tally = Tally()
        self._layer = layer
        self._head_check_s = head_check_s
        self._page = page
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._rung: deque[Sequence[StoredEvent]] = deque()
        self._rung_scheduled = False
        self._outgoing: list[bell.RingItem] = []
        self._notes: list[tuple[str, Any]] = []
        self._sending = False
        self._heard_self_at = 0.0
        self._check_now = asyncio.Event()
        self._announcements: list[Callable[[str, str, Any], None]] = []

    # Life

    async def start(self) -> None:
        """Begin ringing and listening. Returns at once; without Redis the layer is joined when it appears."""
        self._loop = asyncio.get_running_loop()
        bell.set_ringer(self.ring)
        for job in (self._listen, self._beat, self._check_heads):
            self.spawn(job())

    async def stop(self) -> None:
        bell.set_ringer(None)
        while tasks := set(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=0.1)  # Again: the Redis client sometimes swallows a cancellation.

    def spawn(self, job: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine beside everything else; a fault in it is logged, not lost."""
        task = asyncio.ensure_future(job)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()):
            log.error("hub.task_failed", exc_info=fault)

    # Listening

    def join(self, topic: str) -> Feed:
        """Begin to gather what is rung for the topic. The caller then reads, and calls `go_live` or `abandon`."""
        feed = self.feeds.get(topic)
        if feed is None:
            feed = self.feeds[topic] = Feed(topic)
        feed.joining += 1
        return feed

    def abandon(self, feed: Feed) -> None:
        feed.joining -= 1
        self._drop_if_unused(feed)

    async def go_live(self, feed: Feed, listener: Listener, head: int) -> None:
        """Make a listener live whose cursor stands where its reading ended, at `head` when it read.

        What was delivered meanwhile comes first: from the database, since an event may have been rewritten since it
        was delivered, and only what came during the last of these reads from the feed's memory. Ends the `join`.
        """
        feed.begin(head)
        reads = 0
        while (missed := feed.missed_by(listener.cursor)) is None or (missed and reads < READS_MAX):
            reads += 1
            rewrites = feed.rewrites
            page = await self.read(selectors.events_after, feed.topic, listener.cursor, limit=self._page)
            if feed.rewrites != rewrites:
                continue  # What was read may be the text of before.
            _hand_over(listener, [_delivery_of(event) for event in page.events])
            if not page.events:
                break  # What was delivered is stored, so this cannot be; if it is, the listener must not spin here.
        _hand_over(listener, missed or [])
        feed.live.add(listener)
        feed.joining -= 1
        if feed.has_gap():
            self._fill_soon(feed)

    def leave(self, feed: Feed, listener: Listener) -> None:
        feed.live.discard(listener)
        self._drop_if_unused(feed)

    def _drop_if_unused(self, feed: Feed) -> None:
        if feed.is_unused() and self.feeds.get(feed.topic) is feed:
            del self.feeds[feed.topic]

    async def read(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a function that reads the database, or that may be run twice, in the readers' threads."""
        return await self.readers.run(_call, fn, args, kwargs)

    # Ringing

    def ring(self, events: Sequence[StoredEvent]) -> None:
        """Deliver committed events here and tell the other processes. From any thread; returns at once."""
        self._rung.append(events)
        if not self._rung_scheduled and self._loop is not None:
            self._rung_scheduled = True
            self._loop.call_soon_threadsafe(self._deliver_rung)

    def _deliver_rung(self) -> None:
        self._rung_scheduled = False
        while self._rung:
            self.ring_here(self._rung.popleft())

    def ring_here(self, events: Iterable[StoredEvent]) -> None:
        """As `ring`, on the loop: the shortest way from a commit to the sockets."""
        for event in events:
            self.tally.rung += 1
            rendered = render(event)
            self._arrive(Delivery(event.topic, event.seq, event.kind, rendered, event.rewrites))
            self._outgoing.append(bell.ring_item(event, rendered))
        self._send_soon()

    def whisper(self, topic: str, payload: bytes, *, but: Listener | None = None) -> None:
        """Send something that is not stored (typing, read positions) to whoever listens now, everywhere."""
        self.whisper_here(topic, payload, but=but)
        self._outgoing.append((topic, 0, "", payload))
        self._send_soon()

    def whisper_here(self, topic: str, payload: bytes, *, but: Listener | None = None) -> None:
        feed = self.feeds.get(topic)
        if feed is not None:
            frame = text_frame(payload)
            for listener in tuple(feed.live):
                if listener is not but:
                    listener.take_whisper(frame)

    def announce(self, subject: str, facts: Any) -> None:
        """Tell the hubs of the other processes something about this one (who is present here). May be lost."""
        self._notes.append((subject, facts))
        self._send_soon()

    def on_announcement(self, listener: Callable[[str, str, Any], None]) -> None:
        """Have `listener(origin, subject, facts)` called for what other processes announce."""
        self._announcements.append(listener)

    def _arrive(self, delivery: Delivery) -> None:
        feed = self.feeds.get(delivery.topic)
        if feed is not None and feed.arrive(delivery):
            self._fill_soon(feed)

    # Gaps

    def learn_head(self, topic: str, head: int) -> None:
        """Take in that the topic reaches up to `head`: what has not come is read. On the loop."""
        feed = self.feeds.get(topic)
        if feed is not None and feed.delivered is not None and head > feed.delivered:
            feed.seen_head = max(feed.seen_head, head)
            self._fill_soon(feed)

    def _fill_soon(self, feed: Feed) -> None:
        if not feed.filling:
            feed.filling = True
            self.spawn(self._fill(feed))

    async def _fill(self, feed: Feed) -> None:
        """Close the gap after what was delivered: wait a moment for a late ring, then read."""
        try:
            await asyncio.sleep(GAP_GRACE_S)
            while feed.has_gap() and self.feeds.get(feed.topic) is feed and feed.delivered is not None:
                rewrites = feed.rewrites
                page = await self.read(selectors.events_after, feed.topic, feed.delivered, limit=self._page)
                if feed.rewrites != rewrites:
                    continue  # What was read may be the text of before.
                self.tally.healed += len(page.events)
                for event in page.events:
                    feed.arrive(_delivery_of(event), is_read=True)
                if not page.events:
                    feed.seen_head = page.head  # A ring spoke of more than is stored: the database is right.
        except (DatabaseError, InterfaceError, PoolBusy) as fault:
            log.warning("gap.unfilled", topic=feed.topic, fault=type(fault).__name__)  # The head check tries again.
        finally:
            feed.filling = False

    async def _check_heads(self) -> None:
        """Compare every feed with its stored head, every few seconds and at once when the layer returns."""
        while True:
            await _either(self._check_now, self._head_check_s)
            self._check_now.clear()
            known = [topic for topic, feed in self.feeds.items() if feed.delivered is not None]
            if not known:
                continue
            try:
                heads = await self.read(selectors.heads_of, known)
            except (DatabaseError, InterfaceError, PoolBusy) as fault:
                log.warning("heads.unread", fault=type(fault).__name__)
                continue
            self.tally.behind = sum(max(0, head - self._delivered(topic, head)) for topic, head in heads.items())
            for topic, head in heads.items():
                self.learn_head(topic, head)

    def _delivered(self, topic: str, otherwise: int) -> int:
        feed = self.feeds.get(topic)
        return otherwise if feed is None or feed.delivered is None else feed.delivered

    # The layer

    async def _listen(self) -> None:
        own = msgpack.packb({"type": "ring", "origin": self.origin})[1:]
        while True:
            try:
                lost = await self._layer.tap(bell.GROUP, self._heard, but=own)
                self.layer_joined = True
                self._check_now.set()
                await lost
                self.tally.layer_losses += 1
                log.warning("layer.lost")
            except Exception as fault:  # noqa: BLE001 - whatever the layer's client raises, this loop goes on
                log.warning("layer.unreachable", fault=type(fault).__name__)
            await asyncio.sleep(0.5)

    def _heard(self, message: dict[str, Any]) -> None:
        mine = message.get("origin") == self.origin
        if message["type"] == "beat" and mine:
            if time.monotonic() - self._heard_self_at > LAYER_SILENT_S:
                self._check_now.set()  # The layer was away, and rings with it.
            self._heard_self_at = time.monotonic()
        elif message["type"] == "ring" and not mine:
            is_fresh = time.time() - message.get("at", 0) < RING_FRESH_S
            self._heard_ring(message["events"], is_fresh=is_fresh)
            for subject, facts in message.get("notes", ()):
                for listener in self._announcements:
                    listener(message["origin"], subject, facts)

    def _heard_ring(self, items: Sequence[bell.RingItem], *, is_fresh: bool) -> None:
        for topic, seq, kind, rendered, *rewritten in items:
            feed = self.feeds.get(topic)
            if feed is None:
                continue
            if seq == 0 and rendered is not None:
                self.whisper_here(topic, rendered)
            elif rendered is not None and is_fresh:
                self.tally.heard += 1
                self._arrive(Delivery(topic, seq, kind, rendered, *rewritten))
            else:
                for target in rewritten:
                    feed.forget(target)
                if seq > feed.seen_head:
                    feed.seen_head = seq
                    self._fill_soon(feed)

    def _send_soon(self) -> None:
        if not self._sending and self._loop is not None:
            self._sending = True
            self._loop.call_soon(self._send_rings)

    def _send_rings(self) -> None:
        """Send everything that was rung in this turn of the loop as one message."""
        self._sending = False
        items, self._outgoing = self._outgoing, []
        notes, self._notes = self._notes, []
        self._send({"type": "ring", "origin": self.origin, "at": time.time(), "events": items, "notes": notes})

    async def _beat(self) -> None:
        while True:
            self._send({"type": "beat", "origin": self.origin})
            due = time.monotonic() + HEARTBEAT_S
            await asyncio.sleep(HEARTBEAT_S)
            self.tally.loop_lag.observe(max(0.0, time.monotonic() - due))

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._layer.group_send_now(bell.GROUP, message)
        except ConnectionError as fault:  # The others' head check heals it.
            self.tally.rings_lost += 1
            log.warning("ring.lost", fault=type(fault).__name__)


def _call(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return repeatable(fn, *args, **kwargs)


def _delivery_of(event: StoredEvent) -> Delivery:
    return Delivery(event.topic, event.seq, event.kind, render(event), event.rewrites)


def _hand_over(listener: Listener, deliveries: Iterable[Delivery]) -> None:
    for delivery in deliveries:
        if delivery.seq > listener.cursor:
            listener.cursor = delivery.seq
            listener.take(delivery)


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, but no longer than `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
