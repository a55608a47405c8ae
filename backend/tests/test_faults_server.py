"""The server process killed, and asked to end, while people talk."""

import asyncio
import contextlib
import signal

import pytest
from websockets.exceptions import ConnectionClosed

from backend.support.tests.factories import make_talk, store_messages, texts_in
from backend.support.tests.outages import check, conversation
from backend.support.tests.wire import wire
from backend.tests.servers import Server

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def process(live_database, tmp_path_factory):
    server = Server(live_database, folder=tmp_path_factory.mktemp("own"))
    with server.running():
        yield server


@pytest.fixture
def own(process):
    """A server process for these tests alone, on the live database and Valkey, always at the same port."""
    if process.process is None:
        process.start()
    return process


@pytest.fixture
def talk(live, make_user):
    return make_talk(make_user)


def test_a_kill_in_mid_conversation_loses_and_repeats_nothing(own, talk):
    async def play():
        async with conversation(talk, own, own) as talked:
            for _ in range(2):
                await asyncio.to_thread(own.kill)
                await asyncio.to_thread(own.start)
                await talked.more(30)
        return talked

    talked = asyncio.run(play())
    check(talked)
    assert (talked.ana.connects, talked.ben.connects) == (3, 3)


def test_a_member_goes_on_elsewhere_when_their_process_is_killed(own, live, talk):
    """The other one, on another process, notices nothing."""

    async def play():
        async with conversation(talk, own, live) as talked:
            talked.ana._base_url = lambda: own.base_url if own.process else live.base_url
            await asyncio.to_thread(own.kill)
            await talked.more(50)
        return talked

    talked = asyncio.run(play())
    check(talked)
    assert (talked.ana.connects, talked.ben.connects) == (2, 1)


def test_a_drain_in_mid_conversation_loses_and_repeats_nothing(own, talk):
    """SIGTERM: `going_away`, then 4012, and what was acknowledged is stored; the exit code is 0."""

    async def play():
        async with conversation(talk, own, own) as talked:
            code = await asyncio.to_thread(own.stop)
            await asyncio.to_thread(own.start)
            await talked.more(30)
        return talked, code

    talked, code = asyncio.run(play())
    check(talked)
    assert code == 0
    for member in (talked.ana, talked.ben):
        assert [frame["type"] for frame in member.others if frame["type"] == "going_away"] == ["going_away"]


def test_a_drain_tells_idle_sockets_when_they_will_be_closed(own, talk):
    async def play():
        async with wire(own, talk.id, talk.customer_token) as ana, wire(own, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            own.process.send_signal(signal.SIGTERM)
            going = await ana.get("going_away")
            await ana.say("quickly")
            return going["within_ms"], await ana.closed(), await ben.closed(), ben.of("message")

    within_ms, *codes, heard = asyncio.run(play())
    assert own.process.wait(timeout=60) == 0
    own.process = None
    assert 0 <= within_ms <= 3000
    assert codes == [4012, 4012]
    assert [message["message"] for message in heard] == texts_in(talk.topic)


def test_a_drain_does_not_wait_for_a_client_that_reads_nothing(own, talk):
    store_messages(talk, *["\U0001f389" * 4000] * 400)

    async def play():
        async with wire(own, talk.id, talk.customer_token, after=0, max_queue=1) as ana:
            await ana.array()
            code = await asyncio.to_thread(own.stop)
            with contextlib.suppress(ConnectionClosed):
                await ana.closed()
            return code

    assert asyncio.run(play()) == 0
