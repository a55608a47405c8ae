"""One topic within a socket: its cursor and its place in the feed, and the pages that bring it up to date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings

from backend.realtime import selectors
from backend.realtime.events import StoredEvent, render
from backend.realtime.feeds import Delivery
from backend.realtime.hub import Hub


class Taker(Protocol):
    """What a seat needs of its socket."""

    def take(self, delivery: Delivery) -> None: ...

    def write(self, frame: bytes) -> None: ...


class Seat:
    """A listener in one feed on behalf of a socket. Joined when it is made: what is rung from then on is kept."""

    __slots__ = ("_hub", "_joining", "_socket", "cursor", "feed", "topic")

    def __init__(self, socket: Taker, hub: Hub, topic: str) -> None:
        self.topic = topic
        self.cursor = 0
        self.feed = hub.join(topic)
        self._hub = hub
        self._joining = True
        self._socket = socket

    @property
    def head(self) -> int:
        """The newest event that this process knows to be stored."""
        return max(self.feed.seen_head, self.cursor)

    async def go_live(self, head: int) -> None:
        await self._hub.go_live(self.feed, self, head)
        self._joining = False

    def mute(self) -> None:
        """Take nothing more; the socket is closing."""
        self.feed.live.discard(self)

    def leave(self) -> None:
        if self._joining:
            self._joining = False
            self._hub.abandon(self.feed)
        self._hub.leave(self.feed, self)

    def take(self, delivery: Delivery) -> None:
        self._socket.take(delivery)

    def take_whisper(self, frame: bytes) -> None:
        self._socket.write(frame)


@dataclass(frozen=True, slots=True)
class FirstPage:
    """What a seat starts with. `is_reset`: the client's cursor is not of this topic, so these are the last events."""

    events: Sequence[StoredEvent]
    head: int
    has_more: bool
    is_reset: bool


def first_pages(seats: Sequence[Seat], cursors: Mapping[str, int]) -> list[FirstPage]:
    """Read where each seat starts: after its cursor, or with the last events; set the seat's cursor to its end."""
    return [_first_page(seat, cursors.get(seat.topic)) for seat in seats]


def next_page(seat: Seat, limit: int) -> Sequence[StoredEvent]:
    """Read the page after the seat's cursor."""
    return selectors.events_after(seat.topic, seat.cursor, limit=limit).events


def in_order(pages: Sequence[Sequence[StoredEvent]]) -> list[StoredEvent]:
    """Return the events of several topics as one sequence, by time; within a topic their order is kept."""
    events = [event for page in pages for event in page]
    if len(pages) > 1:
        events.sort(key=lambda event: event.at)
    return events


def fitting(events: Sequence[StoredEvent], size_max: int) -> list[bytes]:
    """Render events from the first on, until they are about `size_max` bytes; at least one."""
    rendered: list[bytes] = []
    size = 0
    for event in events:
        text = render(event)
        size += len(text)
        if rendered and size > size_max:
            break
        rendered.append(text)
    return rendered


def _first_page(seat: Seat, after: int | None) -> FirstPage:
    limit = settings.REALTIME["page"]
    if after is not None:
        page = selectors.events_after(seat.topic, after, limit=limit)
        if after <= page.head:
            seat.cursor = max(after, page.cursor)
            return FirstPage(page.events, page.head, len(page.events) == limit, is_reset=False)
    page = selectors.last_events(seat.topic, settings.REALTIME["history"])
    seat.cursor = page.head
    return FirstPage(page.events, page.head, has_more=False, is_reset=after is not None)
