"""The chat's socket in this process, under a server that knows only ASGI (`manage.py runserver`).

The test is the server here, so it decides what comes at which moment: what a client sends before its socket is open,
and numbers that would take minutes to reach.
"""

import asyncio
import contextlib
import json
import time
from types import SimpleNamespace

import pytest

from backend.identity.principals import principal_of
from backend.identity.services import roles, sessions
from backend.realtime import presence, seats
from backend.realtime import runtime as runtimes
from backend.realtime import selectors as topics
from backend.realtime.sockets import EARLY_FRAMES_MAX, REPLAY_TOKENS
from backend.support import consumers
from backend.support.consumers import chat_socket
from backend.support.services import chats
from backend.support.tests.factories import head_of, texts_in
from backend.tests.commits import in_parallel
from backend.tests.frames import check_frame


class Seat:
    """One connection: what the client sends goes into `incoming`, what the server sends comes out of `outgoing`."""

    def __init__(self, talk, token, *, query=b""):
        self.incoming = asyncio.Queue()
        self.outgoing = asyncio.Queue()
        self.may_send = asyncio.Event()
        self.may_send.set()
        headers = [(b"authorization", f"Bearer {token}".encode())]
        route = {"kwargs": {"chat_id": talk.id}}
        scope = {"type": "websocket", "headers": headers, "query_string": query, "url_route": route}
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.ensure_future(chat_socket(scope, self.incoming.get, self._send))

    async def _send(self, message):
        await self.may_send.wait()
        self.outgoing.put_nowait(message)

    def send(self, *frames):
        for frame in frames:
            self.incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})

    async def next(self):
        async with asyncio.timeout(30):
            message = await self.outgoing.get()
        if message["type"] == "websocket.send":
            check_frame(frame := json.loads(message["text"]))
            return frame
        return message

    async def get(self, kind):
        while True:
            frame = await self.next()
            if isinstance(frame, dict) and frame["type"] == kind:
                return frame

    async def opened(self):
        assert (await self.next())["type"] == "websocket.accept"
        return await self.next()

    async def leave(self):
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self.task, 30)


def _play(scene):
    """Run `scene(seat)`, where `seat(…)` takes a place; end them all, and the process's runtime, at its end."""

    async def run():
        seats = []

        def seat(*args, **options):
            seats.append(Seat(*args, **options))
            return seats[-1]

        try:
            return await scene(seat)
        finally:
            for taken in seats:
                with contextlib.suppress(TimeoutError):
                    await taken.leave()
            await (await runtimes.current()).stop()

    return asyncio.run(run())


@pytest.fixture
def numbers(settings):
    """Set numbers of `settings.REALTIME` for the test."""

    def set_numbers(**changed):
        settings.REALTIME = {**settings.REALTIME, **changed}

    return set_numbers


def test_both_members_talk_under_a_server_that_knows_only_asgi(talk):
    async def scene(seat):
        ana, ben = seat(talk, talk.customer_token), seat(talk, talk.agent_token)
        first = len(await ana.opened()), len(await ben.opened())
        ana.send({"message": "hello"})
        return first, await ana.get("message"), await ben.get("message")

    first, mine, theirs = _play(scene)
    assert first == (2, 2)
    assert mine == theirs
    assert texts_in(talk.topic) == ["hello"]


@pytest.mark.parametrize("slow_one", [{"type": "read", "seq": 1}, {"type": "resume", "after": 0}])
def test_what_a_client_sends_while_its_socket_opens_keeps_its_order(talk, slow_one):
    """Also when one of the early frames has to wait for the database while the next ones come in."""
    texts = [f"m{n}" for n in range(40)]

    async def scene(seat):
        ana = seat(talk, talk.customer_token)
        ana.send(slow_one, *[{"message": text} for text in texts[:20]])
        await ana.opened()
        for text in texts[20:]:
            ana.send({"message": text})
            await asyncio.sleep(0)
        return [(await ana.get("message"))["message"] for _ in texts]

    assert _play(scene) == texts
    assert texts_in(talk.topic) == texts


def test_more_early_frames_than_fit_wait_and_none_is_dropped(talk):
    texts = [f"m{n}" for n in range(EARLY_FRAMES_MAX + 40)]

    async def scene(seat):
        ana = seat(talk, talk.customer_token)
        ana.send(*[{"message": text} for text in texts])
        await ana.opened()
        return [(await ana.get("message"))["message"] for _ in texts]

    assert _play(scene) == texts


def test_a_thousand_messages_from_one_socket_are_all_stored_in_order(talk, numbers):
    numbers(rate_per_second=2000)
    texts = [f"m{n}" for n in range(1000)]

    async def scene(seat):
        ana = seat(talk, talk.customer_token)
        await ana.opened()
        ana.send(*[{"message": text} for text in texts])
        return [(await ana.get("message"))["message"] for _ in texts]

    assert _play(scene) == texts
    assert texts_in(talk.topic) == texts


def test_typing_ends_by_itself(talk, monkeypatch):
    monkeypatch.setattr(consumers, "TYPING_S", 0.3)

    async def scene(seat):
        ana, ben = seat(talk, talk.customer_token), seat(talk, talk.agent_token)
        await ana.opened()
        await ben.opened()
        ana.send({"type": "typing"})
        first, second = await ben.get("typing"), await ben.get("typing")
        ana.send({"type": "typing"})
        return first["state"], second["state"], (await ben.get("typing"))["state"]

    assert _play(scene) == ("started", "stopped", "started")


def test_typing_on_and_on_is_told_again_but_not_each_time(talk, monkeypatch):
    """Whoever comes in the middle of it sees it, too; keystrokes are not frames."""
    monkeypatch.setattr(consumers, "TYPING_REPEAT_S", 0.2)

    async def scene(seat):
        ana, ben = seat(talk, talk.customer_token), seat(talk, talk.agent_token)
        await ana.opened()
        await ben.opened()
        for _ in range(2):
            ana.send(*[{"type": "typing"}] * 20)
            await asyncio.sleep(0.3)
        ana.send({"message": "done"})
        seen = []
        while not seen or seen[-1] != "message":
            frame = await ben.next()
            if frame["type"] in ("typing", "message"):
                seen.append(frame.get("state", "message"))
        return seen

    assert _play(scene) == ["started", "started", "stopped", "message"]


def test_a_second_device_changes_nothing_for_the_others(talk, monkeypatch):
    monkeypatch.setattr(presence, "LEAVE_GRACE_S", 0.05)

    async def scene(seat):
        ana, ben = seat(talk, talk.customer_token), seat(talk, talk.agent_token)
        await ana.opened()
        await ben.opened()
        while (await ana.get("presence"))["user_id"] != talk.agent.pk:
            pass
        tablet = seat(talk, talk.agent_token)
        await tablet.opened()
        found = await tablet.get("presence")
        await tablet.leave()
        await asyncio.sleep(0.3)
        ana.send({"type": "ping"})
        return found["user"], found["state"], (await ana.next())["type"]

    assert _play(scene) == ("Ana", "online", "pong")


def test_a_reader_that_takes_nothing_is_closed_4013(talk, numbers):
    numbers(unsent_max_bytes=20_000)

    async def scene(seat):
        ana, ben = seat(talk, talk.customer_token), seat(talk, talk.agent_token)
        await ana.opened()
        await ben.opened()
        ana.may_send.clear()
        for n in range(20):
            ben.send({"message": f"{n} " + "x" * 3000})
            await ben.get("message")
        ana.may_send.set()
        closed = await ana.get("websocket.close")
        return closed["code"], ana.outgoing.empty()

    assert _play(scene) == (4013, True)
    assert len(texts_in(talk.topic)) == 20


def test_a_replay_takes_more_of_the_pace_than_a_message(talk):
    """Whoever asks for the same again and again waits, as somebody who talks without end does."""

    async def scene(seat):
        ana = seat(talk, talk.customer_token)
        await ana.opened()
        (socket,) = (await runtimes.current()).sockets
        taken = []
        socket._pace = SimpleNamespace(delay=lambda tokens=1: taken.append(tokens) or 0.0)
        ana.send({"message": "hi"}, {"type": "resume", "after": 0}, {"type": "ping"})
        await ana.get("pong")
        return taken

    assert _play(scene) == [1, 1, REPLAY_TOKENS, 1]


def test_a_client_that_leaves_while_its_socket_opens_leaves_nothing_behind(talk):
    async def scene(seat):
        runtime = await runtimes.current()
        for _ in range(20):
            await seat(talk, talk.customer_token, query=b"after=0").leave()
        async with asyncio.timeout(30):
            while talk.topic in runtime.hub.feeds or runtime.sockets:
                await asyncio.sleep(0.01)
        return runtime.presence.present(talk.topic)

    assert _play(scene) == {}
    assert head_of(talk.topic) == 2


def test_a_drain_tells_each_socket_and_closes_it_and_what_was_said_is_stored(talk):
    async def scene(seat):
        ana = seat(talk, talk.customer_token)
        await ana.opened()
        ana.send(*[{"message": f"m{n}"} for n in range(50)])
        await ana.get("message")
        runtime = await runtimes.current()
        await runtime.drain(1.0)
        going = await ana.get("going_away")
        closed = await ana.get("websocket.close")
        return 0 <= going["within_ms"] <= 700, closed["code"]

    assert _play(scene) == (True, 4012)
    assert texts_in(talk.topic) == [f"m{n}" for n in range(len(texts_in(talk.topic)))]


def test_what_never_connects_is_no_socket(talk):
    async def scene(seat):
        incoming = asyncio.Queue()
        incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})
        scope = {"type": "websocket", "url_route": {"kwargs": {"chat_id": talk.id}}}
        sent = []

        async def send(message):
            sent.append(message)

        await chat_socket(scope, incoming.get, send)
        return sent

    assert _play(scene) == []


@pytest.fixture
def meanwhile(monkeypatch):
    """Let something happen elsewhere while a socket is being opened: after it was admitted, before it reads."""

    def set_up(act):
        def read(topic, count):
            in_parallel(act)
            time.sleep(0.3)  # What was rung has been heard by now.
            return topics.last_events(topic, count)

        monkeypatch.setattr(seats, "selectors", SimpleNamespace(last_events=read, events_after=topics.events_after))

    return set_up


def test_a_chat_closed_while_a_socket_opens_closes_it(talk, meanwhile):
    """E-S1-19: the closing came in the array instead of live; it counts just the same."""
    meanwhile(lambda: chats.close_chat(actor=principal_of(talk.agent), chat_id=talk.id))

    async def scene(seat):
        ana = seat(talk, talk.customer_token)
        history = await ana.opened()
        return [event["state"] for event in history], (await ana.get("websocket.close"))["code"]

    assert _play(scene) == (["opened", "assigned", "closed"], 4010)


def test_a_role_withdrawn_while_a_socket_opens_closes_it(talk, meanwhile):
    meanwhile(lambda: roles.withdraw_role(user=talk.agent, name="SUPPORT_AGENT", withdrawn_by=None))

    async def scene(seat):
        ben = seat(talk, talk.agent_token)
        return (await ben.get("websocket.close"))["code"]

    assert _play(scene) == 4006


def test_a_session_ended_while_its_socket_opens_closes_it(talk, meanwhile):
    meanwhile(lambda: sessions.end_all_sessions(user_id=talk.customer.pk, reason="sign_out"))

    async def scene(seat):
        ana = seat(talk, talk.customer_token)
        return (await ana.get("websocket.close"))["code"], ana.outgoing.empty()

    assert _play(scene) == (4001, True)
    assert texts_in(talk.topic) == []


def test_an_unexpected_fault_while_opening_asks_the_client_to_come_back(talk, monkeypatch):
    """Not a crash, not silence: 4004, and the reason is in our log."""
    monkeypatch.setattr(seats, "selectors", SimpleNamespace(last_events=lambda *_: 1 / 0))

    async def scene(seat):
        ana = seat(talk, talk.customer_token)
        assert (await ana.next())["type"] == "websocket.accept"
        return (await ana.next())["code"]

    assert _play(scene) == 4004
