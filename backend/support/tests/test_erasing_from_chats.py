"""Erasing a person (E-COMP-4): transcripts stay readable, names do not."""

import pytest

from backend.conftest import PASSWORD
from backend.identity.principals import principal_of
from backend.identity.services import erasures
from backend.realtime.models import Event
from backend.support.models import Chat
from backend.support.services import chats
from backend.support.tests.factories import (
    kinds_in,
    make_available,
    make_talk,
    payloads_in,
    store_messages,
    texts_in,
    token_of,
    waiting_chat,
)

FORMER = "Former customer"


def erase(user) -> None:
    erasures.erase_self(actor=principal_of(user))


def names_in_events() -> set[str]:
    """Every word of every stored event that could be a name."""
    return {
        str(value)
        for payload in Event.objects.values_list("payload", flat=True)
        for name, value in payload.items()
        if name in {"user", "customer", "agent", "name"}
    }


@pytest.mark.django_db
def test_what_a_customer_said_stays_and_their_name_goes(make_user):
    talk = make_talk(make_user)
    store_messages(talk, "hello", "it is about my card")

    erase(talk.customer)

    assert texts_in(talk.topic) == ["hello", "it is about my card"]
    said = [payload for kind, payload in payloads_in(talk.topic) if kind == "message"]
    assert [(payload["user"], payload["user_id"]) for payload in said] == [(FORMER, talk.customer.pk)] * 2
    assert "Ana" not in str(payloads_in(talk.topic))


@pytest.mark.django_db
def test_desks_and_agents_inboxes_forget_the_name_too(make_user):
    """`chat.queued` and `chat.assigned` say who waits."""
    talk = make_talk(make_user)
    before = names_in_events()

    erase(talk.customer)

    assert "Ana" in before
    assert "Ana" not in names_in_events()
    assert FORMER in names_in_events()


@pytest.mark.django_db
def test_an_agents_name_goes_from_words_for_people_as_well(make_user):
    talk = make_talk(make_user)
    words_before = [payload["message"] for kind, payload in payloads_in(talk.topic) if kind == "chat"]

    erase(talk.agent)

    words = [payload["message"] for kind, payload in payloads_in(talk.topic) if kind == "chat"]
    assert "Ben joined the chat." in words_before
    assert words[: len(words_before)] == [word.replace("Ben", FORMER) for word in words_before]
    assert "Ben" not in str(payloads_in(talk.topic))


@pytest.mark.django_db
def test_texts_that_happen_to_hold_the_name_stay(make_user):
    """What people wrote is not rewritten."""
    talk = make_talk(make_user)
    store_messages(talk, "Ana is my name, and Ben is yours")

    erase(talk.agent)

    assert texts_in(talk.topic) == ["Ana is my name, and Ben is yours"]


@pytest.mark.django_db
def test_other_peoples_names_stay(make_user):
    talk, other = make_talk(make_user), make_talk(make_user)
    was = payloads_in(other.topic)

    erase(talk.customer)

    assert payloads_in(other.topic) == was
    (assigned,) = [payload for kind, payload in payloads_in(talk.topic) if payload.get("state") == "assigned"]
    assert assigned["user"] == "Ben"


@pytest.mark.django_db
def test_a_customers_open_chat_is_closed_and_everybody_hears_it(make_user):
    """E-S1-19: both sides' sockets end with it."""
    talk = make_talk(make_user)

    erase(talk.customer)

    chat = Chat.objects.get(pk=talk.id)
    assert (chat.is_active, chat.admin_id, chat.closed_by_id) == (False, talk.agent.pk, talk.customer.pk)
    kind, payload = payloads_in(talk.topic)[-1]
    assert (kind, payload["state"], payload["user"]) == ("chat", "closed", FORMER)
    assert payload["message"] == f"{FORMER} closed the chat."
    assert kinds_in("desk.support")[-1] == "chat.closed"


@pytest.mark.django_db
def test_a_waiting_chat_is_closed_too(make_user):
    make_user("SUPPORT_AGENT")
    customer = make_user(first_name="Ana")
    chat = waiting_chat(customer)

    erase(customer)

    assert Chat.objects.get(pk=chat.pk).is_active is False


@pytest.mark.django_db
def test_an_agents_open_chats_wait_for_a_colleague(make_user):
    """E-S1-22: the customer is not left alone, and the desk hears of it."""
    talk = make_talk(make_user)
    store_messages(talk, "hello")
    queued_before = kinds_in("desk.support").count("chat.queued")

    erase(talk.agent)

    chat = Chat.objects.get(pk=talk.id)
    assert (chat.is_active, chat.admin_id, chat.assigned_at) == (True, None, None)
    assert texts_in(talk.topic) == ["hello"]
    assert kinds_in("desk.support").count("chat.queued") == queued_before + 1
    colleague = make_user("SUPPORT_AGENT", first_name="Cleo")
    assert chats.take_chat(actor=principal_of(colleague), chat_id=talk.id).admin_id == colleague.pk


@pytest.mark.django_db
def test_the_erased_agent_is_given_no_more_chats(make_user):
    agent = make_user("SUPPORT_AGENT")
    colleague = make_user("SUPPORT_AGENT")
    make_available(agent)

    erase(agent)

    assert waiting_chat(make_user()).admin_id != agent.pk
    assert colleague.is_active


@pytest.mark.django_db
def test_closed_chats_stay_with_their_agent_and_lose_the_name(make_user):
    talk = make_talk(make_user)
    chats.close_chat(actor=principal_of(talk.agent), chat_id=talk.id)
    closed_at = Chat.objects.get(pk=talk.id).closed_at
    count = len(payloads_in(talk.topic))

    erase(talk.agent)

    chat = Chat.objects.get(pk=talk.id)
    assert (chat.closed_at, chat.admin_id) == (closed_at, talk.agent.pk)
    assert len(payloads_in(talk.topic)) == count
    assert payloads_in(talk.topic)[-1][1]["message"] == f"{FORMER} closed the chat."


@pytest.mark.django_db
def test_the_transcript_still_opens_for_the_agent(make_user, client_of):
    talk = make_talk(make_user)
    store_messages(talk, "hello")

    erase(talk.customer)

    answer = client_of(talk.agent).get(f"/api/chats/{talk.id}/messages/?after=0")
    assert answer.status_code == 200
    assert ("Ana" in answer.text, FORMER in answer.text) == (False, True)
    assert PASSWORD not in answer.text
    assert token_of(talk.agent)
