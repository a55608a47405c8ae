"""Presence between two processes: who appears, who disappears, and that nothing hangs on a process saying goodbye."""

import asyncio
import contextlib
from types import SimpleNamespace

import orjson
import pytest

from backend.realtime import presence as presences
from backend.realtime.presence import Presence
from backend.realtime.tests.factories import new_topic
from backend.realtime.tests.hubs import Ear, come, joined_hubs

ANA, BEN = 1, 2


@pytest.fixture(autouse=True)
def _moments_are_short(monkeypatch):
    monkeypatch.setattr(presences, "LEAVE_GRACE_S", 0.05)


@pytest.fixture
def clock(monkeypatch):
    hands = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(presences, "time", SimpleNamespace(monotonic=lambda: hands.now))
    return hands


@contextlib.asynccontextmanager
async def _two_processes(topic):
    """Two presences on two hubs, and a listener to the topic at each."""
    async with joined_hubs(2) as hubs:
        ears = [Ear(), Ear()]
        for hub, ear in zip(hubs, ears, strict=True):
            await come(hub, topic, ear)
        here, there = (Presence(hub) for hub in hubs)
        yield here, there, *ears


def _states(ear):
    frames = [orjson.loads(frame[2:]) for frame in ear.whispers]
    return [(frame["user_id"], frame["user"], frame["state"]) for frame in frames]


def test_a_person_appears_and_disappears_on_every_process_once(live):
    topic = new_topic()

    async def play():
        async with _two_processes(topic) as (here, there, near, far):
            others = here.enter(topic, ANA, "Ana")
            await far.until(lambda: len(far.whispers) == 1)
            present = there.present(topic)
            here.leave(topic, ANA)
            await far.until(lambda: len(far.whispers) == 2)
            return others, present, here.present(topic), there.present(topic), _states(near), _states(far)

    on_and_off = [(ANA, "Ana", "online"), (ANA, "Ana", "offline")]
    assert asyncio.run(play()) == ({}, {ANA: "Ana"}, {}, {}, on_and_off, on_and_off)


def test_who_was_there_before_is_told_to_who_comes(live):
    topic = new_topic()

    async def play():
        async with _two_processes(topic) as (here, there, near, far):
            here.enter(topic, ANA, "Ana")
            await far.until(lambda: far.whispers)
            return there.enter(topic, BEN, "Ben")

    assert asyncio.run(play()) == {ANA: "Ana"}


def test_a_process_that_starts_later_learns_who_is_there_already(live):
    topic = new_topic()

    async def play():
        async with joined_hubs(2) as (first, second):
            near, far = Ear(), Ear()
            await come(first, topic, near)
            here = Presence(first)
            here.enter(topic, ANA, "Ana")
            there = Presence(second)
            await come(second, topic, far)
            # Told on entering, where the news was quicker than the visitor; else by a whisper.
            if ANA not in there.enter(topic, BEN, "Ben"):
                await far.until(lambda: (ANA, "Ana", "online") in _states(far))
            return there.present(topic)

    assert asyncio.run(play()) == {ANA: "Ana", BEN: "Ben"}


def test_a_person_with_two_devices_is_one_person(live):
    """Two on one process and one on another: gone only when all three are."""
    topic = new_topic()

    async def play():
        async with _two_processes(topic) as (here, there, near, far):
            here.enter(topic, ANA, "Ana")
            here.enter(topic, ANA, "Ana")
            await far.until(lambda: far.whispers)
            there.enter(topic, ANA, "Ana")
            await asyncio.sleep(0.1)
            here.leave(topic, ANA)
            here.leave(topic, ANA)
            await asyncio.sleep(0.3)
            still = here.present(topic), there.present(topic), _states(near), _states(far)
            there.leave(topic, ANA)
            await near.until(lambda: len(near.whispers) == 2)
            return still, _states(near)

    still, at_last = asyncio.run(play())
    online = [(ANA, "Ana", "online")]
    assert still == ({ANA: "Ana"}, {ANA: "Ana"}, online, online)
    assert at_last == [*online, (ANA, "Ana", "offline")]


def test_coming_back_at_once_is_no_disappearance(live):
    topic = new_topic()

    async def play():
        async with _two_processes(topic) as (here, there, near, far):
            here.enter(topic, ANA, "Ana")
            here.leave(topic, ANA)
            here.enter(topic, ANA, "Ana")
            await asyncio.sleep(0.3)
            return here.present(topic), _states(near), _states(far)

    assert asyncio.run(play()) == ({ANA: "Ana"}, [(ANA, "Ana", "online")], [(ANA, "Ana", "online")])


def test_a_process_that_dies_without_a_word_is_forgotten(live, clock):
    """Nothing depends on `disconnect` being called: what nobody renews expires."""
    topic = new_topic()

    async def play():
        async with _two_processes(topic) as (here, there, near, far):
            here.enter(topic, ANA, "Ana")
            await far.until(lambda: far.whispers)
            clock.now += presences.LEASE_S + 1
            await there.renew()
            return there.present(topic), _states(far)

    assert asyncio.run(play()) == ({}, [(ANA, "Ana", "online"), (ANA, "Ana", "offline")])


def test_renewing_keeps_a_person_present_without_another_word(live, clock):
    topic = new_topic()

    async def play():
        async with _two_processes(topic) as (here, there, near, far):
            here.enter(topic, ANA, "Ana")
            await far.until(lambda: far.whispers)
            clock.now += presences.LEASE_S - 1
            await here.renew()
            async with asyncio.timeout(30):
                while min(there._elsewhere[topic].values()) < clock.now + presences.LEASE_S:
                    await asyncio.sleep(0.01)
            clock.now += presences.LEASE_S - 1
            await there.renew()
            return there.present(topic), _states(far)

    assert asyncio.run(play()) == ({ANA: "Ana"}, [(ANA, "Ana", "online")])
