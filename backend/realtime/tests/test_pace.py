"""Pace: how long a taker must wait, by a clock that the test turns."""

from types import SimpleNamespace

import pytest

from backend.realtime import limits
from backend.realtime.limits import Pace


@pytest.fixture
def clock(monkeypatch):
    hands = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: hands.now))
    return hands


def test_a_burst_costs_nothing_and_then_each_waits_longer(clock):
    pace = Pace(burst=3, rate=2)

    assert [pace.delay() for _ in range(6)] == [0, 0, 0, 0.5, 1.0, 1.5]


def test_whoever_waits_as_told_keeps_exactly_to_the_rate(clock):
    pace = Pace(burst=300, rate=50)
    for _ in range(1000):
        clock.now += pace.delay()

    assert clock.now == pytest.approx(1000 + 700 / 50)


def test_the_bucket_refills_steadily_and_never_beyond_the_burst(clock):
    pace = Pace(burst=2, rate=4)
    assert [pace.delay(), pace.delay(), pace.delay()] == [0, 0, 0.25]

    clock.now += 0.5
    assert [pace.delay(), pace.delay()] == [0, 0.25]

    clock.now += 3600
    assert [pace.delay(), pace.delay(), pace.delay()] == [0, 0, 0.25]


def test_what_costs_more_takes_more(clock):
    pace = Pace(burst=30, rate=5)

    assert [pace.delay(10), pace.delay(10), pace.delay(10), pace.delay(10), pace.delay()] == [0, 0, 0, 2.0, 2.2]


def test_fifty_bad_frames_are_borne_and_the_next_is_too_much(clock):
    bad = Pace(burst=50, rate=50 / 60)

    assert [bad.is_exceeded() for _ in range(51)] == [False] * 50 + [True]


def test_bad_frames_now_and_then_are_never_too_much(clock):
    bad = Pace(burst=50, rate=50 / 60)
    exceeded = []
    for _ in range(500):
        exceeded.append(bad.is_exceeded())
        clock.now += 1.2

    assert not any(exceeded)
