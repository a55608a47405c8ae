"""What was read is kept exactly as long as nothing was committed since."""

from contextlib import contextmanager

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from backend.common.snapshots import SnapshotCache
from backend.tests.commits import in_parallel


@pytest.fixture
def cache(committed):
    return SnapshotCache(most=2)


@contextmanager
def one_moment():
    """Whoever else writes to this PostgreSQL meanwhile is not seen."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def names():
    return sorted(Group.objects.filter(name__startswith="g-").values_list("name", flat=True))


def never():
    raise AssertionError("it was kept")


def test_in_one_moment_it_is_read_once_for_each_key(cache):
    with one_moment():
        assert cache.get("a", lambda: 1) == cache.get("a", never) == 1
        assert cache.get("b", lambda: 2) == 2
        assert cache.get("c", lambda: 3) == cache.get("c", never) == 3
        assert cache.get("a", lambda: "anew") == "anew"  # Two are kept.


def test_after_any_commit_it_is_read_again(cache):
    cache.get("names", names)
    in_parallel(lambda: Group.objects.create(name="g-1"))

    assert cache.get("names", names) == ["g-1"]
    Group.objects.create(name="g-2")
    assert cache.get("names", names) == ["g-1", "g-2"]


def test_what_is_committed_while_it_is_read_is_not_missed_afterwards(cache):
    def slowly():
        found = names()
        in_parallel(lambda: Group.objects.create(name="g-1"))
        return found

    assert cache.get("names", slowly) == []
    assert cache.get("names", names) == ["g-1"]


def test_whoever_has_written_sees_their_own_and_leaves_nothing_behind(cache):
    with one_moment():
        cache.get("names", names)
        Group.objects.create(name="g-1")
        assert cache.get("names", names) == ["g-1"]
        transaction.set_rollback(True)
    assert cache.get("names", names) == []
