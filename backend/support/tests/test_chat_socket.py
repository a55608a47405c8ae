"""The chat's WebSocket against a real server process."""

import asyncio

import pytest

from backend.identity.principals import principal_of
from backend.support.services import chats
from bench.client import ChatClient, call

pytestmark = pytest.mark.server


def test_customer_and_agent_talk_and_both_see_the_same_events(live, make_user, token_of):
    customer, agent = make_user(first_name="Ana"), make_user("SUPPORT_AGENT", first_name="Ben")
    tokens = token_of(customer), token_of(agent)
    status, body = call(live.base_url, "POST", "/api/chats/get-or-create/", {}, tokens[0])
    assert status == 200

    async def talk():
        async with ChatClient(live.base_url, body["chat_id"], tokens[0]) as ana:
            async with ChatClient(live.base_url, body["chat_id"], tokens[1]) as ben:
                await ana.say("hello")
                last = await ben.say("good morning")
                await ana.until(lambda: ana.cursor == last)
                return ana.events, ben.events

    seen_by_ana, seen_by_ben = asyncio.run(talk())
    assert seen_by_ana == seen_by_ben
    assert [event["message"] for event in seen_by_ana] == [
        "Ana opened the chat.",
        "Ben joined the chat.",
        "hello",
        "good morning",
    ]


def test_a_client_that_is_told_to_stay_away_stays_away(live, talk):
    """A closed chat ends with 4010: coming back would only hear it again."""
    agent = principal_of(talk.agent)

    async def play():
        async with ChatClient(live.base_url, str(talk.id), talk.customer_token) as ana:
            await asyncio.to_thread(chats.close_chat, actor=agent, chat_id=talk.id)
            await ana.until(lambda: ana.close_code == 4010)
            with pytest.raises(ConnectionError, match="4010"):
                await ana.say("one more thing")
            return ana.connects

    assert asyncio.run(play()) == 1
