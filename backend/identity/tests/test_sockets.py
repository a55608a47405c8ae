"""How a socket says who opens it, and how it hears that its session has ended (E-S1-4, E-S1-16)."""

import asyncio
from datetime import timedelta

import pytest
from django.utils import timezone

from backend.identity import sockets
from backend.identity.errors import TokenRefused
from backend.identity.services import roles, sessions
from backend.identity.sockets import principal_from_scope
from backend.identity.tests.doors import Event
from backend.realtime.runtime import Runtime
from backend.tests.commits import in_parallel

WITHIN_S = 20


@pytest.fixture
def pair(make_user) -> sessions.TokenPair:
    return sessions.open_session(user=make_user(), door="s1")


def scope(*, header: str | None = None, query: str = "", protocols: tuple[str, ...] = ()) -> dict[str, object]:
    headers = [(b"host", b"ease.example")]
    if header is not None:
        headers.append((b"authorization", header.encode("latin1")))
    return {"headers": headers, "query_string": query.encode(), "subprotocols": list(protocols)}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given",
    [
        pytest.param(lambda token: scope(header=f"Bearer {token}"), id="header"),
        pytest.param(lambda token: scope(header=f"token  {token} "), id="header with the older word"),
        pytest.param(lambda token: scope(protocols=("bearer", token)), id="subprotocol"),
        pytest.param(lambda token: scope(protocols=("chat", "bearer", token)), id="subprotocol beside another"),
        pytest.param(lambda token: scope(query=f"after=7&token={token}"), id="query"),
        pytest.param(lambda token: scope(header=f"Bearer {token}", query="token=bad"), id="header beside a bad query"),
    ],
)
def test_a_token_is_found_wherever_a_client_can_put_it(pair, given):
    """S1-B19."""
    assert principal_from_scope(given(pair.access)).sid == pair.sid


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given",
    [
        pytest.param(lambda token: scope(), id="nothing"),
        pytest.param(lambda token: {}, id="not even headers"),
        pytest.param(lambda token: scope(query="token="), id="an empty token"),
        pytest.param(lambda token: scope(query="token=bad"), id="a bad token"),
        pytest.param(lambda token: scope(header="Bearer"), id="a header without token"),
        pytest.param(lambda token: scope(header=token), id="a header without scheme"),
        pytest.param(lambda token: scope(header=f"Basic {token}"), id="another scheme"),
        pytest.param(lambda token: scope(header="Bearer bad", query=f"token={token}"), id="a bad header, a good query"),
        pytest.param(lambda token: scope(header="Basic x", query=f"token={token}"), id="another scheme, a good query"),
        pytest.param(lambda token: scope(protocols=("bearer",)), id="a subprotocol without token"),
        pytest.param(
            lambda token: scope(protocols=("bearer",), query=f"token={token}"), id="no subprotocol token, a good query"
        ),
    ],
)
def test_without_a_good_token_nobody_is_let_in(pair, given):
    """The first credential counts: a bad one is not saved by another."""
    with pytest.raises(TokenRefused):
        principal_from_scope(given(pair.access))


@pytest.mark.django_db
def test_a_refresh_token_opens_no_socket(pair):
    """BUG-S1-32."""
    with pytest.raises(TokenRefused):
        principal_from_scope(scope(query=f"token={pair.refresh}"))


class Listening:
    """A socket as the runtime knows it, that writes down what it is told."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[object] = asyncio.Queue()

    def close(self, code: int) -> None:
        self.told.put_nowait(code)

    def recheck(self) -> None:
        self.told.put_nowait("look again")

    def going_away(self, within_s: float) -> None:
        raise AssertionError("nobody drains here")


def told_to_a_socket(user, sid: str, act) -> object:
    """Start what a server process has, connect a socket of the session, act on another connection, and return what
    the socket is told first."""
    Event.objects.update(created_at=timezone.now() - timedelta(hours=1))  # What made the user is no news.

    async def connected() -> object:
        runtime = Runtime()
        await runtime.hub.start()
        runtime.hub.spawn(sockets.follow_sessions(runtime))
        socket = Listening()
        runtime.add(socket, sid=sid, user_id=user.pk)
        try:
            await asyncio.to_thread(in_parallel, act)
            return await asyncio.wait_for(socket.told.get(), WITHIN_S)
        finally:
            await runtime.stop()

    return asyncio.run(connected())


def test_the_socket_of_a_session_that_ends_is_closed_4001(committed, make_user):
    """E-S1-4."""
    user = make_user()
    pair = sessions.open_session(user=user, door="s1")

    told = told_to_a_socket(user, pair.sid, lambda: sessions.end_session(user_id=user.pk, sid=pair.sid, reason="test"))

    assert told == 4001


def test_the_sockets_of_a_person_look_again_when_a_role_changes(committed, make_user):
    user = make_user()
    pair = sessions.open_session(user=user, door="s1")

    told = told_to_a_socket(user, pair.sid, lambda: roles.assign_role(user=user, name="AUDITOR", assigned_by=None))

    assert told == "look again"
