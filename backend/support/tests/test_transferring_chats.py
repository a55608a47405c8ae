"""A chat changes hands: to a colleague or the queue, with a note; the former agent is out, everybody knows."""

import asyncio

import pytest

from backend.audit.models import AuditLog
from backend.identity.principals import principal_of
from backend.identity.services import roles
from backend.support.models import Chat
from backend.support.services import chats
from backend.support.tests.factories import (
    desk_of,
    everything_stored,
    kinds_in,
    make_talk,
    payloads_in,
    states_in,
    token_of,
    waiting_chat,
)
from backend.support.tests.wire import close_code_of, wire
from bench.client import call


def _transfer(chat_id):
    return f"/api/chats/{chat_id}/transfer/"


@pytest.mark.django_db
def test_a_chat_goes_to_a_colleague_with_a_note_and_everybody_is_told(make_user, client_of):
    talk = make_talk(make_user)
    cleo = make_user("SUPPORT_AGENT", first_name="Cleo")

    answer = client_of(talk.agent).post(_transfer(talk.id), {"agent": cleo.pk, "note": "she is angry"}, format="json")

    assert (answer.status_code, answer.json()["admin"]) == (200, cleo.pk)
    kind, event = payloads_in(talk.topic)[-1]
    assert (kind, event["state"], event["message"]) == ("chat", "transferred", "Ben transferred the chat to Cleo.")
    assert (event["user_id"], event["agent_id"], event["agent"]) == (talk.agent.pk, cleo.pk, "Cleo")
    assert [payload["message"] for _, payload in payloads_in(desk_of(talk))] == ["she is angry"]
    assert kinds_in(f"user.{cleo.pk}") == ["chat.assigned"]
    assert payloads_in("desk.support")[-1][1]["agent_id"] == cleo.pk
    (row,) = AuditLog.objects.filter(action="chat.transferred", target_id=str(talk.id))
    assert (row.actor_id, row.facts) == (talk.agent.pk, {"to": cleo.pk, "from": talk.agent.pk})
    assert client_of(talk.agent).get(f"/api/chats/{talk.id}/messages/").status_code == 404
    assert client_of(cleo).get(f"/api/chats/{talk.id}/notes/").json()["results"][0]["message"] == "she is angry"


@pytest.mark.django_db
def test_a_chat_goes_back_to_the_queue_and_waits_in_its_old_place(make_user, client_of):
    talk = make_talk(make_user)
    later = waiting_chat(make_user())

    answer = client_of(talk.agent).post(_transfer(talk.id), {"queue": True}, format="json")

    assert (answer.status_code, answer.json()["admin"]) == (200, None)
    assert states_in(talk.topic) == ["opened", "assigned", "transferred"]
    assert kinds_in("desk.support")[-1] == "chat.queued"
    queue = client_of(talk.agent).get("/api/chats/queue/").json()
    assert [row["id"] for row in queue] == [str(talk.id), str(later.pk)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "body", "status", "code"),
    [
        ("nobody named", {}, 400, None),
        ("both", {"agent": 1, "queue": True}, 400, None),
        ("no number", {"agent": "Cleo"}, 400, None),
        ("a huge number", {"agent": 10**30}, 400, None),
        ("an empty note", {"queue": True, "note": " "}, 400, None),
        ("nobody known", {"agent": 10**9}, 422, "agent.unknown"),
        ("a customer", {"agent": "stranger"}, 422, "agent.unknown"),
        ("a blocked agent", {"agent": "blocked"}, 422, "agent.unknown"),
        ("themselves", {"agent": "agent"}, 409, "chat.taken"),
        ("its own customer", {"agent": "customer"}, 403, "chat.own"),
    ],
)
def test_a_transfer_that_cannot_be_changes_nothing(make_user, client_of, _case, body, status, code):
    talk = make_talk(make_user)
    people = {
        "stranger": make_user(),
        "blocked": make_user("SUPPORT_AGENT", is_active=False),
        "agent": talk.agent,
        "customer": talk.customer,
    }
    roles.assign_role(user=talk.customer, name="SUPPORT_AGENT", assigned_by=None)
    if people.get(body.get("agent")) is not None:
        body = {**body, "agent": people[body["agent"]].pk}
    client, before = client_of(talk.agent), everything_stored()

    answer = client.post(_transfer(talk.id), body, format="json")

    assert (answer.status_code, answer.json().get("code")) == (status, code)
    assert Chat.objects.get(pk=talk.id).admin_id == talk.agent.pk
    assert everything_stored() == before


@pytest.mark.django_db
def test_whoever_had_the_chat_hears_that_it_is_a_colleagues_now(make_user, client_of):
    talk = make_talk(make_user)
    cleo, dan = make_user("SUPPORT_AGENT"), make_user("SUPPORT_AGENT")
    client, dans = client_of(talk.agent), client_of(dan)
    client.post(_transfer(talk.id), {"agent": cleo.pk}, format="json")
    before = everything_stored()

    again = client.post(_transfer(talk.id), {"agent": dan.pk}, format="json")
    closed = client.post(f"/api/chats/{talk.id}/close/")
    stranger = dans.post(_transfer(talk.id), {"agent": dan.pk}, format="json")

    assert (again.status_code, again.json()["code"]) == (409, "chat.taken")
    assert (closed.status_code, closed.json()["code"]) == (409, "chat.taken")
    assert stranger.status_code == 404
    assert everything_stored() == before


@pytest.mark.django_db
def test_a_superuser_moves_a_chat_that_its_agent_left_behind_and_nobody_moves_a_closed_one(make_user, client_of):
    talk = make_talk(make_user)
    cleo, boss = make_user("SUPPORT_AGENT"), make_user(is_staff=True, is_superuser=True)

    moved = client_of(boss).post(_transfer(talk.id), {"agent": cleo.pk}, format="json")
    chats.close_chat(actor=principal_of(cleo), chat_id=talk.id)
    late = client_of(cleo).post(_transfer(talk.id), {"queue": True}, format="json")

    assert (moved.status_code, moved.json()["admin"]) == (200, cleo.pk)
    assert (late.status_code, late.json()["code"]) == (409, "chat.closed")


@pytest.mark.server
def test_the_former_agents_socket_ends_with_4006_and_the_talk_goes_on(live, talk, make_user):
    cleo = make_user("SUPPORT_AGENT", first_name="Cleo")
    cleo_token = token_of(cleo)

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana, wire(live, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            body = {"agent": cleo.pk, "note": "secret"}
            status, _ = await asyncio.to_thread(call, live.base_url, "POST", _transfer(talk.id), body, talk.agent_token)
            code = await ben.closed()
            moved = await ana.get("chat")
            async with wire(live, talk.id, cleo_token) as new:
                history = await new.array()
                await new.say("Cleo here")
                said = await ana.get("message")
            return status, code, moved, history, said, ana.seen, await close_code_of(live, talk.id, talk.agent_token)

    status, code, moved, history, said, customers, again = asyncio.run(play())
    assert (status, code, again) == (200, 4006, 4006)
    assert (moved["state"], moved["seq"]) == ("transferred", 3)
    assert [(event["type"], event["message"]) for event in history[2:]] == [
        ("note", "secret"),
        ("chat", "Ben transferred the chat to Cleo."),
    ]
    assert (said["role"], said["seq"]) == ("agent", 4)
    assert "secret" not in str(customers)


@pytest.mark.server
def test_giving_a_chat_back_with_an_open_socket_does_not_take_it_again(live, talk):
    async def play():
        async with wire(live, talk.id, talk.agent_token) as ben:
            await ben.array()
            await asyncio.to_thread(call, live.base_url, "POST", _transfer(talk.id), {"queue": True}, talk.agent_token)
            return await ben.closed()

    assert asyncio.run(play()) == 4006
    assert Chat.objects.get(pk=talk.id).admin_id is None
    assert states_in(talk.topic) == ["opened", "assigned", "transferred"]
