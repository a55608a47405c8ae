"""The cache on the path of every request: it may lie, be old, or be away, and nobody is the worse for it."""

import socket
import uuid
from collections.abc import Iterator

import pytest
import redis
from django.conf import settings

from backend.common import fastcache as module
from backend.common.fastcache import FastCache, fastcache

KEY = b"a key of the test's own"


@pytest.fixture
def prefix() -> str:
    return f"{settings.LAYER_PREFIX}:{uuid.uuid4().hex}:"


@pytest.fixture
def cache(prefix: str) -> FastCache:
    return FastCache(settings.REDIS_URLS[0], prefix=prefix, key=KEY)


@pytest.fixture
def raw() -> Iterator[redis.Redis]:
    """The same Redis without our eyes, as whoever else can write to it sees it."""
    with redis.Redis.from_url(settings.REDIS_URLS[0]) as client:
        yield client


@pytest.fixture
def dead_url() -> Iterator[str]:
    """An address that nobody serves: bound, so that nobody else takes it, and never listening."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{held.getsockname()[1]}/0"


def test_values_come_back_in_the_order_asked_and_missing_ones_are_none(cache):
    cache.set("a", {"n": 1}, seconds=60)
    cache.set("b", {"n": 2}, seconds=60)

    found = cache.get_many(["b", "missing", "a"])

    assert [value and value["n"] for value in found] == [2, None, 1]


def test_deleted_values_are_gone(cache):
    cache.set("a", {"n": 1}, seconds=60)
    cache.set("b", {"n": 2}, seconds=60)

    cache.delete(["a", "missing"])
    cache.delete([])

    assert [value is None for value in cache.get_many(["a", "b"])] == [True, False]


def test_redis_forgets_a_value_when_its_time_is_over(cache, raw, prefix):
    cache.set("a", {"n": 1}, seconds=60)

    assert 0 < raw.ttl(prefix + "a") <= 60


def test_an_altered_value_is_a_miss(cache, raw, prefix):
    cache.set("a", {"is_staff": False}, seconds=60)
    sealed = raw.get(prefix + "a")
    raw.set(prefix + "a", sealed.replace(b"false", b"true "))

    assert cache.get_many(["a"]) == [None]


def test_a_value_copied_to_another_name_is_a_miss(cache, raw, prefix):
    cache.set("mine", {"n": 1}, seconds=60)
    raw.copy(prefix + "mine", prefix + "theirs")

    mine, theirs = cache.get_many(["mine", "theirs"])

    assert mine is not None
    assert theirs is None


def test_a_value_sealed_with_another_key_is_a_miss(cache, prefix):
    FastCache(settings.REDIS_URLS[0], prefix=prefix, key=b"another").set("a", {"n": 1}, seconds=60)

    assert cache.get_many(["a"]) == [None]


@pytest.mark.parametrize("junk", [b"", b"short", b"x" * 32, b"x" * 400, b'{"n": 1, "exp": 9e9}'])
def test_junk_is_a_miss(cache, raw, prefix, junk):
    raw.set(prefix + "a", junk)

    assert cache.get_many(["a"]) == [None]


def test_an_old_value_put_back_is_a_miss_by_its_own_clock(cache, raw, prefix, monkeypatch):
    cache.set("a", {"n": 1}, seconds=60)
    raw.persist(prefix + "a")
    now = module.time.time()

    monkeypatch.setattr(module.time, "time", lambda: now + 59)
    just_in_time = cache.get_many(["a"])
    monkeypatch.setattr(module.time, "time", lambda: now + 61)
    too_late = cache.get_many(["a"])

    assert [value and value["n"] for value in just_in_time] == [1]
    assert too_late == [None]


def test_with_redis_away_reads_miss_and_writes_do_nothing(dead_url, caplog):
    """E-SYS-2."""
    cache = FastCache(dead_url, prefix="x:", key=KEY)

    found = cache.get_many(["a", "b"])
    cache.set("a", {"n": 1}, seconds=60)
    cache.delete(["a"])

    assert found == [None, None]
    assert caplog.text.count("cache.unreachable") == 1


@pytest.mark.parametrize(
    "first", [lambda cache: cache.get_many(["a"]), lambda cache: cache.set("a", {}, seconds=1)], ids=["read", "write"]
)
def test_after_a_fault_redis_is_left_alone_for_a_second_and_then_asked_again(dead_url, monkeypatch, caplog, first):
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    cache = FastCache(dead_url, prefix="x:", key=KEY)

    first(cache)
    now = 1000.9
    cache.get_many(["a"])
    tries_while_resting = caplog.text.count("cache.unreachable")
    now = 1001.1
    cache.get_many(["a"])

    assert tries_while_resting == 1
    assert caplog.text.count("cache.unreachable") == 2


def test_a_redis_that_does_not_answer_is_given_up_on():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        cache = FastCache(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", prefix="x:", key=KEY)

        assert cache.get_many(["a"]) == [None]


def test_the_process_has_one_cache_of_its_own():
    assert fastcache() is fastcache()
    name = uuid.uuid4().hex

    fastcache().set(name, {"n": 1}, seconds=5)

    assert fastcache().get_many([name])[0] is not None


def test_several_hosts_share_the_names_and_one_that_is_away_takes_only_its_own(prefix, dead_url):
    """design.md section 2: `REDIS_URL` may name several hosts."""
    names = [f"name-{number}" for number in range(40)]
    both = FastCache(settings.REDIS_URLS[0], dead_url, prefix=prefix, key=KEY)
    first = FastCache(settings.REDIS_URLS[0], prefix=prefix, key=KEY)

    for number, name in enumerate(names):
        both.set(name, {"n": number}, seconds=60)
    found = both.get_many(names)
    both.delete(names[:20])

    kept = [value["n"] for value in found if value]
    assert 5 < len(kept) < 35
    assert [value and value["n"] for value in first.get_many(names)] == [
        value["n"] if value and value["n"] >= 20 else None for value in found
    ]
