"""One topic in one process: who listens here, and how far the process has delivered.

Invariant: every live listener has received exactly the events up to its own cursor, in order, each once; and its
cursor is never behind the feed's. So an event that comes next goes to all of them with one comparison each, an old
one is dropped, and a gap is filled from the database before anything later goes out.

An event may be rewritten after it was stored. The event that tells so names it, and from then on this process sends
the old text to nobody: what it remembers of it, or holds back, or still gets from a late ring, counts as a gap.
"""

from collections import deque
from typing import Protocol

import structlog

from backend.realtime.events import text_frame

log = structlog.get_logger(__name__)

RECENT_MAX = 128
WAITING_MAX = 2000


class Delivery:
    """One event on its way to this process's listeners; the frame is built at most once."""

    __slots__ = ("_frame", "kind", "payload", "rewrites", "seq", "topic")

    def __init__(self, topic: str, seq: int, kind: str, payload: bytes, rewrites: int | None = None) -> None:
        self.topic, self.seq, self.kind, self.payload, self.rewrites = topic, seq, kind, payload, rewrites
        self._frame: bytes | None = None

    @property
    def frame(self) -> bytes:
        if self._frame is None:
            self._frame = text_frame(self.payload)
        return self._frame


class Listener(Protocol):
    """What a feed needs of a subscriber: a cursor, and a way to take the next event."""

    cursor: int

    def take(self, delivery: Delivery) -> None: ...

    def take_whisper(self, frame: bytes) -> None: ...


class Feed:
    """Ordering of one topic's events in this process. All methods run on the event loop."""

    __slots__ = (
        *("delivered", "filling", "joining", "live", "recent", "rewrites", "seen_head", "stale", "topic", "waiting"),
    )

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.delivered: int | None = None  # None until the first listener has read the head
        self.seen_head = 0
        self.live: set[Listener] = set()
        self.joining = 0
        self.filling = False
        self.waiting: dict[int, Delivery] = {}
        self.recent: deque[Delivery] = deque(maxlen=RECENT_MAX)
        self.rewrites = 0  # how often an event was rewritten while this feed was here
        self.stale: set[int] = set()  # undelivered events that were rewritten: only the database knows their text

    def arrive(self, delivery: Delivery, *, is_read: bool = False) -> bool:
        """Take in an event from anywhere, in any order, any number of times. Return whether a gap has opened.

        `is_read`: it was read from the database after everything that this feed knows to be rewritten.
        """
        self.seen_head = max(self.seen_head, delivery.seq)
        if delivery.rewrites is not None:
            self.forget(delivery.rewrites)
        if delivery.seq in self.stale and not is_read:
            return self.has_gap()
        if self.delivered is None:
            self._keep(delivery)
            return False
        if delivery.seq <= self.delivered:
            return False
        if delivery.seq > self.delivered + 1:
            self._keep(delivery)
            return True
        self._deliver(delivery)
        while self.waiting and (following := self.waiting.pop(self.delivered + 1, None)) is not None:
            self._deliver(following)
        return bool(self.waiting) or self.seen_head > self.delivered

    def forget(self, seq: int) -> None:
        """An event was rewritten: what this process holds of it is no longer sent to anybody."""
        self.rewrites += 1
        if self.delivered is None or seq > self.delivered:
            self.waiting.pop(seq, None)
            self.stale.add(seq)
            return
        while self.recent and self.recent[0].seq <= seq:
            self.recent.popleft()

    def has_gap(self) -> bool:
        return self.delivered is not None and self.seen_head > self.delivered

    def begin(self, head: int) -> None:
        """Learn where the topic stood when a listener read it. Only the first one's word decides."""
        self.seen_head = max(self.seen_head, head)
        if self.delivered is None:
            self.delivered = head
            self.stale = {seq for seq in self.stale if seq > head}
            for seq in [seq for seq in self.waiting if seq <= head]:
                del self.waiting[seq]
            following = self.waiting.pop(head + 1, None)
            if following is not None:
                self.arrive(following)

    def missed_by(self, cursor: int) -> list[Delivery] | None:
        """Return the delivered events after `cursor`, if this process still holds all of them; else None."""
        if self.delivered is None or cursor >= self.delivered:
            return []
        held = [delivery for delivery in self.recent if delivery.seq > cursor]
        return held if held and held[0].seq == cursor + 1 else None

    def is_unused(self) -> bool:
        return not self.live and not self.joining

    def _keep(self, delivery: Delivery) -> None:
        # Bounded: what does not fit is read from the database when the gap is filled.
        if len(self.waiting) < WAITING_MAX:
            self.waiting[delivery.seq] = delivery

    def _deliver(self, delivery: Delivery) -> None:
        seq = self.delivered = delivery.seq
        self.stale.discard(seq)
        self.recent.append(delivery)
        for listener in tuple(self.live):
            if listener.cursor < seq:
                listener.cursor = seq
                try:
                    listener.take(delivery)
                except Exception:  # The others must not miss it for one that fails.
                    log.exception("listener.failed", topic=self.topic, seq=seq)
