"""What a process remembers of a token's bearer (ADR 3), and what it must not remember."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from backend.identity import principals, sockets, tokens
from backend.identity.errors import TokenRefused
from backend.identity.models import User
from backend.identity.services import roles, sessions

pytestmark = pytest.mark.django_db(transaction=False)


@pytest.fixture(autouse=True)
def _remembering(settings, monkeypatch):
    settings.PRINCIPAL_NEAR_SECONDS = 60.0
    monkeypatch.setattr(principals, "just_now", principals.JustNow())


def test_a_burst_of_requests_asks_cache_and_database_once(make_user, token_of, django_assert_num_queries, monkeypatch):
    token = token_of(make_user())
    first = principals.principal_from_token(token)
    monkeypatch.setattr(principals, "principal_of_session", None)

    with django_assert_num_queries(0):
        assert principals.principal_from_token(token) is first


def test_an_ended_session_is_not_remembered(make_user, token_of, django_capture_on_commit_callbacks):
    user = make_user()
    token = token_of(user)
    principals.principal_from_token(token)

    with django_capture_on_commit_callbacks(execute=True):
        sessions.end_all_sessions(user_id=user.pk, reason="sign_out")

    with pytest.raises(TokenRefused):
        principals.principal_from_token(token)


def test_a_changed_role_is_seen_at_once(make_user, token_of, django_capture_on_commit_callbacks):
    user: User = make_user()
    token = token_of(user)
    assert not principals.principal_from_token(token).has_role("AUDITOR")

    with django_capture_on_commit_callbacks(execute=True):
        roles.assign_role(user=user, name="AUDITOR", assigned_by=None)

    assert principals.principal_from_token(token).has_role("AUDITOR")


@pytest.fixture
def clock(monkeypatch, settings):
    """A clock that only tests move, and the half second of production."""
    settings.PRINCIPAL_NEAR_SECONDS = 0.5
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(principals.time, "monotonic", lambda: clock.now)
    return clock


def test_nothing_is_remembered_beyond_half_a_second_on_trust(make_user, token_of, clock):
    token = token_of(make_user())
    first = principals.principal_from_token(token)

    clock.now += 0.49
    near = principals.principal_from_token(token)
    clock.now += 0.02
    far = principals.principal_from_token(token)

    assert (near is first, far is first) == (True, False)


def test_while_everything_is_known_to_be_heard_it_holds_as_long_as_a_cached_value(make_user, token_of, clock):
    token = token_of(make_user())
    first = principals.principal_from_token(token)

    seen = []
    for seconds in (1, 59, 60.1):
        clock.now = 1000.0 + seconds
        principals.just_now.confirm(clock.now - 0.4)
        seen.append(principals.principal_from_token(token) is first)

    assert seen == [True, True, False]


def test_a_confirmation_that_is_old_is_none(make_user, token_of, clock):
    """The database is away: what was heard long ago says nothing about now."""
    token = token_of(make_user())
    first = principals.principal_from_token(token)
    principals.just_now.confirm(clock.now + 1)

    clock.now += 1.6

    assert principals.principal_from_token(token) is not first


def test_nothing_outlives_its_token(make_user, clock):
    user = make_user()
    pair = sessions.open_session(user=user, door="s1")
    claims = {"user_id": user.pk, "sid": pair.sid, "door": "s1"}
    short = tokens.mint_access(now=datetime.now(UTC) - timedelta(hours=6) + timedelta(seconds=5), **claims)
    first = principals.principal_from_token(short)

    clock.now += 3
    principals.just_now.confirm(clock.now)
    near = principals.just_now.find(short)
    clock.now += 2.1
    principals.just_now.confirm(clock.now)

    assert (near is first, principals.just_now.find(short)) == (True, None)


def test_the_token_of_the_s3_door_is_remembered_too(make_user, django_assert_num_queries):
    user = make_user()
    token = sessions.open_session(user=user, door="s3").opaque
    first = principals.principal_from_credential(token)

    with django_assert_num_queries(0):
        again = principals.principal_from_credential(token)
    sessions.end_all_sessions(user_id=user.pk, reason="sign_out")
    principals.hear("session.revoked", {"sids": [first.sid], "user_id": user.pk})

    assert again is first
    with pytest.raises(TokenRefused):
        principals.principal_from_credential(token)


# How a process makes sure that it has heard everything


class Hub:
    """A hub whose topic `sessions` stands at `head`; what was missed comes when it learns of that."""

    def __init__(self, head, follower=None):
        self.head, self.follower = head, follower

    async def read(self, fn, topics):
        if self.head is None:
            raise sockets.PoolBusy
        return {topic: self.head for topic in topics}

    def learn_head(self, topic, head):
        if self.follower is not None:
            self.follower.cursor = head


def confirmed_by(hub, follower, *, connected=frozenset(), asked=True):
    """Have it look once; return whether it then says that all was heard."""
    principals.just_now.was_asked = asked
    before = time.monotonic()
    asyncio.run(sockets._look_for_unheard(SimpleNamespace(hub=hub, sockets=connected), follower))
    return principals.just_now._confirmed_at >= before


def test_whoever_has_heard_all_that_is_stored_says_so():
    assert confirmed_by(Hub(7), SimpleNamespace(cursor=7))
    assert confirmed_by(Hub(7), SimpleNamespace(cursor=8))  # It went on meanwhile.


def test_whoever_missed_something_has_it_read_first():
    """A ring that was lost, as when Redis is away."""
    follower = SimpleNamespace(cursor=6)

    assert not confirmed_by(Hub(7), follower)
    assert confirmed_by(Hub(7, follower), follower)


def test_without_the_database_nothing_is_confirmed():
    assert not confirmed_by(Hub(None), SimpleNamespace(cursor=7))


def test_an_idle_process_looks_for_nothing():
    assert not confirmed_by(Hub(7), SimpleNamespace(cursor=7), asked=False)
    assert confirmed_by(Hub(7), SimpleNamespace(cursor=7), asked=False, connected={"a socket"})


def test_memory_is_bounded(make_user, token_of, monkeypatch):
    monkeypatch.setattr(principals, "NEAR_MAX", 2)
    tokens = [token_of(make_user("AUDITOR")) for _ in range(3)]
    for token in tokens:
        principals.principal_from_token(token)

    assert len(principals.just_now._known) == 1
