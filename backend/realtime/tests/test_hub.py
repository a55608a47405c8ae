"""The hub with the real database and the real Valkey: joining in mid traffic, two hubs, rings lost, large or broken."""

import asyncio
import threading

import pytest
import redis
from channels.layers import get_channel_layer
from django.conf import settings

from backend.common.pool import PoolBusy
from backend.realtime import bell
from backend.realtime.runtime import Runtime
from backend.realtime.services import append, append_and_ring
from backend.realtime.tests.factories import draft, new_topic, stored
from backend.realtime.tests.hubs import Ear, come, in_thread, joined_hubs


def test_whoever_joins_in_mid_traffic_hears_everything_once_and_in_order(live):
    """BUG-S1-36, E-S1-18: a backlog of many pages, writers that never pause, rings of which two in three are lost."""
    topic = new_topic()
    append([draft(topic, str(n)) for n in range(1, 301)])
    ends = threading.Event()

    def write(hub):
        number = 300
        while not ends.is_set() or number < 400:
            number += 1
            outcomes = append([draft(topic, str(number))])
            if number % 3 == 0:
                hub.ring([outcome.event for outcome in outcomes])
        return number

    async def play():
        async with joined_hubs() as (hub,):
            writing = in_thread(lambda: write(hub))
            ears = [Ear(cursor) for cursor in (0, 299, 150)]
            for ear in ears:
                await come(hub, topic, ear)
            ends.set()
            last = await writing
            for ear in ears:
                await ear.until(lambda ear=ear: ear.cursor == last)
            return last, [ear.heard for ear in ears]

    last, heard = asyncio.run(play())

    everything = [(n, str(n)) for n in range(1, last + 1)]
    assert stored(topic) == everything
    assert heard == [everything, everything[299:], everything[150:]]


def test_what_one_hub_rings_is_heard_at_another_also_when_it_is_too_large_to_carry(live):
    topic = new_topic()
    long = "ä" * bell.CARRY_MAX_BYTES

    async def play():
        async with joined_hubs(2, head_check_s=3600) as (here, there):
            ears = Ear(), Ear()
            await come(here, topic, ears[0])
            await come(there, topic, ears[1])
            for text in ("short", long, "after"):
                (outcome,) = await in_thread(lambda text=text: append([draft(topic, text)]))
                here.ring([outcome.event])
            for ear in ears:
                await ear.until(lambda ear=ear: ear.cursor == 3)
            return [ear.heard for ear in ears]

    assert asyncio.run(play()) == [[(1, "short"), (2, long), (3, "after")]] * 2


@pytest.mark.parametrize("jump_s", [-3600, 3600])
def test_a_process_whose_clock_jumped_is_heard_all_the_same(live, jump_s):
    """Its rings seem old, or of the future: what they tell of is read, or taken, but never left out or told twice."""
    topic = new_topic()

    async def play():
        async with joined_hubs(2, head_check_s=3600) as (here, there):
            send = here._send
            here._send = lambda message: send({**message, "at": message.get("at", 0) + jump_s})
            ears = Ear(), Ear()
            await come(here, topic, ears[0])
            await come(there, topic, ears[1])
            for text in ("one", "two", "three"):
                (outcome,) = await in_thread(lambda text=text: append([draft(topic, text)]))
                here.ring([outcome.event])
            for ear in ears:
                await ear.until(lambda ear=ear: ear.cursor == 3)
            return [ear.heard for ear in ears]

    assert asyncio.run(play()) == [[(1, "one"), (2, "two"), (3, "three")]] * 2


def test_a_command_without_a_loop_is_heard_too(live):
    """Celery workers and commands publish on Redis themselves, after their commit."""
    topic = new_topic()

    async def play():
        async with joined_hubs(head_check_s=3600) as (hub,):
            bell.set_ringer(None)  # as in a process that has no hub
            ear = Ear()
            await come(hub, topic, ear)
            await in_thread(lambda: append_and_ring([draft(topic, "by command")]))
            await ear.until(lambda: ear.heard)
            return ear.heard

    assert asyncio.run(play()) == [(1, "by command")]


def test_events_that_nobody_rang_are_found_by_comparing_heads(live):
    topic = new_topic()

    async def play():
        async with joined_hubs(head_check_s=0.05) as (hub,):
            ear = Ear()
            await come(hub, topic, ear)
            await in_thread(lambda: append([draft(topic, str(n)) for n in range(120)]))
            await ear.until(lambda: ear.cursor == 120)
            return ear.heard, hub.tally.healed, hub.tally.rung

    heard, healed, rung = asyncio.run(play())
    assert heard == [(n + 1, str(n)) for n in range(120)]
    assert (healed, rung) == (120, 0)  # which `/metrics` tells


def test_whispers_reach_everybody_but_the_whisperer_and_are_not_stored(live):
    topic = new_topic()

    async def play():
        async with joined_hubs(2) as (here, there):
            me, beside, far = Ear(), Ear(), Ear()
            await come(here, topic, me)
            await come(here, topic, beside)
            await come(there, topic, far)
            here.whisper(topic, b'{"type":"typing"}', but=me)
            for ear in (beside, far):
                await ear.until(lambda ear=ear: ear.whispers)
            return me.whispers, beside.whispers, far.whispers

    assert asyncio.run(play()) == ([], [b'\x81\x11{"type":"typing"}'], [b'\x81\x11{"type":"typing"}'])
    assert stored(topic) == []


def test_a_feed_that_nobody_listens_to_is_dropped(live):
    topic = new_topic()

    async def play():
        async with joined_hubs() as (hub,):
            ears = Ear(), Ear()
            feeds = [await come(hub, topic, ear) for ear in ears]
            hub.leave(feeds[0], ears[0])
            held = list(hub.feeds)
            hub.leave(feeds[1], ears[1])
            hub.abandon(hub.join(topic))
            return feeds[0] is feeds[1], held, list(hub.feeds)

    assert asyncio.run(play()) == (True, [topic], [])


@pytest.mark.parametrize(
    ("_case", "message"),
    [
        ("no msgpack", b"\xc1 garbage"),
        ("no object", b"\x01"),
        ("no type", b"\x80"),
        ("a ring without events", b"\x82\xa4type\xa4ring\xa6origin\xa1x"),
    ],
)
def test_garbage_on_the_layer_deafens_nobody_and_leaves_nothing_behind(live, _case, message):
    topic = new_topic()

    async def play():
        async with joined_hubs(2, head_check_s=3600) as (here, there):
            layer = get_channel_layer()
            queues = set(layer.channels)
            ear = Ear()
            await come(there, topic, ear)
            with redis.Redis.from_url(settings.REDIS_URLS[0]) as client:
                client.publish(f"{settings.LAYER_PREFIX}__group__{bell.GROUP}", message)
            (outcome,) = await in_thread(lambda: append([draft(topic, "still here")]))
            here.ring([outcome.event])
            await ear.until(lambda: ear.heard)
            return ear.heard, set(layer.channels) - queues

    assert asyncio.run(play()) == ([(1, "still here")], set())


def test_a_process_follows_a_topic_although_its_first_reads_fail(live):
    """What tells a process that sessions ended must survive a bad moment at its start."""
    topic = new_topic()
    append([draft(topic, "before")])

    async def play():
        runtime = Runtime()
        heard, reads = [], []
        read = runtime.hub.read

        async def trying(fn, *args, **kwargs):
            reads.append(fn)
            if len(reads) in {1, 3}:
                raise PoolBusy
            return await read(fn, *args, **kwargs)

        runtime.hub.read = trying
        await runtime.hub.start()
        try:
            await asyncio.wait_for(runtime.follow(topic, heard.append, since_seconds=60), 30)
            (outcome,) = await in_thread(lambda: append([draft(topic, "after")]))
            runtime.hub.ring_here([outcome.event])
        finally:
            await runtime.stop()
        return [delivery.seq for delivery in heard]

    assert asyncio.run(play()) == [1, 2]
