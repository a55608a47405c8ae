"""`POST /api/chats/<uuid>/close/` (S1-R28) and the notices to desks and inboxes."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.audit.models import AuditLog
from backend.identity.principals import principal_of
from backend.realtime.models import Event
from backend.support.frames import topic_of
from backend.support.models import Chat
from backend.support.services import chats
from backend.support.tests.factories import (
    head_of,
    kinds_in,
    make_available,
    payloads_in,
    texts_in,
    token_of,
    waiting_chat,
)
from bench.client import call


def _close(chat):
    return f"/api/chats/{chat.pk}/close/"


@pytest.fixture
def people(make_user):
    return {
        "customer": make_user(first_name="Ana"),
        "agent": make_user("SUPPORT_AGENT", first_name="Ben"),
        "another agent": make_user("SUPPORT_AGENT"),
        "another customer": make_user(),
        "bank admin": make_user("BANK_ADMIN"),
        "staff": make_user(is_staff=True),
        "superuser": make_user(first_name="Sue", is_staff=True, is_superuser=True),
    }


@pytest.fixture
def chat(people):
    chat = waiting_chat(people["customer"])
    return chats.take_chat(actor=principal_of(people["agent"]), chat_id=chat.pk)


@pytest.mark.django_db
@pytest.mark.parametrize(("who", "name"), [("agent", "Ben"), ("superuser", "Sue")])
def test_its_agent_or_a_superuser_closes_a_chat_and_its_transcript_stays(people, chat, client_of, who, name):
    """S1-R28, S1-B18, BUG-S1-29, K-47, K-48."""
    response = client_of(people[who]).post(_close(chat))

    chat.refresh_from_db()
    assert (response.status_code, response.json()) == (202, {"message": f"chat {chat.pk} closed"})
    assert (chat.is_active, chat.closed_by_id, chat.admin_id) == (False, people[who].pk, people["agent"].pk)
    assert [payload["state"] for _, payload in payloads_in(topic_of(chat.pk))] == ["opened", "assigned", "closed"]
    assert payloads_in(topic_of(chat.pk))[-1][1]["message"] == f"{name} closed the chat."
    assert AuditLog.objects.filter(action="chat.closed", target_id=str(chat.pk), actor_id=people[who].pk).count() == 1


@pytest.mark.django_db
def test_closing_again_changes_nothing_and_tells_nobody(people, chat, client_of):
    client = client_of(people["agent"])
    client.post(_close(chat))
    before = Event.objects.count(), AuditLog.objects.count(), Chat.objects.get(pk=chat.pk).closed_at

    response = client.post(_close(chat))

    assert response.status_code == 202
    assert (Event.objects.count(), AuditLog.objects.count(), Chat.objects.get(pk=chat.pk).closed_at) == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("customer", 403),
        ("another customer", 403),
        ("bank admin", 403),
        ("staff", 404),
        ("another agent", 404),
        (None, 401),
    ],
)
def test_nobody_else_closes_a_chat(people, chat, client_of, who, expected):
    """BUG-S1-29: not any staff may close any chat."""
    client = client_of(people[who] if who else None)
    before = Event.objects.count(), AuditLog.objects.count()

    response = client.post(_close(chat))

    assert response.status_code == expected
    assert Chat.objects.get(pk=chat.pk).is_active
    assert (Event.objects.count(), AuditLog.objects.count()) == before


@pytest.mark.django_db
def test_a_waiting_chat_is_nobodys_to_close_but_a_superusers(people, client_of):
    chat = waiting_chat(people["another customer"])

    assert client_of(people["agent"]).post(_close(chat)).status_code == 404
    assert Chat.objects.get(pk=chat.pk).is_active
    assert client_of(people["superuser"]).post(_close(chat)).status_code == 202
    assert not Chat.objects.get(pk=chat.pk).is_active


@pytest.mark.server
def test_closing_many_times_at_once_tells_once(live, people, chat):
    token = token_of(people["agent"])

    with ThreadPoolExecutor(6) as callers:
        answers = list(callers.map(lambda _: call(live.base_url, "POST", _close(chat), {}, token), range(6)))

    assert [status for status, _ in answers] == [202] * 6
    assert kinds_in(topic_of(chat.pk)) == ["chat"] * 3
    assert kinds_in(f"user.{people['customer'].pk}").count("chat.closed") == 1


@pytest.mark.server
def test_nothing_is_said_after_a_chat_was_closed_in_the_middle_of_talking(live, people, chat):
    """E-S1-19: whoever asks whether the chat is open, and then stores, holds the chat meanwhile."""
    customer, agent = token_of(people["customer"]), token_of(people["agent"])

    def say(n):
        if n == 30:
            return call(live.base_url, "POST", _close(chat), {}, agent)
        return call(live.base_url, "POST", f"/api/chats/{chat.pk}/messages/", {"message": str(n)}, customer)

    with ThreadPoolExecutor(4) as callers:
        statuses = [status for status, _ in callers.map(say, range(60))]

    kinds = kinds_in(topic_of(chat.pk))
    assert set(statuses) == {201, 202, 409}
    assert statuses.count(201) == len(texts_in(topic_of(chat.pk))) == kinds.count("message")
    assert kinds[-1] == "chat"


# Notices: on the right topics, and only there


@pytest.mark.django_db
def test_a_chat_that_waits_is_told_to_the_desk_alone(people):
    chat = waiting_chat(people["customer"])

    about = {"chat_id": str(chat.pk), "customer_id": people["customer"].pk, "customer": "Ana"}
    assert payloads_in("desk.support") == [("chat.queued", about)]
    assert _topics_with("chat.") == ["desk.support"]


@pytest.mark.django_db
@pytest.mark.parametrize("taken", [True, False])
def test_a_chat_that_gets_its_agent_is_told_to_agent_and_desk(people, taken):
    if not taken:
        make_available(people["agent"])
    chat = waiting_chat(people["customer"])
    if taken:
        chats.take_chat(actor=principal_of(people["agent"]), chat_id=chat.pk)

    about = {
        "chat_id": str(chat.pk),
        "customer_id": people["customer"].pk,
        "customer": "Ana",
        "agent_id": people["agent"].pk,
    }
    inbox = f"user.{people['agent'].pk}"
    assert payloads_in(inbox) == [("chat.assigned", about)]
    assert payloads_in("desk.support")[-1] == ("chat.assigned", about)
    assert kinds_in("desk.support") == (["chat.queued"] if taken else []) + ["chat.assigned"]
    assert _topics_with("chat.assigned") == sorted(["desk.support", inbox])


@pytest.mark.django_db
def test_a_closed_chat_is_told_to_customer_and_desk(people, chat):
    chats.close_chat(actor=principal_of(people["agent"]), chat_id=chat.pk)

    about = {"chat_id": str(chat.pk), "closed_by": people["agent"].pk}
    inbox = f"user.{people['customer'].pk}"
    assert payloads_in(inbox) == [("chat.closed", about)]
    assert payloads_in("desk.support")[-1] == ("chat.closed", about)
    assert _topics_with("chat.closed") == sorted(["desk.support", inbox])


@pytest.mark.django_db
def test_what_is_said_in_a_chat_is_told_to_no_desk(people, chat, client_of):
    before = head_of("desk.support")

    client_of(people["customer"]).post(f"/api/chats/{chat.pk}/messages/", {"message": "private"})

    assert head_of("desk.support") == before
    assert _topics_with("message") == [topic_of(chat.pk)]


def _topics_with(kind):
    rows = Event.objects.filter(kind__startswith=kind).values_list("topic__key", flat=True)
    return sorted(set(rows))
