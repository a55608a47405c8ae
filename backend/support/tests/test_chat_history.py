"""What a socket gets on connecting, and on coming back: all of it, in order, or an explicit reset."""

import asyncio

import pytest

from backend.support.models import Chat
from backend.support.tests.factories import head_of, store_messages, texts_in
from backend.support.tests.wire import wire
from bench.client import call

pytestmark = pytest.mark.server


def _seqs(events):
    return [event["seq"] for event in events]


def test_the_first_frame_is_an_array_of_the_last_fifty_oldest_first(live, talk):
    """S1-B22, BUG-S1-36: history first, then what happens from there on."""
    store_messages(talk, *[f"m{n}" for n in range(60)])

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana:
            history = await ana.array()
            await ana.say("now")
            return history, await ana.get("message")

    history, now = asyncio.run(play())
    assert _seqs(history) == list(range(13, 63))
    assert [event["message"] for event in history] == [f"m{n}" for n in range(10, 60)]
    assert (now["seq"], now["message"]) == (63, "now")


def test_the_last_fifty_are_one_array_however_long_they_are(live, talk):
    store_messages(talk, *["\U0001f389" * 4000] * 60)

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana:
            history = await ana.array()
            return history, await ana.settle()

    history, more = asyncio.run(play())
    assert _seqs(history) == list(range(13, 63))
    assert [frame for frame in more if isinstance(frame, list)] == []


def test_a_chat_without_events_begins_with_an_empty_array(live, make_user, token_of):
    customer = make_user()
    chat, token = Chat.objects.create(customer=customer), token_of(customer)

    async def play():
        async with wire(live, chat.pk, token) as socket:
            history = await socket.array()
            return history, await socket.ask({"type": "ping"})

    assert asyncio.run(play()) == ([], {"type": "pong", "head": 0})


@pytest.mark.parametrize(("after", "expected"), [(0, [1, 2, 3, 4, 5]), (3, [4, 5]), (4, [5]), (5, [])])
def test_after_gives_exactly_what_was_missed(live, talk, after, expected):
    """E-S1-18: every stored message, those sent while away too."""
    store_messages(talk, "a", "b", "c")

    async def play():
        async with wire(live, talk.id, talk.customer_token, after=after) as ana:
            history = await ana.array()
            assert await ana.settle() in ([], ana.seen[1:-1])
            await ana.say("now")
            return history, await ana.get("message"), ana.seen

    history, now, seen = asyncio.run(play())
    assert _seqs(history) == expected
    assert now["seq"] == 6
    assert [frame for frame in seen if isinstance(frame, list)] == [history]


@pytest.mark.parametrize(
    ("_case", "stored", "sizes"),
    [
        ("two full pages and a bit", 1198, [500, 500, 200]),
        ("exactly one page", 498, [500]),
        ("one more", 499, [500, 1]),
    ],
)
def test_what_is_more_than_a_page_comes_in_several_arrays(live, talk, _case, stored, sizes):
    store_messages(talk, *[str(n) for n in range(stored)])

    async def play():
        async with wire(live, talk.id, talk.customer_token, after=0) as ana:
            pages = [await ana.array() for _ in sizes]
            await ana.say("now")
            return pages, await ana.get("message")

    pages, now = asyncio.run(play())
    assert [len(page) for page in pages] == sizes
    assert [event["seq"] for page in pages for event in page] == list(range(1, stored + 3))
    assert now["seq"] == stored + 3


def test_a_cursor_beyond_the_chat_is_reset_in_so_many_words(live, talk):
    store_messages(talk, *[f"m{n}" for n in range(60)])

    async def play():
        async with wire(live, talk.id, talk.customer_token, after=63) as ana:
            history, reset = await ana.array(), await ana.next()
            await ana.say("now")
            return history, reset, await ana.get("message")

    history, reset, now = asyncio.run(play())
    assert _seqs(history) == list(range(13, 63))
    assert reset == {"type": "reset", "head": 62}
    assert now["seq"] == 63


@pytest.mark.parametrize("after", ["-1", "1.5", "x", "", "9" * 30, "4611686018427387904", "true", "%00"])
def test_a_cursor_that_is_no_count_is_an_error_and_the_socket_lives(live, talk, after):
    """E-S1-17: without a usable cursor one gets what one gets without any."""

    async def play():
        async with wire(live, talk.id, talk.customer_token, after=after) as ana:
            history, error = await ana.array(), await ana.get("error")
            await ana.say("still here")
            return history, error, await ana.get("message")

    history, error, message = asyncio.run(play())
    assert _seqs(history) == [1, 2]
    assert error["code"] == "invalid_after"
    assert message["seq"] == 3


def test_resume_sends_everything_after_again_and_goes_on_live(live, talk):
    store_messages(talk, "a", "b", "c")

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana:
            await ana.array()
            await ana.settle()
            await ana.send({"type": "resume", "after": 3})
            again = await ana.array()
            await ana.send({"type": "resume", "after": 5})
            nothing = await ana.array()
            await ana.send({"type": "resume", "after": 77})
            all_of_it, reset = await ana.array(), await ana.next()
            await ana.say("now")
            return again, nothing, all_of_it, reset, await ana.get("message")

    again, nothing, all_of_it, reset, now = asyncio.run(play())
    assert (_seqs(again), _seqs(nothing), _seqs(all_of_it)) == ([4, 5], [], [1, 2, 3, 4, 5])
    assert reset == {"type": "reset", "head": 5}
    assert now["seq"] == 6


def test_live_history_and_rest_show_an_event_alike(live, talk):
    """BUG-S1-35: the same fields with the same values, so that copies can be told."""

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana, wire(live, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            await ana.say('ünï "quotes" \\ 🎉\n\t', client_id="c-1")
            mine, theirs = await ana.get("message"), await ben.get("message")
            await ben.say("plain")
            other = await ana.get("message")
        async with wire(live, talk.id, talk.agent_token, after=0) as ben:
            return mine, theirs, other, await ben.array()

    mine, theirs, other, history = asyncio.run(play())
    status, body = call(live.base_url, "GET", f"/api/chats/{talk.id}/messages/", token=talk.customer_token)
    assert mine == theirs == history[2]
    assert other == history[3]
    assert (status, body["results"]) == (200, history)
    assert len({event["id"] for event in history}) == 4
    assert {name: mine[name] for name in ("type", "seq", "client_id", "user", "user_id", "role", "message")} == {
        "type": "message",
        "seq": 3,
        "client_id": "c-1",
        "user": "Ana",
        "user_id": talk.customer.pk,
        "role": "customer",
        "message": 'ünï "quotes" \\ 🎉\n\t',
    }
    assert (other["role"], other["client_id"], other["attachments"]) == ("agent", None, [])
    assert [event["type"] for event in history] == ["chat", "chat", "message", "message"]


def test_what_was_said_while_one_was_away_is_there_on_return(live, talk):
    """E-S1-18, BUG-S1-34: nothing is cached that could be out of date."""

    async def play():
        async with wire(live, talk.id, talk.agent_token) as ben:
            await ben.array()
            async with wire(live, talk.id, talk.customer_token) as ana:
                await ana.array()
                await ana.say("before")
                await ben.messages(1)
            for text in ("away 1", "away 2"):
                await ben.say(text)
            await ben.messages(2)
            async with wire(live, talk.id, talk.customer_token) as ana:
                first = await ana.array()
            async with wire(live, talk.id, talk.customer_token, after=3) as ana:
                return first, await ana.array()

    first, missed = asyncio.run(play())
    assert [event["message"] for event in first[2:]] == ["before", "away 1", "away 2"]
    assert missed == first[3:]
    assert texts_in(talk.topic) == ["before", "away 1", "away 2"]
    assert head_of(talk.topic) == 5


def test_events_that_nobody_rang_reach_an_open_socket(live, talk):
    """Design 4: even a lost last ring heals, by comparing heads."""

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana:
            await ana.array()
            await asyncio.to_thread(store_messages, talk, "unrung 1", "unrung 2")
            return await ana.messages(2)

    assert [(event["seq"], event["message"]) for event in asyncio.run(play())] == [(3, "unrung 1"), (4, "unrung 2")]
