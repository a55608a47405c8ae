"""Limits: what passes, how long blocks last, and that neither losing Redis nor finding it empty frees anybody."""

import socket
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import redis
from django.conf import settings
from django.db.models import F

from backend.common.models import RateLimit
from backend.common.ratelimit import PENALTIES_S, Limiter, Rule, Spread, Verdict, hashed
from backend.tests.commits import in_parallel

RULE = Rule("test", 3, 3600)


@pytest.fixture
def prefix() -> str:
    return f"{settings.LAYER_PREFIX}:{uuid.uuid4().hex}:"


@pytest.fixture
def who() -> str:
    return f"user:{uuid.uuid4().hex}"


@pytest.fixture
def limiter(prefix: str) -> Limiter:
    return Limiter(settings.REDIS_URLS[0], prefix=prefix)


@pytest.fixture
def raw() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URLS[0]) as client:
        yield client


@pytest.fixture
def dead_url() -> Iterator[str]:
    """An address that nobody serves: bound, so that nobody else takes it, and never listening."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{held.getsockname()[1]}/0"


@pytest.fixture
def degraded(dead_url: str, prefix: str) -> Limiter:
    return Limiter(dead_url, prefix=prefix)


@pytest.fixture(params=["redis", "database"])
def either(request, limiter, degraded) -> Limiter:
    """What must hold must hold in both."""
    return {"redis": limiter, "database": degraded}[request.param]


def hits(limiter: Limiter, who: str, times: int, rule: Rule = RULE) -> list[Verdict]:
    return [limiter.hit(rule, who) for _ in range(times)]


def forget_in_redis(raw: redis.Redis, prefix: str) -> None:
    """What a flush does, to our corner of the one Redis that all tests share."""
    raw.delete(*raw.scan_iter(f"{prefix}*", count=1000))


def end_block(raw: redis.Redis, prefix: str, who: str, *, ago_s: int = 1) -> None:
    """Let the present block's time be over, in both places."""
    now = datetime.now(UTC)
    raw.delete(f"{prefix}rate:{RULE.name}:{who}:block")
    mine = RateLimit.objects.filter(identifier=who, is_blocked=True, block_until__gt=now)
    mine.update(block_until=now - timedelta(seconds=ago_s))


def block_times(who: str) -> list[int]:
    """How long each block was meant to last, oldest first."""
    rows = RateLimit.objects.filter(identifier=who, is_blocked=True).order_by("window_start")
    return [round((row.window_end - row.window_start).total_seconds()) for row in rows]


# Counting


@pytest.mark.django_db
def test_the_limit_passes_and_the_next_is_blocked(either, who):
    verdicts = hits(either, who, 5)

    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False, False]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0, 0]
    assert [verdict.newly_blocked for verdict in verdicts] == [False, False, False, True, False]
    assert 59 <= verdicts[3].reset_s <= 60
    assert RateLimit.objects.filter(identifier=who, is_blocked=True).count() == 1


@pytest.mark.django_db
def test_the_headers_say_limit_rest_and_when_it_starts_anew(either, who):
    """S2-B27."""
    verdict = either.hit(RULE, who)

    headers = verdict.headers
    assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("3", "2")
    assert time.time() < int(headers["X-RateLimit-Reset"]) <= time.time() + 3602
    assert verdict.retry_after_s == int(verdict.reset_s) + 1


@pytest.mark.django_db
def test_people_and_rules_are_counted_apart(either, who):
    hits(either, who, 4)

    assert either.hit(RULE, who + "x").allowed
    assert either.hit(Rule("other", 3, 60), who).allowed
    assert not either.hit(RULE, who).allowed


@pytest.mark.django_db
def test_a_window_that_is_over_is_forgotten_by_redis(limiter, who):
    """BUG-S2-19: a window ends when it should, however often it is hit."""
    short = Rule("test", 3, 1)
    hits(limiter, who, 3, short)

    time.sleep(1.1)

    assert limiter.hit(short, who).remaining == 2


@pytest.mark.django_db
def test_a_window_that_is_over_does_not_count_in_the_database(degraded, who):
    hits(degraded, who, 3)
    hour = timedelta(hours=1)
    RateLimit.objects.update(window_start=F("window_start") - hour, window_end=F("window_end") - hour)

    assert degraded.hit(RULE, who).remaining == 2


@pytest.mark.django_db
def test_costs_add_up_and_looking_costs_nothing(either, who):
    verdicts = [either.hit(RULE, who, cost=cost) for cost in (2, 0, 0, 1, 0)]

    assert [verdict.remaining for verdict in verdicts] == [1, 1, 1, 0, 0]
    assert [verdict.allowed for verdict in verdicts] == [True] * 5
    assert not either.hit(RULE, who).allowed
    assert not either.hit(RULE, who, cost=0).allowed


@pytest.mark.django_db
def test_uses_in_advance_count_whole_or_not_at_all_and_block_nobody(limiter, who):
    limiter.hit(RULE, who)

    too_many = limiter.hit(RULE, who, cost=3, in_advance=True)
    fitting = limiter.hit(RULE, who, cost=2, in_advance=True)

    assert (too_many.allowed, too_many.newly_blocked) == (False, False)
    assert (fitting.allowed, fitting.remaining) == (True, 0)
    assert RateLimit.objects.count() == 0


@pytest.mark.django_db
def test_nothing_is_given_in_advance_while_redis_is_away(degraded, who):
    assert not degraded.hit(RULE, who, cost=2, in_advance=True).allowed
    assert degraded.hit(RULE, who).remaining == 2


@pytest.mark.django_db
def test_clearing_forgets_the_uses_but_not_a_block(either, who):
    hits(either, who, 3)
    either.clear(RULE, who)
    after_clearing = either.hit(RULE, who)
    hits(either, who, 3)
    either.clear(RULE, who)

    assert after_clearing.remaining == 2
    assert not either.hit(RULE, who).allowed


@pytest.mark.parametrize("where", ["redis", "database"])
def test_of_many_at_once_exactly_the_limit_passes_and_one_block_is_made(committed, prefix, dead_url, who, where):
    """E-AUTH-3, BUG-S2-19: each thread with a connection of its own, to the database and to Redis."""
    url = {"redis": settings.REDIS_URLS[0], "database": dead_url}[where]
    rule = Rule("test", 10, 3600)

    verdicts = in_parallel(*[partial(Limiter(url, prefix=prefix).hit, rule, who) for _ in range(25)])

    assert [verdict.allowed for verdict in verdicts].count(True) == 10
    assert [verdict.newly_blocked for verdict in verdicts].count(True) == 1
    assert sorted(verdict.remaining for verdict in verdicts if verdict.allowed) == list(range(10))
    assert block_times(who) == [60]


# Blocks


@pytest.mark.django_db
def test_blocks_grow_with_each_violation_within_a_day(either, raw, prefix, who):
    """E-RATE-4, S2-B26: 1, 5, 30 minutes, 24 hours, and 24 hours from then on."""
    lasting = []
    for _ in range(5):
        lasting.append(round(hits(either, who, 4)[3].reset_s))
        end_block(raw, prefix, who)

    assert lasting == [60, 300, 1800, 86400, 86400]
    assert PENALTIES_S == (60, 300, 1800, 86400)
    assert block_times(who) == lasting


@pytest.mark.django_db
def test_after_a_day_the_first_block_is_short_again(degraded, raw, prefix, who):
    hits(degraded, who, 4)
    end_block(raw, prefix, who)
    RateLimit.objects.update(created_at=F("created_at") - timedelta(days=1, seconds=1))

    assert round(hits(degraded, who, 4)[3].reset_s) == 60


@pytest.mark.django_db
def test_redis_forgets_strikes_after_a_day(limiter, raw, prefix, who):
    hits(limiter, who, 4)

    assert 86390 <= raw.ttl(f"{prefix}rate:{RULE.name}:{who}:strikes") <= 86400


@pytest.mark.django_db
def test_a_block_that_is_over_is_cleared_and_the_count_begins_anew(either, raw, prefix, who):
    """E-RATE-2: also inside the window in which the limit was passed."""
    hits(either, who, 4)
    end_block(raw, prefix, who)

    assert [verdict.remaining for verdict in hits(either, who, 3)] == [2, 1, 0]


@pytest.mark.django_db
def test_a_block_counts_down(degraded, who):
    hits(degraded, who, 4)
    RateLimit.objects.update(block_until=datetime.now(UTC) + timedelta(seconds=20))

    assert 19 <= degraded.hit(RULE, who).reset_s <= 20


# Redis goes and comes back


@pytest.mark.django_db
def test_without_redis_the_database_counts_and_the_log_says_so(degraded, who, caplog):
    """E-RATE-3."""
    verdicts = hits(degraded, who, 4)

    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
    assert caplog.text.count("rate_limit.degraded") == 1  # then Redis is left alone for a second


@pytest.mark.django_db
def test_a_redis_that_does_not_answer_holds_nobody_up_for_long(prefix, who):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        limiter = Limiter(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", prefix=prefix)
        since = time.monotonic()

        verdicts = hits(limiter, who, 3)

        assert time.monotonic() - since < 2
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0]


@pytest.mark.django_db
def test_a_block_made_in_redis_holds_in_the_database(limiter, degraded, who):
    hits(limiter, who, 4)

    verdict = degraded.hit(RULE, who)

    assert (verdict.allowed, verdict.newly_blocked) == (False, False)
    assert 58 <= verdict.reset_s <= 60


@pytest.mark.django_db
def test_a_block_made_in_the_database_holds_when_redis_returns(limiter, who, monkeypatch):
    """One process, whose Redis goes after its first use and comes back."""
    limiter.hit(RULE, who)
    script = limiter._script
    monkeypatch.setattr(limiter, "_script", _away)
    away = hits(limiter, who, 4)

    monkeypatch.setattr(limiter, "_script", script)
    limiter._resting_until = 0.0
    back = limiter.hit(RULE, who)

    assert [verdict.allowed for verdict in away] == [True, True, True, False]
    assert (back.allowed, back.newly_blocked) == (False, False)
    assert 58 <= back.reset_s <= 60


def _away(**_: object) -> None:
    raise redis.ConnectionError


@pytest.mark.django_db
def test_a_redis_that_was_emptied_is_told_of_the_blocks_at_once(limiter, raw, prefix, who):
    """Flushed or restarted between two requests: no error tells us, and yet nobody is freed."""
    hits(limiter, who, 4)

    forget_in_redis(raw, prefix)

    verdict = limiter.hit(RULE, who)
    assert (verdict.allowed, verdict.newly_blocked) == (False, False)
    assert 58 <= verdict.reset_s <= 60


@pytest.mark.django_db
def test_an_emptied_redis_is_told_of_the_days_strikes_too(limiter, raw, prefix, who):
    hits(limiter, who, 4)
    end_block(raw, prefix, who)

    forget_in_redis(raw, prefix)

    assert round(hits(limiter, who, 4)[3].reset_s) == 300


@pytest.mark.django_db
def test_a_new_process_brings_no_block_back_that_is_over(limiter, raw, prefix, who):
    hits(limiter, who, 4)
    end_block(raw, prefix, who)

    fresh = Limiter(settings.REDIS_URLS[0], prefix=prefix)

    assert fresh.hit(RULE, who).allowed


def test_an_identity_that_must_not_be_stored_is_hashed():
    assert hashed("ana@example.com") == hashed("ana@example.com")
    assert hashed("ana@example.com") != hashed("bob@example.com")
    assert "ana" not in hashed("ana@example.com")
    assert len(hashed("x" * 10_000)) == 32


@pytest.mark.django_db
def test_several_hosts_share_the_people_and_each_is_counted_on_one(prefix, dead_url):
    """design.md section 2. Whose host is away is counted in the database, and nobody twice."""
    spread = Spread([Limiter(settings.REDIS_URLS[0], prefix=prefix), Limiter(dead_url, prefix=prefix)])
    people = [f"user:{number}" for number in range(20)]

    allowed = {who: [spread.hit(RULE, who).allowed for _ in range(RULE.limit + 1)] for who in people}

    assert set(map(tuple, allowed.values())) == {(*[True] * RULE.limit, False)}
    in_database = set(RateLimit.objects.filter(is_blocked=True).values_list("identifier", flat=True))
    assert in_database == set(people)  # Blocks are remembered there in any case.
    spread.clear(RULE, people[0])
