"""Several server processes on one database, with Valkey there, gone, and back (E-SYS-2)."""

import asyncio
import json
import os
import signal
import urllib.request

import pytest
from websockets.exceptions import ConnectionClosed

from backend.banking.models import Transfer
from backend.banking.tests.factories import make_bank
from backend.banking.tests.people_factories import account_of, body_for
from backend.identity.services import sessions
from backend.identity.tests.notifying import ear
from backend.support.tests.factories import make_available, make_talk, texts_in, token_of
from backend.support.tests.outages import check, conversation, server_on
from backend.support.tests.wire import close_code_of, read_until, wire
from backend.tests.test_journey_kyc import heard
from bench.client import call, sign_in

pytestmark = pytest.mark.server

FAST = {"DJANGO_SETTINGS_MODULE": "backend.support.tests.settings_fast"}


@pytest.fixture(scope="module")
def two(outage, tmp_path_factory):
    """Two server processes on one database and one Valkey."""
    folder = tmp_path_factory.mktemp("faults")
    with server_on(outage, folder, **FAST).running() as first, server_on(outage, folder, **FAST).running() as second:
        yield first, second


@pytest.fixture
def talk(two, make_user):
    return make_talk(make_user)


def _ready(server):
    with urllib.request.urlopen(server.base_url + "/readyz", timeout=30) as answer:
        return answer.status, json.loads(answer.read())["status"]


def test_members_on_different_processes_talk(two, talk):
    async def play():
        async with conversation(talk, *two) as talked:
            await talked.more(100)
        return talked

    check(asyncio.run(play()))


def test_everything_that_is_told_crosses_processes(two, talk):
    """Long messages, presence, typing, read positions, and the end of the chat."""
    long = "\U0001f389" * 4000

    async def play():
        async with wire(two[0], talk.id, talk.customer_token) as ana, wire(two[1], talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            told = {(await ana.get("presence"))["user"] for _ in range(2)}
            await ben.send({"type": "typing"})
            typing = await ana.get("typing")
            await ben.say(long)
            message = await ana.get("message")
            await ben.get("message")
            await ana.send({"type": "read", "seq": 3})
            read = await ben.get("read")
            close = f"/api/chats/{talk.id}/close/"
            await asyncio.to_thread(call, two[1].base_url, "POST", close, {}, talk.agent_token)
            return told, typing["state"], message["message"], read["seq"], await ana.closed(), await ben.closed()

    assert asyncio.run(play()) == ({"Ana", "Ben"}, "started", long, 3, 4010, 4010)


def test_a_session_ended_on_one_process_closes_its_socket_on_the_other(two, talk):
    async def play():
        async with wire(two[1], talk.id, talk.customer_token) as ana:
            await ana.array()
            await asyncio.to_thread(call, two[0].base_url, "POST", "/api/users/logout/", {}, talk.customer_token)
            return await ana.closed(), await close_code_of(two[1], talk.id, talk.customer_token)

    assert asyncio.run(play()) == (4001, 4001)


def test_a_message_sent_through_both_processes_at_once_is_stored_once(two, talk):
    async def play():
        async with (
            wire(two[0], talk.id, talk.customer_token) as here,
            wire(two[1], talk.id, talk.customer_token) as there,
        ):
            await here.array()
            await there.array()
            for n in range(50):
                await asyncio.gather(*(device.say(f"m{n}", client_id=f"c{n}") for device in (here, there)))
            await read_until(lambda: _answers(here, there) == (50, 50, 50), here, there)
            return await here.settle(), await there.settle(), here.of("message"), there.of("message")

    *more, on_one, on_other = asyncio.run(play())
    assert more == [[], []]
    assert on_one == on_other
    assert sorted(texts_in(talk.topic)) == sorted(f"m{n}" for n in range(50))


def _answers(first, second):
    acks = len(first.of("ack")) + len(second.of("ack"))
    return acks, len(first.of("message")), len(second.of("message"))


def test_a_thousand_messages_from_one_socket_arrive_at_the_other_process(two, talk):
    texts = [f"m{n}" for n in range(1000)]

    async def play():
        async with wire(two[0], talk.id, talk.customer_token) as ana, wire(two[1], talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()

            async def send():
                for text in texts:
                    await ana.say(text)

            _, mine, theirs = await asyncio.gather(send(), ana.messages(1000), ben.messages(1000))
            return mine, theirs

    mine, theirs = asyncio.run(play())
    assert mine == theirs
    assert [event["message"] for event in theirs] == texts
    assert texts_in(talk.topic) == texts


def test_without_valkey_talk_and_rest_go_on_and_with_it_everything_heals(two, talk, outage, make_user):
    """E-SYS-2: in one process nothing is noticed; across two, what was said meanwhile arrives once and in order."""
    another, customer = make_talk(make_user), make_user(first_name="Cleo")
    make_available(make_user("SUPPORT_AGENT"))

    async def play():
        async with conversation(talk, *two) as across:
            outage.stop_redis()
            async with conversation(another, two[0], two[0]) as together:
                await together.more(50)
            await across.more(50)
            without = await asyncio.to_thread(_rest_works, two[0], customer)
            away = await asyncio.to_thread(_ready, two[0])
            outage.start_redis()
            await across.more(50)
            await asyncio.to_thread(_until_ready, two[0])
        return across, together, without, away

    across, together, without, away = asyncio.run(play())
    check(across)
    check(together)
    assert without == (200, 200, 201, 200)
    assert away == (200, "degraded")


def test_a_valkey_that_hangs_holds_nobody_up_for_good(two, talk, outage):
    """It takes connections and answers nothing: every use of it gives up in time."""
    pid = int((outage.store / "valkey.pid").read_text())

    async def play():
        async with conversation(talk, *two) as talked:
            os.kill(pid, signal.SIGSTOP)
            try:
                await talked.more(30)
                listed, _ = await asyncio.to_thread(
                    call, two[0].base_url, "GET", f"/api/chats/{talk.id}/messages/", None, talk.customer_token
                )
                ready = await asyncio.to_thread(_ready, two[0])
            finally:
                os.kill(pid, signal.SIGCONT)
            await talked.more(30)
        return talked, listed, ready

    talked, listed, ready = asyncio.run(play())
    check(talked)
    assert (listed, ready) == (200, (200, "degraded"))


def _rest_works(server, customer):
    """Sign in, open a chat, say something, read a list: the status of each."""
    token = sign_in(server.base_url, customer.email, "correct horse battery staple")
    opened, body = call(server.base_url, "POST", "/api/chats/get-or-create/", {}, token)
    messages = f"/api/chats/{body['chat_id']}/messages/"
    said, _ = call(server.base_url, "POST", messages, {"message": "hello"}, token)
    read, page = call(server.base_url, "GET", messages, token=token)
    assert page["results"][-1]["message"] == "hello"
    return 200 if token else 0, opened, said, read


def _until_ready(server):
    for _ in range(300):
        if _ready(server) == (200, "ok"):
            return
    raise AssertionError("the server did not notice that Valkey came back")


def test_sessions_end_everywhere_also_without_valkey(two, talk, outage):
    """The durable topic of sessions heals like any other: by the head check instead of the ring."""
    token = token_of(talk.agent)

    async def play():
        async with wire(two[0], talk.id, token) as here, wire(two[1], talk.id, token) as there:
            await here.array()
            await there.array()
            outage.stop_redis()
            try:
                await asyncio.to_thread(sessions.end_all_sessions, user_id=talk.agent.pk, reason="sign_out")
                return await here.closed(), await there.closed()
            finally:
                outage.start_redis()

    assert asyncio.run(play()) == (4001, 4001)


def test_without_valkey_a_transfer_is_judged_by_the_database_and_held(two, outage, make_user):
    """Issue 09. The desk's notice waits in the database as well, and the desk hears of it by the head check."""
    bank = make_bank(step_up_from="20000.00")
    source = account_of(make_user(), bank=bank, balance="15000.00")
    target = account_of(make_user(), bank=bank)
    sender, auditor = token_of(source.customer.user), token_of(make_user("AUDITOR"))

    async def play():
        async with ear(two[1], auditor) as console:
            await console.array()
            outage.stop_redis()
            try:
                answers = [
                    await asyncio.to_thread(
                        call,
                        two[0].base_url,
                        "POST",
                        "/api/transfers/",
                        body_for(source, target, amount),
                        sender,
                        {"Idempotency-Key": amount},
                    )
                    for amount in ("40.00", "12000.00")
                ]
                return answers, await heard(console, "fraud.alert")
            finally:
                outage.start_redis()

    answers, notice = asyncio.run(play())
    assert [(status, body["state"]) for status, body in answers] == [(201, "posted"), (202, "held")]
    held = Transfer.objects.get(pk=answers[1][1]["id"])
    assert (held.assessment.is_held, notice["payload"]["is_held"]) == (True, True)
    assert Transfer.objects.get(pk=answers[0][1]["id"]).assessment.score < 50


def test_a_process_that_never_reached_valkey_refuses_sockets_until_it_does(talk, outage, tmp_path):
    """S1-B20: 4007. It would be deaf to the others. REST works, and it heals by itself."""
    outage.stop_redis()
    try:
        with server_on(outage, tmp_path).running() as server:
            ready = _ready(server)
            code = asyncio.run(close_code_of(server, talk.id, talk.customer_token))
            listed = call(server.base_url, "GET", f"/api/chats/{talk.id}/messages/", token=talk.customer_token)[0]
            outage.start_redis()
            events = asyncio.run(_opens_at_last(server, talk))
            _until_ready(server)
    finally:
        outage.start_redis()

    assert ready == (200, "degraded")
    assert (code, listed, events) == (4007, 200, 2)


async def _opens_at_last(server, talk):
    """Come back, as 4007 says one should, until the chat opens; return how many events there are."""
    while True:
        async with wire(server, talk.id, talk.customer_token) as ana:
            try:
                return len(await ana.array())
            except ConnectionClosed:
                assert ana.socket.close_code == 4007
