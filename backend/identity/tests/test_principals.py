"""From a token to a person without a query: what it costs, and what no cache can bring about (design.md section 3)."""

import socket
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from backend.common.fastcache import FastCache
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity import principals
from backend.identity.errors import TokenRefused
from backend.identity.models import Role, User
from backend.identity.principals import RecentChanges, principal_from_token, principal_of
from backend.identity.services import roles, sessions
from backend.identity.tests.doors import ACCEPTED, CHANGE, REFUSED, bearing, status_of


@pytest.fixture
def pair_of():
    return lambda user: sessions.open_session(user=user, door="s1")


@pytest.mark.django_db
def test_a_principal_says_who_acts_and_as_what(make_user, pair_of):
    user = make_user("SUPPORT_AGENT", "AUDITOR", first_name="Ana", is_staff=True, kyc_status="APPROVED")
    user.refresh_from_db()
    pair = pair_of(user)

    found = principal_from_token(pair.access)

    assert found.expires_at is not None
    assert timedelta(hours=5, minutes=59) < found.expires_at - datetime.now(UTC) <= timedelta(hours=6)
    assert found == Principal(
        id=user.pk,
        sid=pair.sid,
        email=user.email,
        first_name="Ana",
        is_staff=True,
        is_superuser=False,
        roles=frozenset({"SUPPORT_AGENT", "AUDITOR"}),
        kyc_status="APPROVED",
        version=user.auth_version,
        expires_at=found.expires_at,
    )
    assert principal_from_token(pair.access) == found


@pytest.mark.django_db
def test_a_principal_answers_what_frameworks_ask_a_user():
    found = Principal(id=7, sid="s", email="ana@example.com", first_name="", roles=frozenset({"AUDITOR"}))

    assert (found.pk, found.is_authenticated, found.is_anonymous, found.is_active) == (7, True, False, True)
    assert [found.has_role("AUDITOR"), found.has_role("CUSTOMER", "AUDITOR"), found.has_role("CUSTOMER")] == [
        True,
        True,
        False,
    ]
    assert found.display_name == "ana"
    assert Principal(id=7, sid="s", email="ana@example.com", first_name="Ana").display_name == "Ana"


@pytest.mark.django_db
def test_the_first_check_costs_one_query_and_the_next_ones_none(make_user, pair_of, django_assert_num_queries):
    pair = pair_of(make_user())

    with django_assert_num_queries(1):
        principal_from_token(pair.access)
    with django_assert_num_queries(0):
        principal_from_token(pair.access)


@pytest.mark.django_db
def test_a_request_with_a_cached_principal_costs_no_query(make_user, pair_of, django_assert_num_queries):
    pair = pair_of(make_user())
    status_of(pair.access)

    with django_assert_num_queries(0):
        assert bearing(pair.access).put(CHANGE, {}).status_code == ACCEPTED


@pytest.mark.django_db
def test_without_redis_each_check_costs_one_query_and_works(make_user, pair_of, django_assert_num_queries, monkeypatch):
    """E-SYS-2."""
    pair = pair_of(make_user())
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        away = FastCache(f"redis://127.0.0.1:{held.getsockname()[1]}/0", prefix="x:", key=b"x")
        monkeypatch.setattr(principals, "fastcache", lambda: away)

        with django_assert_num_queries(2):
            found = [principal_from_token(pair.access) for _ in range(2)]

    assert [principal.sid for principal in found] == [pair.sid, pair.sid]


@pytest.mark.django_db
def test_a_flushed_cache_costs_one_query(make_user, pair_of, memory, django_assert_num_queries):
    pair = pair_of(make_user())
    principal_from_token(pair.access)
    memory.delete([f"principal:{pair.sid}"])

    with django_assert_num_queries(1):
        found = principal_from_token(pair.access)

    assert found.sid == pair.sid


@pytest.mark.django_db
def test_a_cached_principal_that_somebody_altered_is_not_believed(make_user, pair_of, memory):
    pair = pair_of(make_user())
    principal_from_token(pair.access)
    name = f"{memory._prefix}principal:{pair.sid}"
    memory._hosts[0].client.set(
        name, memory._hosts[0].client.get(name).replace(b'"is_superuser":false', b'"is_superuser":true ')
    )

    assert principal_from_token(pair.access).is_superuser is False


@pytest.mark.django_db
def test_a_cached_principal_of_another_session_is_not_believed(make_user, pair_of, memory):
    mine, boss = pair_of(make_user()), pair_of(make_user("AUDITOR", is_superuser=True))
    principal_from_token(boss.access)
    memory._hosts[0].client.copy(f"{memory._prefix}principal:{boss.sid}", f"{memory._prefix}principal:{mine.sid}")

    found = principal_from_token(mine.access)

    assert (found.sid, found.is_superuser) == (mine.sid, False)


@pytest.mark.django_db
def test_the_end_of_the_token_is_its_own_and_not_the_cached_one(make_user, pair_of):
    user = make_user()
    pair = pair_of(user)
    first = principal_from_token(pair.access)

    renewed = sessions.refresh_session(refresh_token=pair.refresh)
    second = principal_from_token(renewed.access)

    assert second.expires_at is not None
    assert second.expires_at >= first.expires_at
    assert principal_from_token(pair.access).expires_at == first.expires_at


def test_a_new_role_counts_at_the_next_request(committed, make_user, pair_of):
    user = make_user()
    pair = pair_of(user)
    before = principal_from_token(pair.access)

    roles.assign_role(user=user, name="AUDITOR", assigned_by=None)
    during = principal_from_token(pair.access)
    roles.withdraw_role(user=user, name="AUDITOR", withdrawn_by=None)
    after = principal_from_token(pair.access)

    assert [sorted(found.roles) for found in (before, during, after)] == [
        ["CUSTOMER"],
        ["AUDITOR", "CUSTOMER"],
        ["CUSTOMER"],
    ]
    assert [found.version - before.version for found in (before, during, after)] == [0, 1, 2]


def test_a_role_that_is_switched_off_counts_for_nobody(committed, make_user, pair_of):
    pair = pair_of(make_user("AUDITOR"))

    Role.objects.filter(name="AUDITOR").update(is_active=False)

    assert principal_from_token(pair.access).roles == frozenset()


@pytest.mark.parametrize(
    "forget",
    [
        pytest.param(lambda memory, user: memory.delete([f"version:{user.pk}"]), id="the process remembers"),
        pytest.param(lambda memory, user: principals.recent.__init__(), id="the cache remembers"),
    ],
)
def test_an_older_principal_put_back_into_the_cache_is_refused(committed, make_user, pair_of, memory, forget):
    """K-69. Either memory is enough: another process has only the cache, a process without Redis only its own."""
    user = make_user("AUDITOR")
    pair = pair_of(user)
    principal_from_token(pair.access)
    name = f"{memory._prefix}principal:{pair.sid}"
    stale = memory._hosts[0].client.get(name)
    roles.withdraw_role(user=user, name="AUDITOR", withdrawn_by=None)

    memory._hosts[0].client.set(name, stale)
    forget(memory, user)

    assert principal_from_token(pair.access).roles == frozenset()


def test_an_ended_session_is_not_revived_by_the_cache(committed, make_user, pair_of, memory):
    user = make_user()
    pair = pair_of(user)
    principal_from_token(pair.access)
    name = f"{memory._prefix}principal:{pair.sid}"
    stale = memory._hosts[0].client.get(name)

    sessions.end_session(user_id=user.pk, sid=pair.sid, reason="test")
    removed = memory._hosts[0].client.get(name)
    memory._hosts[0].client.set(name, stale)

    assert stale is not None
    assert removed is None
    with pytest.raises(TokenRefused):
        principal_from_token(pair.access)


def test_an_ended_session_is_refused_without_a_query(committed, make_user, pair_of, django_assert_num_queries):
    user = make_user()
    pair = pair_of(user)
    sessions.end_session(user_id=user.pk, sid=pair.sid, reason="test")

    with django_assert_num_queries(0), pytest.raises(TokenRefused):
        principal_from_token(pair.access)


def test_a_block_counts_at_the_next_request(committed, make_user, pair_of):
    user = make_user()
    pair = pair_of(user)
    accepted_before = status_of(pair.access)

    with unit_of_work() as unit:
        User.objects.filter(pk=user.pk).update(is_active=False)
        sessions.principal_changed(unit, user_id=user.pk)

    assert accepted_before == ACCEPTED
    assert status_of(pair.access) == REFUSED


def test_what_was_rolled_back_changes_nobodys_principal(committed, make_user, pair_of, memory):
    user = make_user()
    pair = pair_of(user)
    before = principal_from_token(pair.access)

    def attempt() -> None:
        with unit_of_work():
            roles.assign_role(user=user, name="AUDITOR", assigned_by=None)
            sessions.end_session(user_id=user.pk, sid=pair.sid, reason="test")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        attempt()

    assert memory.get_many([f"principal:{pair.sid}"])[0] is not None
    assert principal_from_token(pair.access) == before


@pytest.mark.django_db
def test_services_outside_of_a_request_get_a_principal_too(make_user, django_assert_num_queries):
    user = make_user("BANK_ADMIN", first_name="", is_staff=True)

    with django_assert_num_queries(1):
        found = principal_of(user)

    assert (found.id, found.sid, found.roles, found.expires_at) == (user.pk, "", frozenset({"BANK_ADMIN"}), None)
    assert found.first_name == user.email.partition("@")[0]


def test_the_memory_of_changes_keeps_the_newest_version():
    """Notices of two changes can overtake each other."""
    recent = RecentChanges()

    recent.raise_version(7, 3)
    recent.raise_version(7, 2)

    assert recent.least_version(7) == 3
    assert recent.least_version(8) == 0


def test_the_memory_of_changes_is_bounded_by_time(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(principals.time, "monotonic", lambda: now)
    recent = RecentChanges()
    recent.end(["a"])
    recent.raise_version(7, 3)

    now = 1119.0
    recent.end(["b"])
    remembered = (recent.is_ended("a"), recent.least_version(7))
    now = 1121.0
    recent.end(["c"])

    assert remembered == (True, 3)
    assert [recent.is_ended(sid) for sid in "abc"] == [False, True, True]
    assert recent.least_version(7) == 0


def test_a_process_learns_from_the_topic_what_ended_and_changed_elsewhere(memory):
    ended = principals.hear("session.revoked", {"sids": ["a", "b"], "user_id": 7})
    changed = principals.hear("principal.changed", {"user_id": 7, "version": 9})

    assert (ended, changed) == (["a", "b"], [])
    assert principals.recent.is_ended("b")
    assert principals.recent.least_version(7) == 9


def test_the_check_opens_no_connection_to_the_database(committed, make_user, pair_of):
    """A REST request of a cached person survives a database that is away, up to what it asks for."""
    pair = pair_of(make_user())
    principal_from_token(pair.access)
    connection.close()

    principal_from_token(pair.access)

    assert connection.connection is None
