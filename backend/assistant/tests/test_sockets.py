"""The assistant on sockets: an agent's page, and `/ws/support/chatbot/` (S1-R36, BUG-S1-38)."""

import asyncio
import secrets
import uuid
from dataclasses import replace

import pytest

from backend.assistant.consumers import chatbot_socket
from backend.assistant.services import answers
from backend.assistant.tests import model_server as servers
from backend.assistant.tests.factories import outcomes, spent, trail, write_article
from backend.assistant.tests.model_server import answering, data_of
from backend.assistant.tests.plain import page_socket, play
from backend.identity.principals import principal_of
from backend.realtime.models import Event
from backend.support.consumers import chat_socket
from backend.support.models import Chat
from backend.support.services import members
from backend.support.tests.factories import make_talk, say, token_of, waiting_chat
from backend.tests.frames import check_chatbot_frame, check_console_frame, check_frame

LOST = "I lost my card 4111 1111 1111 1111. How do I block the card?"


@pytest.fixture
def talk(committed, make_user):
    talk = make_talk(make_user)
    write_article(make_user)
    say(talk.id, talk.customer, LOST)
    return talk


def ask(talk, task="suggestion", name="q1", **changes):
    return {"type": "assist", "id": name, "chat_id": str(talk.id), "task": task, **changes}


async def page_of(seat, talk):
    page = seat(page_socket, talk.agent_token, check_console_frame)
    await page.opened()
    return page


# An agent's page


def test_a_suggestion_streams_to_the_page_that_asked_and_to_no_other(talk, model_server):
    model_server.does = answering("I block [[CARD_1]] now, as our help says [1].", size=2, every_s=0.01)

    async def scene(seat):
        page, other = await page_of(seat, talk), await page_of(seat, talk)
        page.send(ask(talk))
        parts = []
        while (frame := await page.get("assist"))["state"] == "part":
            parts.append(frame["text"])
        other.send({"type": "ping"})
        await asyncio.sleep(0.1)
        return parts, frame, [frame for frame in iter_now(other) if "assist" in str(frame)]

    parts, done, others = play(scene)
    assert done["text"] == "I block 4111 1111 1111 1111 now, as our help says."
    assert "".join(parts) == done["text"][: len("".join(parts))]
    assert len(parts) > 2
    assert not any("[[" in part for part in parts)
    assert (done["knows"], [source["title"] for source in done["sources"]]) == (True, ["Block a lost or stolen card"])
    assert others == []
    assert spent(talk.agent) == 120
    assert outcomes() == [("suggestion", "answered", 1)]
    assert Event.objects.filter(payload__message__contains="our help says").count() == 0  # Nothing was sent.


def iter_now(seat):
    while not seat.outgoing.empty():
        yield seat.outgoing.get_nowait()


@pytest.mark.parametrize(
    ("does", "code"),
    [
        (servers.status(500), "assistant.away"),
        (servers.garbage, "assistant.rubbish"),
        (servers.half, "assistant.broke_off"),
        (servers.refusing, "assistant.refused"),
        (servers.falls_silent, "assistant.slow"),
    ],
)
def test_a_server_that_fails_is_said_and_the_chat_goes_on_meanwhile(talk, model_server, chosen, does, code):
    chosen(first_token_s=0.5)
    model_server.does = does

    async def scene(seat):
        page = await page_of(seat, talk)
        chat = seat(chat_socket, talk.customer_token, check_frame, chat_id=talk.id)
        await chat.opened()
        page.send(ask(talk, "summary"))
        chat.send({"message": "Are you there?"})
        said = await chat.get("message")  # Before the model's server has said a word.
        while (frame := await page.get("assist"))["state"] == "part":
            continue
        return said, frame

    said, failed = play(scene)
    assert said["message"] == "Are you there?"
    assert (failed["state"], failed["code"]) == ("failed", code)
    assert len(outcomes()) == 1


def test_what_is_stopped_or_left_ends_at_the_server_and_is_settled(talk, model_server):
    model_server.does = servers.drips

    async def scene(seat):
        page = await page_of(seat, talk)
        page.send(ask(talk, name="first"))
        await page.get("assist", state="part")
        page.send({"type": "assist_stop", "id": "first"})
        stopped = await page.get("assist", state="stopped")
        page.send(ask(talk, "summary", name="second"))
        await page.get("assist", state="part", id="second")
        await page.leave()
        await asyncio.sleep(0.2)
        return stopped

    assert play(scene)["id"] == "first"
    assert outcomes() == [("suggestion", "cancelled", 1), ("summary", "cancelled", 1)]
    assert len(trail("assistant.ended")) == 2


def test_frames_that_ask_for_nothing_get_an_error_and_reach_no_server(talk, model_server, chosen, make_user):
    stranger = token_of(make_user("SUPPORT_AGENT"))

    async def scene(seat):
        page, foreign = await page_of(seat, talk), seat(page_socket, stranger, check_console_frame)
        await foreign.opened()
        page.send(ask(talk, task="transfer"), ask(talk, chat_id=7), ask(talk, name=""), ask(talk, chat_id="x"))
        bad = [(await page.get("error"))["code"] for _ in range(4)]
        page.send(ask(talk, chat_id=str(uuid.uuid4())))
        unknown = await page.get("assist")
        foreign.send(ask(talk))
        other = await foreign.get("assist")
        chosen(key="")
        page.send(ask(talk, name="off"))
        return bad, unknown, other, await page.get("assist")

    bad, unknown, other, off = play(scene)
    assert bad == ["invalid_assist"] * 4
    assert unknown["code"] == other["code"] == "chat.unknown"
    assert (off["code"], off["detail"]) == (
        "assistant.off",
        "The assistant is not set up here: OPENAI_KEY is not set.",
    )
    assert model_server.received == []


def test_one_person_has_few_answers_at_once_and_a_limit_a_minute(talk, model_server, settings, make_user):
    model_server.does = servers.drips
    agent = make_user("SUPPORT_AGENT", id=10**6 + secrets.randbelow(10**9))
    members.add_member(actor=principal_of(talk.agent), chat_id=talk.id, user_id=agent.pk)
    talk = replace(talk, agent=agent, agent_token=token_of(agent))
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "assistant": (4, 60)}

    async def scene(seat):
        page = await page_of(seat, talk)
        for name in ("a", "b", "c"):
            page.send(ask(talk, name=name))
        busy = await page.get("assist", state="failed")
        for name in {"a", "b", "c"} - {busy["id"]}:  # Which one comes too late is a matter of threads.
            page.send({"type": "assist_stop", "id": name})
            await page.get("assist", state="stopped", id=name)
        codes = []
        for number in range(6):
            page.send(ask(talk, name=f"more-{number}"))
            while (frame := await page.get("assist", id=f"more-{number}"))["state"] == "part":
                page.send({"type": "assist_stop", "id": f"more-{number}"})
            codes.append(frame.get("code"))
        return busy["code"], codes

    busy, codes = play(scene)
    assert busy == "assistant.busy"
    assert codes[-1] == "throttled"
    assert len(model_server.received) <= 4


# The chatbot


async def chatbot(seat, token):
    bot = seat(chatbot_socket, token, check_chatbot_frame)
    assert await bot.opened() == []
    return bot


def test_the_chatbot_answers_from_help_articles_and_remembers_within_the_connection(talk, model_server, make_user):
    ana = token_of(make_user())

    async def scene(seat):
        bot = await chatbot(seat, ana)
        bot.send({"message": "My mail is ana@example.com. How do I block my card?", "client_id": "c1"})
        thinking, answer = await bot.get("thinking"), await bot.get("answer")
        bot.send({"message": "And is a card free?"})
        await bot.get("answer")
        return thinking, answer

    thinking, answer = play(scene)
    assert thinking["client_id"] == answer["client_id"] == "c1"
    assert (answer["automatic"], answer["offers_person"], answer["knows"]) == (True, True, True)
    assert answer["message"].endswith("[1]")
    second = data_of(model_server.received[1])
    assert [line["from"] for line in second["conversation"]] == ["customer", "assistant", "customer"]
    assert "ana@example.com" not in model_server.text_received
    assert LOST not in model_server.text_received
    assert not Event.objects.filter(payload__message__contains="is a card free").exists()


def test_it_says_that_it_does_not_know_and_passes_on_to_a_person(talk, model_server, make_user):
    ana = make_user()
    token = token_of(ana)

    async def scene(seat):
        bot = await chatbot(seat, token)
        bot.send({"message": "What of pensions?"})
        answer = await bot.get("answer")
        bot.send({"type": "person"})
        first = await bot.get("handover")
        bot.send({"type": "person"})
        return answer, first, await bot.get("handover")

    answer, first, second = play(scene)
    assert answer["message"] == f"{answers.DO_NOT_KNOW} {answers.OFFER}"
    assert (answer["knows"], answer["sources"]) == (False, [])
    assert first == second
    assert (first["queue_position"], first["waiting_estimate_s"]) == (1, None)
    assert Chat.objects.get(pk=first["chat_id"]).customer_id == ana.pk


def test_two_people_share_nothing(talk, model_server, make_user):
    """BUG-S1-38: it was one global room."""
    tokens = [token_of(make_user()) for _ in range(2)]

    async def scene(seat):
        ana, bob = [await chatbot(seat, token) for token in tokens]
        ana.send({"message": "My card secret is the blue elephant. How do I block a card?"})
        await ana.get("answer")
        bob.send({"message": "What did the other one say about a card?"})
        await bob.get("answer")
        return list(iter_now(bob))

    assert play(scene) == []
    assert "elephant" not in str(model_server.received[1])


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"message": ""}, "invalid_message"),
        ({"message": "x" * 4001}, "invalid_message"),
        ({"message": 7}, "invalid_message"),
        ({"message": "Hi", "client_id": "x" * 65}, "invalid_message"),
        ({"type": "message"}, "invalid_message"),
        ({"type": "transfer", "message": "1000"}, "unknown_type"),
        ([1], "not_an_object"),
    ],
)
def test_a_bad_frame_gets_an_error_and_the_socket_lives(committed, model_server, make_user, frame, code):
    token = token_of(make_user())

    async def scene(seat):
        bot = await chatbot(seat, token)
        bot.send(frame, {"type": "ping"})
        return (await bot.get("error"))["code"], await bot.get("pong")

    assert play(scene)[0] == code
    assert model_server.received == []


def test_only_who_is_signed_in_talks_to_it(committed, model_server):
    async def scene(seat):
        bot = seat(chatbot_socket, "nonsense", check_chatbot_frame)
        await bot.next()
        return await bot.next()

    assert play(scene)["code"] == 4001


def test_without_a_key_it_says_so_and_offers_nobody_less(committed, chosen, make_user):
    make_user("SUPPORT_AGENT")

    token = token_of(make_user())

    async def scene(seat):
        bot = await chatbot(seat, token)
        bot.send({"message": "Hello?"})
        error = await bot.get("error")
        bot.send({"type": "person"})
        return error, await bot.get("handover")

    error, handover = play(scene)
    assert error["code"] == "assistant.off"
    assert handover["chat_id"]


def test_a_question_can_be_stopped_and_one_at_a_time_is_asked(talk, model_server, make_user):
    model_server.does = servers.falls_silent

    token = token_of(make_user())

    async def scene(seat):
        bot = await chatbot(seat, token)
        bot.send({"message": "How do I block a card?"})
        await bot.get("thinking")
        bot.send({"message": "Faster, please: the card!"})
        busy = await bot.get("error")
        while not model_server.received:
            await asyncio.sleep(0.02)
        bot.send({"type": "stop"})
        await asyncio.sleep(0.2)
        model_server.does = answering("Tap Block card [1].")
        bot.send({"message": "How do I block a card?"})
        return busy, await bot.get("answer")

    busy, answer = play(scene)
    assert busy["code"] == "assistant.busy"
    assert answer["knows"]
    assert outcomes() == [("chatbot", "answered", 1), ("chatbot", "cancelled", 1)]


# The queue


def test_who_waits_hears_their_place_and_when_it_changes(committed, make_user):
    agent = make_user("SUPPORT_AGENT")
    first, second = make_user(), make_user()
    ahead, chat = waiting_chat(first), waiting_chat(second)
    waiting, taking = token_of(second), token_of(agent)

    async def scene(seat):
        mine = seat(chat_socket, waiting, check_frame, chat_id=chat.pk)
        await mine.opened()
        before = await mine.get("queue")
        theirs = seat(chat_socket, taking, check_frame, chat_id=ahead.pk)
        await theirs.opened()
        return before, await mine.get("queue")

    before, after = play(scene)
    assert (before["position"], before["estimate_s"]) == (2, None)
    assert after["position"] == 1
