"""Who is here, who types, who has read what: told to the others, and only the read position is stored."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from backend.realtime.presence import LEAVE_GRACE_S
from backend.support.models import ReadPosition
from backend.support.tests.factories import head_of, make_talk, store_messages, token_of
from backend.support.tests.wire import wire
from bench.client import call

pytestmark = pytest.mark.server


def _of(frame, *names):
    return tuple(frame[name] for name in names)


async def _both(live, talk, stack):
    """Connect both members, and wait until each knows of the other."""
    ana = await stack.enter_async_context(wire(live, talk.id, talk.customer_token))
    await ana.array()
    ben = await stack.enter_async_context(wire(live, talk.id, talk.agent_token))
    await ben.array()
    await _presence_of(ana, talk.agent)
    await _presence_of(ben, talk.customer)
    return ana, ben


async def _presence_of(member, person):
    while True:
        frame = await member.get("presence")
        if frame["user_id"] == person.pk:
            return _of(frame, "user", "state")


def _play(live, talk, scene):
    async def run():
        async with AsyncExitStack() as stack:
            return await scene(*await _both(live, talk, stack))

    return asyncio.run(run())


def test_members_learn_of_one_another_and_of_leaving(live, talk):
    async def scene():
        async with wire(live, talk.id, talk.customer_token) as ana:
            await ana.array()
            async with wire(live, talk.id, talk.agent_token) as ben:
                await ben.array()
                came = await _presence_of(ana, talk.agent)
                found = await _presence_of(ben, talk.customer)
            return came, found, await _presence_of(ana, talk.agent)

    assert asyncio.run(scene()) == (("Ben", "online"), ("Ana", "online"), ("Ben", "offline"))
    assert head_of(talk.topic) == 2


def test_typing_is_shown_to_the_others_and_ends_with_the_message(live, talk):
    async def scene(ana, ben):
        for _ in range(3):
            await ana.send({"type": "typing"})
        await ana.say("done")
        return await ben.next(), await ben.next(), await ben.next(), await ana.settle()

    started, stopped, message, mine = _play(live, talk, scene)
    assert started == {
        "type": "typing",
        "state": "started",
        "expires_in": 6.0,
        "user_id": talk.customer.pk,
        "user": "Ana",
    }
    assert _of(stopped, "type", "state", "user_id") == ("typing", "stopped", talk.customer.pk)
    assert message["message"] == "done"
    assert [frame for frame in mine if frame["type"] == "typing"] == []
    assert head_of(talk.topic) == 3


def test_typing_ends_when_the_typist_is_gone(live, talk):
    async def scene(ana, ben):
        await ana.send({"type": "typing"})
        started = await ben.get("typing")
        ana.socket.transport.abort()
        return started["state"], (await ben.get("typing"))["state"]

    assert _play(live, talk, scene) == ("started", "stopped")


def test_a_refused_message_does_not_end_typing(live, talk):
    async def scene(ana, ben):
        await ana.send({"type": "typing"})
        await ben.get("typing")
        await ana.ask({"message": " "})
        return await ben.settle()

    assert _play(live, talk, scene) == []


def test_a_read_position_is_stored_and_whispered_to_the_others(live, talk):
    store_messages(talk, "a", "b", "c")

    async def scene(ana, ben):
        heard = []
        for seq in (3, 4, 2, 2**61):
            await ben.send({"type": "read", "seq": seq})
            heard.append(await ana.get("read"))
        return heard, await ben.settle()

    heard, own = _play(live, talk, scene)
    assert [_of(frame, "seq", "user", "user_id") for frame in heard] == [
        (3, "Ben", talk.agent.pk),
        (4, "Ben", talk.agent.pk),
        (4, "Ben", talk.agent.pk),  # never backwards
        (5, "Ben", talk.agent.pk),  # never beyond what exists
    ]
    assert [frame for frame in own if frame["type"] == "read"] == []
    assert list(ReadPosition.objects.filter(chat=talk.chat).values_list("user_id", "seq")) == [(talk.agent.pk, 5)]
    assert head_of(talk.topic) == 5
    status, body = call(live.base_url, "GET", f"/api/chats/{talk.id}/", token=talk.customer_token)
    assert (status, body["read_positions"]) == (200, {str(talk.agent.pk): 5})


def test_nothing_is_whispered_into_another_chat(live, talk, make_user):
    other = make_talk(make_user)

    async def scene(ana, ben):
        async with wire(live, other.id, other.customer_token) as stranger:
            await stranger.array()
            await ana.send({"type": "typing"})
            await ana.send({"type": "read", "seq": 1})
            await ana.say("private")
            await ben.get("message")
            return await stranger.settle()

    assert [frame for frame in _play(live, talk, scene) if frame["user_id"] != other.customer.pk] == []


def test_a_person_with_two_devices_is_gone_when_both_are(live, talk):
    """One appears and disappears as a person, however many devices say so."""

    async def play():
        async with wire(live, talk.id, talk.agent_token) as ben:
            await ben.array()
            async with AsyncExitStack() as stack:
                phone = await stack.enter_async_context(wire(live, talk.id, talk.customer_token))
                await phone.array()
                came = await _presence_of(ben, talk.customer)
                async with wire(live, talk.id, talk.customer_token) as tablet:
                    await tablet.array()
                    await tablet.settle()
                await asyncio.sleep(LEAVE_GRACE_S + 1)
                meanwhile = await ben.settle()
            gone = await _presence_of(ben, talk.customer)
            return came, meanwhile, gone

    assert asyncio.run(play()) == (("Ana", "online"), [], ("Ana", "offline"))


def test_typing_ends_by_itself(live, talk):
    """Nothing depends on the typist saying that they stopped."""

    async def scene(ana, ben):
        await ana.send({"type": "typing"})
        started = await ben.get("typing")
        stopped = await ben.get("typing")
        return started["state"], stopped["state"], started["expires_in"]

    assert _play(live, talk, scene) == ("started", "stopped", 6.0)


def test_a_read_position_by_rest_counts_like_one_by_socket(live, talk, make_user):
    store_messages(talk, "a", "b")
    path = f"/api/chats/{talk.id}/read/"

    answers = [call(live.base_url, "POST", path, {"seq": seq}, talk.agent_token) for seq in (4, 3, 99)]
    strangers = call(live.base_url, "POST", path, {"seq": 1}, token_of(make_user()))

    assert [body for _, body in answers] == [{"seq": 4}] * 3
    assert strangers[0] == 404
    assert ReadPosition.objects.get(chat=talk.chat).seq == 4
