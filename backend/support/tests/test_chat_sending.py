"""Saying things: once each, in order, however often, fast or slowly they are sent or read."""

import asyncio
import json
import socket as sockets

import pytest

from backend.support.tests.factories import head_of, make_talk, store_messages, texts_in
from backend.support.tests.wire import read_until, wire

pytestmark = pytest.mark.server

LONG = "%d " + "\U0001f389" * 3990  # 16 KB


def test_a_repeat_is_acknowledged_to_its_socket_alone_and_not_said_again(live, talk):
    async def play():
        async with (
            wire(live, talk.id, talk.customer_token) as ana,
            wire(live, talk.id, talk.customer_token) as tablet,
            wire(live, talk.id, talk.agent_token) as ben,
        ):
            for member in (ana, tablet, ben):
                await member.array()
            await ana.say("hi", client_id="c")
            first = await ana.get("message")
            again = await ana.ask({"message": "hi", "client_id": "c"})
            elsewhere = await tablet.messages(1), await tablet.ask({"message": "hi", "client_id": "c"})
            await ana.say("next")
            return first, again, elsewhere, await ana.messages(1), await ben.messages(2), await tablet.messages(1)

    first, again, (heard, from_tablet), after, theirs, last = asyncio.run(play())
    assert (first["seq"], first["client_id"]) == (3, "c")
    assert again == from_tablet == {"type": "ack", "client_id": "c", "seq": 3, "duplicate": True}
    assert heard == [first]
    assert [event["message"] for event in theirs] == ["hi", "next"]
    assert after == last == theirs[1:]
    assert texts_in(talk.topic) == ["hi", "next"]
    assert head_of(talk.topic) == 4


def test_the_same_client_id_with_another_text_is_a_conflict_and_stores_nothing(live, talk):
    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana, wire(live, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            await ana.say("hi", client_id="c")
            await ana.get("message")
            error = await ana.ask({"message": "bye", "client_id": "c"})
            await ana.say("next")
            return error, await ben.messages(2)

    error, theirs = asyncio.run(play())
    assert (error["type"], error["code"], error["client_id"]) == ("error", "client_id_conflict", "c")
    assert [event["message"] for event in theirs] == ["hi", "next"]
    assert texts_in(talk.topic) == ["hi", "next"]


def test_members_do_not_share_client_ids(live, talk):
    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana, wire(live, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            await ana.say("mine", client_id="c")
            await ben.messages(1)
            await ben.say("my own", client_id="c")
            return await ana.messages(2)

    assert [(event["role"], event["message"]) for event in asyncio.run(play())] == [
        ("customer", "mine"),
        ("agent", "my own"),
    ]


def test_a_message_sent_many_times_without_waiting_is_stored_once(live, talk):
    """Repeats that meet in one batch, and on two sockets."""

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana, wire(live, talk.id, talk.customer_token) as tablet:
            await ana.array()
            await tablet.array()
            for n in range(30):
                for device in (ana, tablet):
                    await device.say(f"m{n}", client_id=f"c{n}")
                    await device.say(f"m{n}", client_id=f"c{n}")
            await read_until(lambda: _answers(ana, tablet) == (90, 30, 30), ana, tablet)
            return await ana.settle(), await tablet.settle(), ana.of("message"), tablet.of("message")

    *more, on_phone, on_tablet = asyncio.run(play())
    assert more == [[], []]
    assert on_phone == on_tablet
    assert [event["seq"] for event in on_phone] == list(range(3, 33))
    assert sorted(texts_in(talk.topic)) == sorted(f"m{n}" for n in range(30))
    assert head_of(talk.topic) == 32


def _answers(first, second):
    acks = len(first.of("ack")) + len(second.of("ack"))
    return acks, len(first.of("message")), len(second.of("message"))


def test_a_burst_of_300_is_stored_whole_and_in_order(live, talk):
    texts = [f"m{n}" for n in range(300)]

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana, wire(live, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            for text in texts:
                await ana.say(text)
            return await ana.messages(300), await ben.messages(300)

    mine, theirs = asyncio.run(play())
    assert [event["message"] for event in mine] == texts
    assert [event["seq"] for event in mine] == list(range(3, 303))
    assert theirs == mine
    assert texts_in(talk.topic) == texts


def test_who_sends_faster_than_allowed_waits_and_loses_nothing(live, talk):
    """Beyond the burst reading pauses: TCP holds the sender back, and others are not held up."""
    texts = [f"m{n}" for n in range(380)]

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana, wire(live, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            for text in texts:
                await ana.say(text)
            await ben.say("meanwhile")
            return await ana.messages(381), await ben.messages(381)

    mine, theirs = asyncio.run(play())
    heard = [event["message"] for event in mine]
    assert theirs == mine
    assert [text for text in heard if text != "meanwhile"] == texts
    assert heard.index("meanwhile") < 380
    assert len(texts_in(talk.topic)) == 381


def test_many_senders_in_many_chats_share_batches_and_each_chat_keeps_its_order(live, make_user):
    talks = [make_talk(make_user) for _ in range(6)]

    async def converse(talk):
        async with wire(live, talk.id, talk.customer_token) as ana, wire(live, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            for n in range(40):
                await ana.say(f"a{n}")
                await ben.say(f"b{n}")
            return await ana.messages(80), await ben.messages(80)

    async def play():
        return await asyncio.gather(*(converse(talk) for talk in talks))

    for talk, (mine, theirs) in zip(talks, asyncio.run(play()), strict=True):
        assert mine == theirs
        assert [event["seq"] for event in mine] == list(range(3, 83))
        said = [event["message"] for event in mine]
        assert [text for text in said if text[0] == "a"] == [f"a{n}" for n in range(40)]
        assert [text for text in said if text[0] == "b"] == [f"b{n}" for n in range(40)]
        assert texts_in(talk.topic) == said


def test_two_devices_of_one_person_see_the_same(live, talk):
    async def play():
        async with (
            wire(live, talk.id, talk.customer_token) as phone,
            wire(live, talk.id, talk.customer_token) as tablet,
        ):
            await phone.array()
            await tablet.array()
            await phone.say("from the phone")
            await tablet.messages(1)
            await tablet.say("from the tablet")
            return await phone.messages(2), tablet.seen[-1], await tablet.messages(1)

    on_phone, first, second = asyncio.run(play())
    assert [first, *second] == on_phone
    assert [(event["user_id"], event["message"]) for event in on_phone] == [
        (talk.customer.pk, "from the phone"),
        (talk.customer.pk, "from the tablet"),
    ]


def test_a_reader_that_takes_nothing_is_closed_and_resumes_without_loss(live, talk):
    """Over 1 MB unread the socket closes; others are not held up, and `?after=` gives the rest."""
    texts = [LONG % n for n in range(450)]

    async def play():
        slow = sockets.socket()
        slow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        slow.setblocking(False)
        await asyncio.get_running_loop().sock_connect(slow, ("127.0.0.1", live.port))
        async with (
            wire(live, talk.id, talk.customer_token, sock=slow, max_queue=1) as ana,
            wire(live, talk.id, talk.agent_token) as ben,
        ):
            await ana.array()
            await ben.array()
            for start in range(0, 450, 30):
                await asyncio.to_thread(store_messages, talk, *texts[start : start + 30], rung=True)
                await ben.messages(30)
            code = await ana.closed()
        cursor = max([event["seq"] for event in ana.of("message")], default=2)
        async with wire(live, talk.id, talk.customer_token, after=cursor) as ana_again:
            rest = []
            while len(rest) < 452 - cursor:
                rest += await ana_again.array()
            return ben.of("message"), code, ana.of("message"), rest

    theirs, code, before, rest = asyncio.run(play())
    assert code in (4013, 1006)  # A reader that is stuck for long sees a reset instead of the code.
    assert before + rest == theirs
    assert [event["message"] for event in theirs] == texts
    assert 0 < len(rest) <= 450  # All of them, when the reset threw away what lay unread in the socket.


def test_pages_of_the_longest_messages_arrive_on_one_connection(live, talk):
    """What is missed must come through however large it is: else one would be cut as too slow at every return."""
    texts = [LONG % n for n in range(600)]
    for start in range(0, 600, 100):
        store_messages(talk, *texts[start : start + 100])

    async def play():
        async with wire(live, talk.id, talk.customer_token, after=2) as ana:
            missed = []
            while len(missed) < 600:
                missed += await ana.array()
            await ana.say("and on")
            return missed, await ana.get("message")

    missed, live_one = asyncio.run(play())
    assert [event["message"] for event in missed] == texts
    assert [event["seq"] for event in missed] == list(range(3, 603))
    assert live_one["seq"] == 603


def test_a_client_that_leaves_in_the_middle_of_everything_harms_nobody(live, talk):
    async def play():
        async with wire(live, talk.id, talk.agent_token) as ben:
            await ben.array()
            for n in range(10):
                async with wire(live, talk.id, talk.customer_token, after=0) as ana:
                    await ana.socket.send(json.dumps({"message": f"m{n}", "client_id": f"c{n}"}))
                    await ana.socket.send(json.dumps({"type": "typing"}))
                    ana.socket.transport.abort()
            async with wire(live, talk.id, talk.customer_token) as ana:
                await ana.array()
                await ana.say("last")
                while (await ana.next()).get("message") != "last":
                    pass
            heard = []
            while not heard or heard[-1] != "last":
                heard.append((await ben.get("message"))["message"])
            return heard

    heard = asyncio.run(play())
    assert texts_in(talk.topic) == heard
    assert len(set(heard)) == len(heard)
