"""Events that are rewritten in place: after the commit nobody is sent the old text, in no process, whatever it held."""

import asyncio

import orjson
import pytest

from backend.common.unit_of_work import unit_of_work
from backend.realtime import bell, hub, selectors
from backend.realtime.events import StoredEvent, render
from backend.realtime.feeds import Delivery, Feed
from backend.realtime.models import Event
from backend.realtime.services import append, rewrite
from backend.realtime.tests.factories import draft, everything, new_topic
from backend.realtime.tests.hubs import Ear, come, in_thread, joined_hubs

TOPIC = "test.topic"


def delivery(seq: int, text: str = "old", rewrites: int | None = None) -> Delivery:
    event = StoredEvent(
        TOPIC, seq, "noted", None, orjson.dumps({"text": text}), "2026-01-01T00:00:00.000000Z", rewrites
    )
    return Delivery(TOPIC, seq, "noted", render(event), rewrites)


def change(topic: str, seq: int, text: str = "new") -> None:
    with unit_of_work() as unit:
        rewrite(unit, topic=topic, seq=seq, changes={"text": text}, kind="changed", payload={"text": f"of {seq}"})


# The feed alone


def test_a_feed_no_longer_remembers_what_was_rewritten():
    feed = Feed(TOPIC)
    feed.begin(0)
    for seq in (1, 2, 3):
        feed.arrive(delivery(seq))

    feed.arrive(delivery(4, rewrites=2))

    assert feed.missed_by(1) is None
    assert [one.seq for one in feed.missed_by(2)] == [3, 4]


def test_a_feed_that_holds_back_an_event_reads_it_again_once_it_was_rewritten():
    feed = Feed(TOPIC)
    feed.begin(0)
    ear = Ear()
    feed.live.add(ear)
    feed.arrive(delivery(2))
    feed.arrive(delivery(3, "of 2", rewrites=2))

    async def fill():
        gap_after_one = feed.arrive(delivery(1))
        late_ring = feed.arrive(delivery(2))
        feed.arrive(delivery(2, "new"), is_read=True)
        return gap_after_one, late_ring

    assert asyncio.run(fill()) == (True, True)
    assert ear.heard == [(1, "old"), (2, "new"), (3, "of 2")]
    assert feed.stale == set()


def test_the_event_that_tells_of_it_may_arrive_before_the_one_it_rewrites():
    feed = Feed(TOPIC)
    feed.arrive(delivery(3, "of 2", rewrites=2))  # Before anybody has read where the topic stands.
    feed.begin(1)

    assert feed.arrive(delivery(2)) is True
    assert (feed.delivered, feed.stale) == (1, {2})


# Stored


@pytest.mark.django_db
def test_rewriting_keeps_place_and_repeats_and_names_what_it_changed():
    topic = new_topic()
    append([draft(topic, "old", author_id=7, client_id="c"), draft(topic, "other")])

    change(topic, 1)

    page = everything(topic)
    assert [(event.seq, orjson.loads(event.payload)["text"], event.rewrites) for event in page.events] == [
        (1, "new", None),
        (2, "other", None),
        (3, "of 1", 1),
    ]
    (again,) = append([draft(topic, "old", author_id=7, client_id="c")])
    assert (again.duplicate_of, again.same) == (1, True)


@pytest.mark.django_db
@pytest.mark.parametrize("seq", [0, 2, 99])
def test_what_does_not_exist_is_not_rewritten_and_nothing_is_told(seq):
    topic = new_topic()
    append([draft(topic, "old")])

    with pytest.raises(LookupError):
        change(topic, seq)

    assert Event.objects.filter(topic__key=topic).count() == 1


# Two processes


def test_after_an_edit_no_process_replays_the_old_text(live):
    """Both hubs have delivered it; one hears of the edit, the other's ring is lost."""
    topic = new_topic()

    async def play():
        async with joined_hubs(2, head_check_s=3600) as (here, there):
            first, far = Ear(), Ear()
            await come(here, topic, first)
            await come(there, topic, far)
            for text in ("before", "old", "after"):
                (outcome,) = await in_thread(lambda text=text: append([draft(topic, text)]))
                here.ring([outcome.event])
            await far.until(lambda: far.cursor == 3)
            bell.set_ringer(lambda events: here._loop.call_soon_threadsafe(_only_here, here, events))
            await in_thread(lambda: change(topic, 2))
            await first.until(lambda: first.cursor == 4)
            late = [Ear(), Ear()]
            for process, ear in zip((here, there), late, strict=True):
                await process.go_live(process.join(topic), ear, 0)  # As who read before anything was said.
            await late[0].until(lambda: late[0].cursor == 4)
            await late[1].until(lambda: late[1].cursor >= 3)
            return [ear.heard for ear in late], far.heard

    (in_the_know, unknowing), live_before = asyncio.run(play())
    assert in_the_know == [(1, "before"), (2, "new"), (3, "after"), (4, "of 2")]
    assert unknowing[:3] == [(1, "before"), (2, "new"), (3, "after")]
    assert (2, "old") in live_before


def _only_here(process, events):
    """Deliver as this process does, with a ring to the others that is lost."""
    process.ring_here(events)
    process._outgoing.clear()


def test_a_ring_that_was_long_under_way_brings_no_text(live, monkeypatch):
    """Between its sending and its arrival the event was rewritten: the database is asked."""
    topic = new_topic()

    async def play():
        async with joined_hubs(2, head_check_s=3600) as (here, there):
            ear = Ear()
            await come(there, topic, ear)
            (outcome,) = await in_thread(lambda: append([draft(topic, "old")]))
            bell.set_ringer(None)
            await in_thread(lambda: append_silently(topic))
            there._heard(bell.ring_message([outcome.event], origin="slow") | {"at": 0})
            await ear.until(lambda: ear.cursor == 2)
            return ear.heard

    assert asyncio.run(play()) == [(1, "new"), (2, "of 1")]


def append_silently(topic):
    bell.set_ringer(lambda events: None)
    change(topic, 1)


def test_what_was_being_read_while_an_event_was_rewritten_is_read_again(live, monkeypatch):
    """The read began before the edit, and ends after this process has heard of it."""
    topic = new_topic()
    append([draft(topic, "first"), draft(topic, "old")])
    held, reads = asyncio.Event(), []

    async def play():
        async with joined_hubs(head_check_s=3600) as (process,):
            ear = Ear(1)
            feed = process.join(topic)
            feed.begin(2)
            plain = process.read

            async def slow_read(fn, *args, **kwargs):
                found = await plain(fn, *args, **kwargs)
                reads.append(fn)
                if len(reads) == 1:
                    await in_thread(lambda: change(topic, 2))
                    held.set()
                    while feed.seen_head < 3:
                        await asyncio.sleep(0.01)
                return found

            process.read = slow_read
            await process.go_live(feed, ear, 2)
            await ear.until(lambda: ear.cursor == 3)
            return ear.heard

    assert asyncio.run(play()) == [(2, "new"), (3, "of 2")]
    assert reads[:2] == [selectors.events_after] * 2
    assert hub.READS_MAX > 1
