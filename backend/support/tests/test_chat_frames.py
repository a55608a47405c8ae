"""Frames that clients send: what is taken, what is refused, and that a refusal ends nothing and stores nothing."""

import asyncio
import json

import pytest

from backend.support.models import ReadPosition
from backend.support.tests.factories import head_of, texts_in
from backend.support.tests.wire import wire

pytestmark = pytest.mark.server

BAD_FRAMES = [
    ("no JSON", "hello", "not_json"),
    ("half of it", '{"message": "x"', "not_json"),
    ("nothing", "", "not_json"),
    ("blanks", "  \n ", "not_json"),
    ("two objects", '{"message":"a"}{"message":"b"}', "not_json"),
    ("NaN", '{"message": NaN}', "not_json"),
    ("very deep", "[" * 20_000 + "]" * 20_000, "not_json"),
    ("lone surrogate", '{"message": "\\ud800"}', "not_json"),
    ("array", '[{"message": "x"}]', "not_an_object"),
    ("null", "null", "not_an_object"),
    ("number", "12", "not_an_object"),
    ("text", '"message"', "not_an_object"),
    ("true", "true", "not_an_object"),
    ("binary", b'{"message": "x"}', "binary"),
    ("binary that is no text", b"\xff\x00\xfe", "binary"),
    ("empty object", {}, "invalid_message"),
    ("no message", {"type": "message"}, "invalid_message"),
    ("message null", {"message": None}, "invalid_message"),
    ("message a number", {"message": 5}, "invalid_message"),
    ("message true", {"message": True}, "invalid_message"),
    ("message a list", {"message": ["x"]}, "invalid_message"),
    ("message an object", {"message": {"text": "x"}}, "invalid_message"),
    ("message empty", {"message": ""}, "invalid_message"),
    ("message only blanks", {"message": " \t\n\u2003"}, "invalid_message"),
    ("message one too long", {"message": "x" * 4001}, "invalid_message"),
    ("message with NUL", {"message": "a\x00b"}, "invalid_message"),
    ("client_id empty", {"message": "x", "client_id": ""}, "invalid_message"),
    ("client_id one too long", {"message": "x", "client_id": "c" * 65}, "invalid_message"),
    ("client_id a number", {"message": "x", "client_id": 7}, "invalid_message"),
    ("client_id a list", {"message": "x", "client_id": []}, "invalid_message"),
    ("client_id false", {"message": "x", "client_id": False}, "invalid_message"),
    ("client_id with NUL", {"message": "x", "client_id": "\x00"}, "invalid_message"),
    ("type unknown", {"type": "shout", "message": "x"}, "unknown_type"),
    ("type of ours", {"type": "ack", "message": "x"}, "unknown_type"),
    ("type of a method", {"type": "on_ping"}, "unknown_type"),
    ("type null", {"type": None, "message": "x"}, "unknown_type"),
    ("type a number", {"type": 1}, "unknown_type"),
    ("type a list", {"type": ["ping"]}, "unknown_type"),
    ("type an object", {"type": {}}, "unknown_type"),
    ("resume nowhere", {"type": "resume"}, "invalid_after"),
    ("resume null", {"type": "resume", "after": None}, "invalid_after"),
    ("resume negative", {"type": "resume", "after": -1}, "invalid_after"),
    ("resume beyond all", {"type": "resume", "after": 2**62}, "invalid_after"),
    ("resume beyond 64 bits", '{"type": "resume", "after": 99999999999999999999999}', "invalid_after"),
    ("resume words", {"type": "resume", "after": "x"}, "invalid_after"),
    ("resume true", {"type": "resume", "after": True}, "invalid_after"),
    ("resume a fraction", {"type": "resume", "after": 1.5}, "invalid_after"),
    ("resume a whole float", {"type": "resume", "after": 1.0}, "invalid_after"),
    ("resume infinite", '{"type": "resume", "after": 1e999}', "not_json"),
    ("read nothing", {"type": "read"}, "invalid_seq"),
    ("read negative", {"type": "read", "seq": -1}, "invalid_seq"),
    ("read beyond all", {"type": "read", "seq": 2**62}, "invalid_seq"),
    ("read text", {"type": "read", "seq": "1"}, "invalid_seq"),
    ("read true", {"type": "read", "seq": True}, "invalid_seq"),
    ("read a fraction", {"type": "read", "seq": 1.5}, "invalid_seq"),
]


@pytest.mark.parametrize("chunk", [BAD_FRAMES[:20], BAD_FRAMES[20:40], BAD_FRAMES[40:]], ids=["1", "2", "3"])
def test_a_bad_frame_gets_an_error_stores_nothing_and_the_socket_lives(live, talk, chunk):
    """E-S1-17, BUG-S1-33."""

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana, wire(live, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            answers = [(case, await ana.ask(frame)) for case, frame, _ in chunk]
            await ana.say("still here")
            return answers, await ana.get("message"), await ben.get("message"), ben.seen

    answers, mine, theirs, seen = asyncio.run(play())
    assert [(case, answer["type"], answer["code"]) for case, answer in answers] == [
        (case, "error", code) for case, _, code in chunk
    ]
    assert (mine["seq"], mine["message"]) == (3, "still here")
    assert theirs == mine
    assert {frame["type"] for frame in seen[1:]} <= {"message", "presence"}
    assert texts_in(talk.topic) == ["still here"]
    assert ReadPosition.objects.filter(chat=talk.chat).count() == 0


def test_an_error_names_the_client_id_of_the_message_it_refuses(live, talk):
    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana:
            await ana.array()
            named = await ana.ask({"message": " ", "client_id": "mine"})
            return named, await ana.ask({"message": "x", "client_id": "c" * 65})

    named, unnamed = asyncio.run(play())
    assert named["client_id"] == "mine"
    assert "client_id" not in unnamed
    assert head_of(talk.topic) == 2


@pytest.mark.parametrize(
    ("_case", "text"),
    [
        ("one character", "x"),
        ("4,000 characters", "x" * 4000),
        ("4,000 characters of four bytes", "\U0001f389" * 4000),
        (
            "what databases, browsers and frames dislike",
            "'; DROP TABLE -- <script> \u2028\u2029 \ufffe \x01 \\u0000 %s",
        ),
        ("space around it stays", "  x  "),
    ],
)
def test_every_text_of_up_to_4000_characters_arrives_as_it_was_sent(live, talk, _case, text):
    """K-49."""

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana, wire(live, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            await ana.say(text, client_id="c" * 64)
            return await ana.get("message"), await ben.get("message")

    mine, theirs = asyncio.run(play())
    assert mine["message"] == theirs["message"] == text
    assert mine["client_id"] == "c" * 64
    assert texts_in(talk.topic) == [text]


def test_over_fifty_bad_frames_a_minute_end_the_socket(live, talk):
    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana, wire(live, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            for _ in range(60):
                await ana.send("bad")
            code = await ana.closed()
            await ben.say("unharmed")
            return code, ana.seen, await ben.get("message")

    code, seen, message = asyncio.run(play())
    assert code == 4008
    assert [frame["code"] for frame in seen[1:] if frame["type"] == "error"] == ["not_json"] * 51
    assert message["message"] == "unharmed"


def test_fifty_bad_frames_are_borne(live, talk):
    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana:
            await ana.array()
            for _ in range(50):
                await ana.send("bad")
                await ana.get("error")
            await ana.say("good")
            return await ana.get("message")

    assert asyncio.run(play())["message"] == "good"


def test_a_frame_of_64_kib_is_read_and_a_larger_one_ends_that_socket_alone(live, talk):
    largest, too_large = ('{"message": "x"%s}' % (" " * (size - 16)) for size in (65_536, 65_537))

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana, wire(live, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            await ana.send(largest)
            await ben.get("message")
            await ana.send(too_large)
            code = await ana.closed()
            await ben.say("unharmed")
            return len(largest), code, await ben.get("message")

    size, code, message = asyncio.run(play())
    assert (size, code, message["message"]) == (65_536, 1009, "unharmed")
    assert texts_in(talk.topic) == ["x", "unharmed"]


def test_a_message_in_many_small_pieces_is_one_message(live, talk):
    async def pieces():
        for character in json.dumps({"message": "in pieces"}):
            yield character

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana:
            await ana.array()
            await ana.socket.send(pieces())
            return await ana.get("message")

    assert asyncio.run(play())["message"] == "in pieces"


def test_pong_tells_the_newest_event(live, talk):
    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana:
            await ana.array()
            before = await ana.ask({"type": "ping"})
            await ana.say("x")
            await ana.get("message")
            return before, await ana.ask({"type": "ping", "more": "is ignored"})

    assert asyncio.run(play()) == ({"type": "pong", "head": 2}, {"type": "pong", "head": 3})


def test_the_shape_of_the_s1_app_is_enough(live, talk):
    """S1-B23, S1-B24: `{"message": …}` in; the sender gets it too, with user, message and timestamp."""

    async def play():
        async with wire(live, talk.id, talk.customer_token, path="/api/ws/support/chat/{}/") as ana:
            await ana.array()
            await ana.send({"message": "hello"})
            return await ana.get("message")

    message = asyncio.run(play())
    assert (message["user"], message["message"]) == ("Ana", "hello")
    assert message["timestamp"].endswith("Z")
