"""Order through the feed and the hub, whatever the rings do: nothing lost, nothing twice, nothing out of order.

A list stands for the stored topic, since here it is only the input: what a ring or a read may bring. The same with the
real database is in `test_hub.py`.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Iterator
from unittest.mock import patch

from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from backend.realtime import feeds, selectors
from backend.realtime.events import StoredEvent, render, text_frame
from backend.realtime.feeds import Delivery, Feed
from backend.realtime.hub import Hub
from backend.realtime.selectors import Page

TOPIC = "test.topic"
PAGE = 3


class Ear:
    """A listener that knows what must come next. It keeps what was wrong: a feed bears listeners that raise."""

    def __init__(self, cursor: int) -> None:
        self.cursor = self.heard = cursor
        self.wrong: list[str] = []
        self.whispers: list[bytes] = []

    def take(self, delivery: Delivery) -> None:
        if delivery.seq != self.heard + 1:
            self.wrong.append(f"{delivery.seq} came after {self.heard}")
        if delivery.payload != _rendered(delivery.seq):
            self.wrong.append(f"{delivery.seq} was {delivery.payload!r}")
        self.heard = delivery.seq

    def take_whisper(self, frame: bytes) -> None:
        self.whispers.append(frame)


def _event(seq: int) -> StoredEvent:
    return StoredEvent(TOPIC, seq, "noted", None, b'{"n":%d}' % seq, "2026-01-01T00:00:00.000000Z")


def _rendered(seq: int) -> bytes:
    return render(_event(seq))


def _delivery(seq: int) -> Delivery:
    return Delivery(TOPIC, seq, "noted", _rendered(seq))


# The feed alone


def test_a_frame_is_built_once_for_all_listeners():
    feed = Feed(TOPIC)
    feed.begin(0)
    taken = []
    for _ in range(2):
        ear = Ear(0)
        ear.take = lambda delivery: taken.append(delivery.frame)
        feed.live.add(ear)

    feed.arrive(_delivery(1))

    assert taken[0] is taken[1]
    assert taken[0] == text_frame(_rendered(1))


def test_a_listener_that_fails_takes_no_event_from_the_others():
    feed = Feed(TOPIC)
    feed.begin(0)
    ears = [Ear(0) for _ in range(5)]
    broken = ears[2]
    broken.take = lambda delivery: 1 / 0
    feed.live.update(ears)

    feed.arrive(_delivery(1))
    feed.arrive(_delivery(2))

    assert [ear.heard for ear in ears if ear is not broken] == [2, 2, 2, 2]


def test_what_waits_is_bounded_and_what_does_not_fit_is_a_gap_to_be_read(monkeypatch):
    monkeypatch.setattr(feeds, "WAITING_MAX", 3)
    feed = Feed(TOPIC)
    feed.begin(0)

    gaps = [feed.arrive(_delivery(seq)) for seq in (9, 8, 7, 6, 5)]

    assert gaps == [True] * 5
    assert sorted(feed.waiting) == [7, 8, 9]
    for seq in range(1, 7):
        feed.arrive(_delivery(seq))
    assert (feed.delivered, feed.has_gap(), feed.waiting) == (9, False, {})


class FeedOrder(RuleBasedStateMachine):
    """Rings of any committed event at any time, any number of times or never; listeners that come and go."""

    @initialize(head=st.integers(0, 5))
    def begin(self, head: int) -> None:
        self.head = head
        self.feed = Feed(TOPIC)
        self.feed.recent = deque(maxlen=2)
        self.ears: list[Ear] = []
        self.coming: list[tuple[Ear, int]] = []

    @rule(count=st.integers(1, 6))
    def commit(self, count: int) -> None:
        self.head += count

    @rule(back=st.integers(0, 12))
    def ring(self, back: int) -> None:
        if self.head - back > 0:
            told_of_gap = self.feed.arrive(_delivery(self.head - back))
            assert self.feed.has_gap() or not told_of_gap

    @rule()
    def look_at_the_head(self) -> None:
        if self.feed.delivered is not None:
            self.feed.seen_head = max(self.feed.seen_head, self.head)

    @rule()
    def fill(self) -> None:
        for seq in range((self.feed.delivered or 0) + 1, self.head + 1) if self.feed.has_gap() else ():
            self.feed.arrive(_delivery(seq))

    @rule(behind=st.integers(0, 8))
    def join(self, behind: int) -> None:
        """Read from a cursor to the head of this moment; going live may come later."""
        ear = Ear(max(self.head - behind, 0))
        ear.cursor = ear.heard = self.head
        self.feed.joining += 1
        self.coming.append((ear, self.head))

    @rule(which=st.integers(0, 100))
    def go_live(self, which: int) -> None:
        if self.coming:
            ear, head = self.coming.pop(which % len(self.coming))
            self.feed.begin(head)
            missed = self.feed.missed_by(ear.cursor)
            if missed is None:
                missed = [_delivery(seq) for seq in range(ear.cursor + 1, self.head + 1)]
            for delivery in missed:
                ear.cursor = delivery.seq
                ear.take(delivery)
            self.feed.joining -= 1
            self.feed.live.add(ear)
            self.ears.append(ear)

    @rule(which=st.integers(0, 100))
    def leave(self, which: int) -> None:
        if self.ears:
            self.feed.live.discard(self.ears.pop(which % len(self.ears)))

    @invariant()
    def cursors_tell_what_was_heard_and_none_is_behind_the_feed(self) -> None:
        for ear in getattr(self, "ears", []):
            assert ear.wrong == []
            assert ear.cursor == ear.heard >= self.feed.delivered

    def teardown(self) -> None:
        if hasattr(self, "feed"):
            self.look_at_the_head()
            self.fill()
            assert [(ear.heard, ear.wrong) for ear in self.ears] == [(self.head, [])] * len(self.ears)
            assert self.feed.waiting == {} or self.feed.delivered is None


FeedOrder.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None, database=None)
TestFeedOrder = FeedOrder.TestCase


# The hub around it, on a clock that jumps


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer: seconds cost nothing, and the order of things is exact."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self._now = max(self._now, self._scheduled[0].when())
        super()._run_once()


class Rings:
    """What other processes rang: the test says what comes, when, and how often. Nothing rung here goes anywhere."""

    def __init__(self) -> None:
        self.heard = lambda message: None  # not joined yet: lost

    async def tap(self, group, heard, *, but):
        self.heard = heard
        return asyncio.get_running_loop().create_future()

    def group_send_now(self, group: str, message: dict) -> None: ...

    def bring(self, seq: int, *, with_text: bool) -> None:
        item = (TOPIC, seq, "noted", _rendered(seq) if with_text else None)
        self.heard({"type": "ring", "origin": "another", "events": [item]})


class ModelHub(Hub):
    """Reads from a list instead of the database, after and before moments of waiting that the test drew."""

    def __init__(
        self, rings: Rings, waits: Iterator[int], faults: Iterator[bool], *, head_check_s: float = 3.0
    ) -> None:
        super().__init__(layer=rings, readers=None, head_check_s=head_check_s, page=PAGE)
        self.rings, self.head = rings, 0
        self._waits, self._faults = waits, faults

    async def read(self, fn, *args, **kwargs):
        await self._pause()
        result = self._answer(fn, *args, **kwargs)
        await self._pause()
        return result

    def _answer(self, fn, *args, **kwargs):
        if next(self._faults):
            raise OperationalError("away")
        if fn is selectors.heads_of:
            return {TOPIC: self.head} if self.head else {}
        _, after = args
        until = min(self.head, after + kwargs["limit"])
        return Page([_event(seq) for seq in range(after + 1, until + 1)], self.head)

    async def _pause(self) -> None:
        for _ in range(next(self._waits)):
            await asyncio.sleep(0)


class Visitor:
    """Comes like a socket: joins, reads page by page from its cursor, goes live; may leave at any moment."""

    def __init__(self, hub: ModelHub, after: int) -> None:
        self.ear = Ear(after)
        self._hub = hub
        self._joined = False
        self.feed = hub.join(TOPIC)
        self._coming = asyncio.ensure_future(self._come())

    async def _come(self) -> None:
        while not self._joined:
            try:
                await self._read_and_go_live()
                self._joined = True
            except OperationalError:
                await asyncio.sleep(0.01)

    async def _read_and_go_live(self) -> None:
        page = None
        while page is None or len(page.events) == PAGE:
            page = await self._hub.read(selectors.events_after, TOPIC, self.ear.cursor, limit=PAGE)
            for event in page.events:
                self.ear.cursor = event.seq
                self.ear.take(_delivery(event.seq))
        await self._hub.go_live(self.feed, self.ear, page.head)

    async def leave(self) -> None:
        self._coming.cancel()
        await asyncio.gather(self._coming, return_exceptions=True)
        if not self._joined:
            self._hub.abandon(self.feed)
        self._hub.leave(self.feed, self.ear)


class Story:
    """What can happen, step by step. `number` is how many, or how far back, or who."""

    def __init__(self, hub: ModelHub) -> None:
        self.hub = hub
        self.here: list[Visitor] = []
        self.everybody: list[Visitor] = []

    async def said(self, number: int) -> None:
        for _ in range(number % 4 + 1):
            self.hub.head += 1
            self.hub.ring_here([_event(self.hub.head)])

    async def stored_without_a_ring(self, number: int) -> None:
        self.hub.head += number

    async def rung_here(self, number: int) -> None:
        if (seq := self.hub.head - number) > 0:
            self.hub.ring_here([_event(seq)])

    async def rung_elsewhere(self, number: int) -> None:
        if (seq := self.hub.head - number) > 0:
            self.hub.rings.bring(seq, with_text=True)

    async def rung_without_its_text(self, number: int) -> None:
        if (seq := self.hub.head - number) > 0:
            self.hub.rings.bring(seq, with_text=False)

    async def somebody_comes(self, number: int) -> None:
        visitor = Visitor(self.hub, max(self.hub.head - number, 0))
        self.here.append(visitor)
        self.everybody.append(visitor)

    async def somebody_leaves(self, number: int) -> None:
        if self.here:
            await self.here.pop(number % len(self.here)).leave()

    async def a_while_passes(self, number: int) -> None:
        await asyncio.sleep(number / 100)


_what = st.sampled_from(
    [
        "said",
        "said",
        "stored without a ring",
        "rung here",
        "rung elsewhere",
        "rung without its text",
        "somebody comes",
        "somebody comes",
        "somebody leaves",
        "a while passes",
    ]
)
_steps = st.lists(st.tuples(_what, st.integers(0, 9), st.integers(0, 3)), min_size=5, max_size=60)


def test_what_was_only_heard_of_before_somebody_went_live_is_read_at_once():
    """A ring without its text, heard between reading and going live; no head check comes to help."""

    async def play():
        hub = ModelHub(Rings(), itertools.cycle([0]), itertools.repeat(False), head_check_s=10**6)
        await hub.start()
        hub.head = 3
        ear = Ear(3)
        feed = hub.join(TOPIC)
        hub.head = 5
        hub._heard({"type": "ring", "origin": "another", "events": [(TOPIC, 5, "noted", None)]})
        await asyncio.sleep(1)
        await hub.go_live(feed, ear, 3)
        await asyncio.sleep(1)
        await hub.stop()
        return ear.heard, ear.wrong

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        assert runner.run(play()) == (5, [])


@settings(max_examples=200, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=_steps, waits=st.lists(st.integers(0, 9), min_size=3), faults=st.lists(st.booleans(), max_size=8))
def test_no_listener_ever_misses_repeats_or_reorders_an_event(steps, waits, faults):
    """Design 4, BUG-S1-36: rings cut, doubled, lost and mixed up; listeners that join and leave at any moment."""
    # A feed that remembers little, so that whoever goes live has to read as often as not.
    with patch.object(feeds, "RECENT_MAX", 2), asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(_play(steps, itertools.cycle(waits), itertools.chain(faults, itertools.repeat(False))))


async def _play(steps, waits, faults):
    hub = ModelHub(Rings(), waits, faults)
    await hub.start()
    story = Story(hub)
    try:
        for what, number, moments in steps:
            await getattr(story, what.replace(" ", "_"))(number)
            for _ in range(moments):
                await asyncio.sleep(0)
        await asyncio.sleep(60)  # Head checks: whatever was lost has been found by now.
        assert [visitor.ear.wrong for visitor in story.everybody] == [[]] * len(story.everybody)
        assert [visitor.ear.heard for visitor in story.here] == [hub.head] * len(story.here)
        for visitor in story.here:
            await visitor.leave()
        assert hub.feeds == {}
    finally:
        await hub.stop()
