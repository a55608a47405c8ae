"""Shares: a limit asked on every request, mostly without asking Redis, and never passed."""

import uuid
from functools import partial
from itertools import chain, islice, repeat

import pytest
from django.conf import settings

from backend.common import shares as module
from backend.common.models import RateLimit
from backend.common.ratelimit import Limiter, Rule
from backend.common.shares import Shares
from backend.tests.commits import in_parallel

RULE = Rule("test", 100, 60)


class Counted(Limiter):
    """Counts how often the source is asked."""

    asked = 0

    def hit(self, *args, **kwargs):
        self.asked += 1
        return super().hit(*args, **kwargs)


@pytest.fixture
def source() -> Counted:
    return Counted(settings.REDIS_URLS[0], prefix=f"{settings.LAYER_PREFIX}:{uuid.uuid4().hex}:")


@pytest.fixture
def clock(monkeypatch):
    """A clock that only tests move."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr(module.time, "monotonic", lambda: Clock.now)
    return Clock


def in_turns(*processes: Shares, times: int, rule: Rule = RULE) -> list:
    turns = islice(chain.from_iterable(repeat(processes)), times)
    return [process.take(rule, "user:1") for process in turns]


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [1, 2, 9, 10, 11, 15, 19, 20, 25, 100, 600])
def test_one_process_lets_exactly_the_limit_pass(source, limit):
    verdicts = in_turns(Shares(source), times=limit + 20, rule=Rule("test", limit, 60))

    assert [verdict.allowed for verdict in verdicts] == [True] * limit + [False] * 20


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [1, 9, 10, 19, 25, 100, 600])
def test_two_processes_together_never_pass_the_limit(source, limit):
    verdicts = in_turns(Shares(source), Shares(source), times=2 * limit + 40, rule=Rule("test", limit, 60))

    assert [verdict.allowed for verdict in verdicts].count(True) == limit


@pytest.mark.django_db
def test_what_one_process_keeps_is_at_most_its_last_share(source):
    """The other, which alone is busy, gets all but that."""
    idle, busy = Shares(source), Shares(source)
    idle.take(RULE, "user:1")

    verdicts = in_turns(busy, times=120)

    assert [verdict.allowed for verdict in verdicts].count(True) == 100 - 11


@pytest.mark.django_db
def test_the_headers_count_down_by_one(source):
    verdicts = in_turns(Shares(source), times=102)

    assert [verdict.remaining for verdict in verdicts] == [*range(99, -1, -1), 0, 0]
    assert {verdict.limit for verdict in verdicts} == {100}
    assert all(58 <= verdict.reset_s <= 60 for verdict in verdicts)


@pytest.mark.django_db
def test_the_source_is_asked_seldom(source):
    in_turns(Shares(source), times=50)

    assert source.asked <= 2 * 5


@pytest.mark.django_db
def test_every_refusal_says_how_long_the_block_lasts(source, clock):
    """The first one comes from Redis, the others from memory."""
    shares = Shares(source)
    in_turns(shares, times=100)

    refused = in_turns(shares, times=3)

    assert [verdict.retry_after_s for verdict in refused] == [61, 61, 61]
    assert [verdict.newly_blocked for verdict in refused] == [True, False, False]
    assert RateLimit.objects.count() == 1


@pytest.mark.django_db
def test_a_refusal_is_believed_for_a_second(source, clock):
    """So that a block which an administrator lifts is soon lifted everywhere, and a flood asks Redis once a second."""
    shares = Shares(source)
    in_turns(shares, times=101)
    asked = source.asked

    in_turns(shares, times=50)
    while_believed = source.asked - asked
    clock.now += 1.1
    in_turns(shares, times=50)

    assert (while_believed, source.asked - asked) == (0, 1)


@pytest.mark.django_db
def test_a_share_ends_with_its_window(source, clock):
    shares = Shares(source)
    shares.take(RULE, "user:1")
    asked = source.asked

    clock.now += 60.1
    shares.take(RULE, "user:1")

    assert source.asked > asked


@pytest.mark.django_db
def test_people_have_shares_of_their_own(source):
    shares = Shares(source)
    in_turns(shares, times=101)

    assert shares.take(RULE, "user:2").allowed
    assert shares.take(Rule("other", 100, 60), "user:1").allowed


@pytest.mark.django_db
def test_the_memory_is_bounded(source, monkeypatch):
    monkeypatch.setattr(module, "PEOPLE_MAX", 10)
    shares = Shares(source)

    for number in range(35):
        shares.take(RULE, f"user:{number}")

    assert len(shares._shares) <= 10


def test_threads_that_take_shares_at_once_waste_none_and_never_pass_the_limit(committed, source):
    """A page that asks for twelve things at once must not cost its reader twelve shares."""
    shares = Shares(source)

    first = in_parallel(*[partial(shares.take, RULE, "user:1") for _ in range(8)])
    rest = in_turns(shares, times=110)

    assert [verdict.allowed for verdict in [*first, *rest]].count(True) == 100
    assert all(0 <= verdict.remaining < 100 for verdict in [*first, *rest])


@pytest.mark.django_db
def test_without_redis_each_use_is_counted_in_the_database():
    dead = Limiter("redis://127.0.0.1:1/0", prefix="x:")
    one, other = Shares(dead), Shares(dead)

    verdicts = in_turns(one, other, times=30, rule=Rule("test", 20, 3600))

    assert [verdict.allowed for verdict in verdicts] == [True] * 20 + [False] * 10
