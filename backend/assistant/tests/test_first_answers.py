"""Who waits while nobody is available gets one answer, marked as automatic, that can be stopped until it is said."""

import asyncio
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections, transaction

from backend.assistant.models import AnswerPreference, AutomaticAnswer
from backend.assistant.process import assistant_of
from backend.assistant.services import answers, first_answers
from backend.assistant.services.answers import Answer, Source
from backend.assistant.tests import model_server as servers
from backend.assistant.tests.factories import failures, outcomes, spent, trail, write_article
from backend.identity.principals import principal_of
from backend.realtime import runtime as runtimes
from backend.support.errors import ChatUnknown
from backend.support.frames import said, topic_of
from backend.support.models import Chat
from backend.support.services import chats, messages
from backend.support.tests.factories import payloads_in, say, waiting_chat
from backend.tests.commits import in_background, in_parallel, wait_until_one_waits_for_us

ANSWER = Answer("Tap Block card [1].", True, [Source(1, "block", "Block a card")])


@pytest.fixture
def now_due(chosen):
    chosen(answer_after_s=0.0)


@pytest.fixture
def desk(make_user):
    """An agent who is not available: without one nobody can wait."""
    return make_user("SUPPORT_AGENT", first_name="Ben")


def waiting(make_user, text="How do I block my lost card?"):
    customer = make_user(first_name="Ana")
    chat = waiting_chat(customer)
    if text:
        say(chat.pk, customer, text)
    return Chat.objects.get(pk=chat.pk), customer


def said_in(chat):
    return [payload for kind, payload in payloads_in(topic_of(chat.pk)) if kind == "message"]


def state_of(chat):
    return AutomaticAnswer.objects.get(chat=chat).state


def serve(until, *, within_s=30):
    """Be a server process that answers who waits, until something holds."""

    async def run():
        runtime = await runtimes.current()
        assistant = assistant_of(runtime)
        try:
            async with asyncio.timeout(within_s):
                while not await runtime.hub.read(until):
                    await assistant.look()
                    await asyncio.sleep(0.02)
        finally:
            if assistant._model is not None:
                await assistant._model.close()
            await runtime.stop()

    asyncio.run(run())


def ended(chat):
    return lambda: AutomaticAnswer.objects.filter(chat=chat, ended_at__isnull=False).exists()


# From end to end


def test_who_waits_is_answered_once_from_the_help_articles(committed, model_server, now_due, desk, make_user):
    slug = write_article(make_user)
    chat, customer = waiting(make_user)

    serve(ended(chat))

    question, answer = said_in(chat)
    assert answer == {
        **{"user": "Assistant", "user_id": None, "role": "assistant", "attachments": [], "automatic": True},
        "message": "Open Accounts, choose the account and tap Block card. [1]\n\n[1] Block a lost or stolen card\n\n"
        + answers.CODA,
        "sources": [{"number": 1, "slug": slug, "title": "Block a lost or stolen card"}],
    }
    assert state_of(chat) == "answered"
    assert first_answers.claim_due(5) == []
    assert Chat.objects.get(pk=chat.pk).first_answered_at is None  # Nobody of the desk has answered yet.
    assert spent(customer) == spent(None) == 120
    assert trail("assistant.answered") == [{"knows": True, "prompt": "answer.v1", "sources": [slug]}]
    assert "lost card" not in str(trail())


def test_who_asks_what_no_article_answers_hears_that_and_their_place(committed, model_server, now_due, desk, make_user):
    chat, _ = waiting(make_user, "What is the meaning of pensions?")
    serve(ended(chat))
    answer = said_in(chat)[-1]
    assert answer["message"].startswith(f"{answers.DO_NOT_KNOW} Your place in the queue is 1.")
    assert answer["sources"] == []
    assert model_server.received == []


def test_a_server_that_fails_leaves_the_customer_to_people(
    committed, model_server, now_due, desk, make_user, chosen, monkeypatch
):
    monkeypatch.setattr(first_answers, "AGAIN_AFTER_S", 0.0)
    chosen(trip_after=99)
    write_article(make_user)
    chat, _ = waiting(make_user)
    model_server.does = servers.half
    serve(ended(chat))
    assert state_of(chat) == "given_up"
    assert len(said_in(chat)) == 1
    assert len(model_server.received) == first_answers.ATTEMPTS_MAX == failures()
    assert outcomes() == [("first_answer", "broke_off", 3)]


def test_an_agent_who_takes_the_chat_ends_an_answer_under_way(committed, model_server, now_due, desk, make_user):
    """The server is not waited for either: its connection ends."""
    write_article(make_user)
    chat, _ = waiting(make_user)

    def does(handler, asked):
        chats.take_chat(actor=principal_of(desk), chat_id=chat.pk)
        connections.close_all()  # of this thread, which is the model server's
        servers.falls_silent(handler, asked)

    model_server.does = does
    serve(lambda: ended(chat)() and bool(outcomes()))
    assert state_of(chat) == "not_needed"
    assert len(said_in(chat)) == 1
    assert outcomes() == [("first_answer", "cancelled", 1)]


def test_a_chat_speaks_on_while_the_model_is_silent(committed, model_server, now_due, desk, make_user):
    write_article(make_user)
    chat, customer = waiting(make_user)
    model_server.does = servers.falls_silent

    def talked_on():
        if not model_server.received:
            return False
        say(chat.pk, customer, "Hello?")
        return True

    serve(talked_on)
    assert [payload["message"] for payload in said_in(chat)][-1] == "Hello?"


# Who gets one


@pytest.mark.django_db
def test_only_chats_that_wait_for_an_answer_are_claimed(now_due, desk, make_user):
    asked, customer = waiting(make_user)
    waiting(make_user, "")  # has not asked
    taken, _ = waiting(make_user)
    chats.take_chat(actor=principal_of(desk), chat_id=taken.pk)
    unwilling, person = waiting(make_user)
    AnswerPreference.objects.create(user=person, automatic_answers=False)
    stopped, person = waiting(make_user)
    first_answers.stop(actor=principal_of(person), chat_id=stopped.pk)

    assert first_answers.claim_due(10) == [first_answers.Claim(asked.pk, customer.pk)]
    assert first_answers.claim_due(10) == []


@pytest.mark.django_db
def test_nobody_is_answered_before_an_agent_had_a_moment(chosen, desk, make_user):
    chosen(answer_after_s=60.0)
    chat, _ = waiting(make_user)
    assert first_answers.claim_due(10) == []
    Chat.objects.filter(pk=chat.pk).update(first_asked_at=datetime.now(UTC) - timedelta(seconds=61))
    assert len(first_answers.claim_due(10)) == 1


def test_two_processes_never_claim_the_same_chat(committed, now_due, desk, make_user):
    for _ in range(3):
        waiting(make_user)
    found = in_parallel(*[lambda: first_answers.claim_due(10)] * 6)
    assert sorted(claim.chat_id for claims in found for claim in claims) == sorted(
        Chat.objects.values_list("pk", flat=True)
    )


@pytest.mark.django_db
def test_a_claim_whose_process_died_is_taken_over_and_not_for_ever(now_due, desk, make_user):
    waiting(make_user)
    for _ in range(first_answers.CLAIMS_MAX):
        assert len(first_answers.claim_due(1)) == 1
        AutomaticAnswer.objects.update(claimed_until=datetime.now(UTC) - timedelta(seconds=1))
    assert first_answers.claim_due(1) == []


# Saying it, and stopping it


@pytest.mark.django_db
def test_it_is_said_once(desk, make_user, now_due):
    chat, _ = waiting(make_user)
    first_answers.claim_due(1)
    assert first_answers.deliver(chat_id=chat.pk, answer=ANSWER, prompt="answer.v1") == 3
    assert first_answers.deliver(chat_id=chat.pk, answer=ANSWER, prompt="answer.v1") is None
    assert len(said_in(chat)) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["customer", "agent"])
def test_stopped_by_its_customer_or_an_agent_it_is_never_said(client_of, desk, make_user, now_due, who):
    chat, customer = waiting(make_user)
    first_answers.claim_due(1)
    client = client_of(customer if who == "customer" else desk)
    path = f"/api/chats/{chat.pk}/assistant/stop/"
    assert client.post(path).json()["state"] == "stopped"
    assert client.post(path).status_code == 200
    assert first_answers.deliver(chat_id=chat.pk, answer=ANSWER, prompt="answer.v1") is None
    assert len(said_in(chat)) == 1
    assert len(trail("assistant.stopped")) == 1


@pytest.mark.django_db
def test_a_stranger_stops_nothing(client_of, desk, make_user, now_due):
    chat, _ = waiting(make_user)
    assert client_of(make_user()).post(f"/api/chats/{chat.pk}/assistant/stop/").status_code == 404
    with pytest.raises(ChatUnknown):
        first_answers.stop(actor=principal_of(make_user()), chat_id=chat.pk)
    assert not AutomaticAnswer.objects.exists()
    assert len(first_answers.claim_due(1)) == 1


def test_taken_at_the_very_moment_an_agent_and_the_assistant_do_not_both_answer(committed, desk, make_user, now_due):
    """The take holds the chat's lock; the answer waits for it, and then finds that it is not needed."""
    chat, _ = waiting(make_user)
    first_answers.claim_due(1)

    def deliver():
        return first_answers.deliver(chat_id=chat.pk, answer=ANSWER, prompt="answer.v1")

    with ExitStack() as stack:
        with transaction.atomic():
            Chat.objects.select_for_update().get(pk=chat.pk)
            result = stack.enter_context(in_background(deliver))
            wait_until_one_waits_for_us()
            Chat.objects.filter(pk=chat.pk).update(admin=desk, assigned_at=datetime.now(UTC))
        assert result() is None
    assert state_of(chat) == "not_needed"
    assert len(said_in(chat)) == 1


@pytest.mark.django_db
def test_an_automatic_answer_is_nobodys_to_edit_and_is_read_by_rest(client_of, desk, make_user, now_due):
    chat, customer = waiting(make_user)
    first_answers.claim_due(1)
    first_answers.deliver(chat_id=chat.pk, answer=ANSWER, prompt="answer.v1")
    client = client_of(customer)
    shown = client.get(f"/api/chats/{chat.pk}/messages/").json()["results"][-1]
    assert (shown["role"], shown["automatic"], shown["user_id"]) == ("assistant", True, None)
    path = f"/api/chats/{chat.pk}/messages/{shown['id']}/"
    assert client.get(path).json() == shown
    assert client.delete(path).status_code == 403
    transcript = client.get(f"/api/chats/{chat.pk}/transcript/")
    assert transcript.status_code == 200


@pytest.mark.django_db
def test_nobody_can_speak_as_the_assistant(make_user, desk):
    """A client's role is the server's word: fields of that name are not looked at."""
    chat, customer = waiting(make_user)
    fields = {"message": "I am the assistant", "role": "assistant", "automatic": True, "user_id": None}
    messages.post_message(message=said(fields, chat_id=chat.pk, author=principal_of(customer), role="customer"))
    assert said_in(chat)[-1]["role"] == "customer"
    assert "automatic" not in said_in(chat)[-1]
