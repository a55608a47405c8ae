"""`/ws/console/`: what is open, how chats move on at most twice a second, and what a withdrawn role takes away."""

import asyncio
import time

import pytest
from asgiref.sync import sync_to_async

from backend.identity.principals import principal_of
from backend.identity.services import roles, sessions
from backend.identity.tests.notifying import Ear, ear
from backend.support.models import AgentStatus
from backend.support.services import chats
from backend.support.tests.factories import make_talk, nobody_is_available, store_messages, waiting_chat
from backend.tests import frames

pytestmark = pytest.mark.server

PATH = "/ws/console/"


@pytest.fixture(autouse=True)
def _frames_of_the_console(monkeypatch):
    monkeypatch.setattr("backend.identity.tests.notifying.check_notice_frame", frames.check_console_frame)


def token_of(user) -> str:
    return sessions.open_session(user=user, door="console").access


async def frame(socket: Ear, kind: str) -> dict:
    while True:
        found = await socket.next()
        if isinstance(found, dict) and found["type"] == kind:
            return found


async def desk(socket: Ear, fits) -> dict:
    """Return the next `desk` frame that fits."""
    while not fits(found := await frame(socket, "desk")):
        continue
    return found


def in_thread(fn, *args, **kwargs):
    return sync_to_async(fn, thread_sensitive=True)(*args, **kwargs)


def test_it_says_what_is_open_and_closes_to_customers_and_strangers(live, make_user):
    agent, customer, admin = make_user("SUPPORT_AGENT"), make_user(), make_user("BANK_ADMIN")

    async def look(token):
        async with ear(live, token, path=PATH) as socket:
            first = await socket.first_frame_or_code()
            return first if isinstance(first, int) else (await frame(socket, "access"))["places"]

    assert asyncio.run(look(token_of(agent))) == ["inbox", "team"]
    assert asyncio.run(look(token_of(admin))) == ["kyc", "fraud", "lending", "audit"]
    assert asyncio.run(look(token_of(customer))) == 4006
    assert asyncio.run(look("nonsense")) == 4001


def test_a_session_without_the_demanded_factor_gets_no_socket(live, make_user, settings):
    """As its pages: `STAFF_TOTP_REQUIRED` counts here, too. Asked of the class: the server's settings are its own."""
    from backend.console.consumers import ConsoleSocket
    from backend.realtime.sockets import Refused

    settings.STAFF_TOTP_REQUIRED = True
    token = token_of(make_user("SUPPORT_AGENT"))
    scope = {"headers": [(b"authorization", f"Bearer {token}".encode())], "query_string": b"", "subprotocols": []}

    with pytest.raises(Refused) as refused:
        ConsoleSocket(scope, None, None).admit()

    assert refused.value.code == 4006


def test_an_open_page_makes_an_agent_available(live, make_user):
    nobody_is_available()
    agent = make_user("SUPPORT_AGENT")

    async def be_there():
        async with ear(live, token, path=PATH) as socket:
            await frame(socket, "access")

    token = token_of(agent)
    asyncio.run(be_there())

    assert AgentStatus.objects.get(pk=agent.pk).lease_until is not None


def test_a_burst_comes_in_two_frames_a_second_and_none_of_it_is_lost(live, make_user):
    """Issue 11: desk updates coalesced to 2 a second each."""
    talk = make_talk(make_user)
    arrived: list[tuple[float, dict]] = []

    async def listen():
        async with ear(live, talk.agent_token, path=PATH) as socket:
            await frame(socket, "access")
            sending = asyncio.ensure_future(in_thread(send_many))
            while not arrived or arrived[-1][1]["unread"] < 30:
                found = await desk(socket, lambda one: one["chats"])
                arrived.append((time.monotonic(), found["chats"][0]))
            await sending

    def send_many():
        for number in range(30):
            store_messages(talk, f"message {number}", rung=True)
            time.sleep(0.05)

    asyncio.run(listen())

    assert arrived[-1][1]["last"]["text"] == "message 29"
    assert arrived[-1][1]["unread"] == 30
    gaps = [b[0] - a[0] for a, b in zip(arrived, arrived[1:], strict=False)]
    assert len(arrived) <= (arrived[-1][0] - arrived[0][0]) / 0.5 + 2
    assert min(gaps, default=1) > 0.3


def test_what_waits_and_what_is_assigned_reaches_the_page(live, make_user):
    talk = make_talk(make_user)
    customer = make_user(first_name="Zoe")

    async def listen():
        async with ear(live, talk.agent_token, path=PATH) as socket:
            await frame(socket, "access")
            nobody = in_thread(nobody_is_available)
            await nobody
            chat = await in_thread(waiting_chat, customer)
            queued = await desk(socket, lambda one: any(n["kind"] == "chat.queued" for n in one["notices"]))
            await in_thread(chats.take_chat, actor=principal, chat_id=chat.pk)
            await desk(socket, lambda one: any(n["kind"] == "chat.assigned" for n in one["notices"]))
            await asyncio.sleep(0.3)
            await in_thread(chats.close_chat, actor=principal, chat_id=chat.pk)
            closed = await desk(socket, lambda one: any(c["state"] == "closed" for c in one["chats"]))
            return chat, queued, closed

    principal = principal_of(talk.agent)
    chat, queued, closed = asyncio.run(listen())

    assert any(n["payload"].get("customer") == "Zoe" for n in queued["notices"])
    assert str(chat.pk) in [one["chat_id"] for one in closed["chats"]]


def test_reading_in_another_tab_counts_here(live, make_user):
    talk = make_talk(make_user)

    async def listen():
        async with ear(live, talk.agent_token, path=PATH) as socket:
            await frame(socket, "access")
            await in_thread(store_messages, talk, "one", rung=True)
            first = await desk(socket, lambda one: one["chats"])
            async with ear(live, talk.agent_token, path=f"/ws/support/chat/{talk.id}/") as chat:
                await chat.socket.recv()
                await chat.send({"type": "read", "seq": first["chats"][0]["seq"]})
                return first, await desk(socket, lambda one: one["chats"])

    first, then = asyncio.run(listen())

    assert (first["chats"][0]["unread"], then["chats"][0]["unread"]) == (1, 0)


def test_a_withdrawn_role_is_told_at_once_and_its_desk_goes_silent(live, make_user):
    agent = make_user("SUPPORT_AGENT", "AUDITOR")

    async def listen():
        async with ear(live, token, path=PATH) as socket:
            before = (await frame(socket, "access"))["places"]
            await in_thread(roles.withdraw_role, user=agent, name="SUPPORT_AGENT", withdrawn_by=None)
            after = (await frame(socket, "access"))["places"]
            await in_thread(roles.withdraw_role, user=agent, name="AUDITOR", withdrawn_by=None)
            return before, after, await socket.closed()

    token = token_of(agent)
    assert asyncio.run(listen()) == (
        ["inbox", "fraud", "lending", "banking", "audit", "team"],
        ["fraud", "lending", "banking", "audit"],
        4006,
    )


def test_it_comes_back_with_exactly_what_it_missed(live, make_user):
    agent = make_user("SUPPORT_AGENT")

    async def come(query=""):
        async with ear(live, token, path=PATH, query=query) as socket:
            found = await socket.array()
            await frame(socket, "access")
            await socket.send({"type": "ping"})
            return found, (await frame(socket, "pong"))["heads"]["desk.support"]

    token = token_of(agent)
    _, head = asyncio.run(come())
    nobody_is_available()
    chat = waiting_chat(make_user())
    missed, _ = asyncio.run(come(f"after=desk.support:{head}"))

    mine = [notice for notice in missed if notice["topic"] == "desk.support"]
    assert [(notice["kind"], notice["payload"]["chat_id"]) for notice in mine] == [("chat.queued", str(chat.pk))]
