"""Agents: their list, the queue, taking a waiting chat by REST or by opening its socket."""

import asyncio
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.exceptions import ConnectionClosed

from backend.audit.models import AuditLog
from backend.identity.principals import principal_of
from backend.identity.services import roles
from backend.support.frames import topic_of
from backend.support.models import AgentStatus, Chat
from backend.support.services import chats
from backend.support.tests.factories import (
    head_of,
    kinds_in,
    make_available,
    payloads_in,
    token_of,
    waiting_chat,
)
from backend.support.tests.wire import close_code_of, wire
from bench.client import call

NOT_AGENTS = [
    ("a customer", (), {}),
    ("a bank admin", ("BANK_ADMIN",), {}),
    ("staff", (), {"is_staff": True}),
    ("a superuser", (), {"is_staff": True, "is_superuser": True}),
]


def _take(chat_id):
    return f"/api/chats/{chat_id}/take/"


# One's own chats


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["open"]),
        ("?is_active=true", ["open"]),
        ("?is_active=TRUE", ["open"]),
        ("?is_active=false", ["closed"]),
        ("?is_active=all", ["open", "closed"]),
    ],
)
def test_an_agent_lists_their_own_chats_newest_first(make_user, client_of, query, expected):
    """S1-R27; an empty list is a list (BUG-S1-30)."""
    agent, other = make_user("SUPPORT_AGENT"), make_user("SUPPORT_AGENT")
    made = {}
    for name in ("closed", "open", "waiting", "others"):
        made[name] = waiting_chat(make_user())
    for name, taker in (("closed", agent), ("open", agent), ("others", other)):
        chats.take_chat(actor=principal_of(taker), chat_id=made[name].pk)
    chats.close_chat(actor=principal_of(agent), chat_id=made["closed"].pk)

    response = client_of(agent).get("/api/chats/chat/" + query)

    assert response.status_code == 200
    assert [(row["id"], row["is_active"]) for row in response.json()] == [
        (str(made[name].pk), name == "open") for name in expected
    ]
    for row in response.json():
        assert set(row) == {"id", "is_active", "created_at", "customer", "admin"}
        assert (row["customer"], row["admin"]) == (Chat.objects.get(pk=row["id"]).customer_id, agent.pk)


@pytest.mark.django_db
def test_an_agent_without_chats_gets_an_empty_list(make_user, client_of):
    response = client_of(make_user("SUPPORT_AGENT")).get("/api/chats/chat/")

    assert (response.status_code, response.json()) == (200, [])


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["", "1", "yes", "maybe", "true,false"])
def test_an_unknown_is_active_is_refused(make_user, client_of, value):
    response = client_of(make_user("SUPPORT_AGENT")).get("/api/chats/chat/", {"is_active": value})

    assert (response.status_code, list(response.json())) == (400, ["is_active"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "role_names", "flags", "own", "queue"),
    [
        ("anonymous", None, {}, 401, 401),
        ("a customer", (), {}, 403, 403),
        ("a bank admin", ("BANK_ADMIN",), {}, 403, 403),
        ("staff without the role", (), {"is_staff": True}, 200, 403),
        ("a superuser", (), {"is_staff": True, "is_superuser": True}, 200, 403),
        ("an agent", ("SUPPORT_AGENT",), {}, 200, 200),
    ],
)
def test_who_may_see_the_agents_lists(make_user, client_of, _case, role_names, flags, own, queue):
    client = client_of(None if role_names is None else make_user(*role_names, **flags))

    assert client.get("/api/chats/chat/").status_code == own
    assert client.get("/api/chats/queue/").status_code == queue


@pytest.mark.django_db
def test_the_queue_shows_who_waits_first_come_first_and_not_ones_own(make_user, client_of):
    agent = make_user("SUPPORT_AGENT")
    waiting = [waiting_chat(make_user()) for _ in range(3)]
    waiting_chat(agent)
    chats.take_chat(actor=principal_of(agent), chat_id=waiting[1].pk)

    response = client_of(agent).get("/api/chats/queue/")

    assert [row["id"] for row in response.json()] == [str(waiting[0].pk), str(waiting[2].pk)]
    assert [row["admin"] for row in response.json()] == [None, None]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "who", "expected"),
    [
        ("its customer", "customer", 200),
        ("an agent, while it waits", "agent", 200),
        ("another customer", "stranger", 404),
        ("a superuser", "superuser", 404),
    ],
)
def test_who_sees_a_waiting_chat(make_user, client_of, _case, who, expected):
    people = {
        "customer": make_user(),
        "agent": make_user("SUPPORT_AGENT"),
        "stranger": make_user(),
        "superuser": make_user(is_staff=True, is_superuser=True),
    }
    waiting_chat(make_user())
    chat = waiting_chat(people["customer"])

    response = client_of(people[who]).get(f"/api/chats/{chat.pk}/")

    assert response.status_code == expected
    if expected == 200:
        body = response.json()
        assert (body["queue_position"], body["admin"], body["closed_at"], body["read_positions"]) == (2, None, None, {})


# Taking


@pytest.mark.django_db
def test_an_agent_takes_a_waiting_chat_and_again_gets_the_same(make_user, client_of):
    agent, customer = make_user("SUPPORT_AGENT", first_name="Ben"), make_user(first_name="Ana")
    chat = waiting_chat(customer)
    client = client_of(agent)

    first, again = client.post(_take(chat.pk)), client.post(_take(chat.pk))

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert (first.json()["admin"], first.json()["id"]) == (agent.pk, str(chat.pk))
    assert [payload["message"] for _, payload in payloads_in(topic_of(chat.pk))] == [
        "Ana opened the chat.",
        "Ben joined the chat.",
    ]
    assert AuditLog.objects.filter(action="chat.taken", target_id=str(chat.pk), actor_id=agent.pk).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("_case", "role_names", "flags"), NOT_AGENTS)
def test_who_is_no_agent_takes_nothing(make_user, client_of, _case, role_names, flags):
    make_user("SUPPORT_AGENT")
    chat = waiting_chat(make_user())

    response = client_of(make_user(*role_names, **flags)).post(_take(chat.pk))

    assert (response.status_code, response.json()["code"]) == (403, "chat.not_an_agent")
    _assert_still_waiting(chat)


@pytest.mark.django_db
def test_nobody_takes_their_own_chat(make_user, client_of):
    agent = make_user("SUPPORT_AGENT")
    chat = waiting_chat(agent)

    response = client_of(agent).post(_take(chat.pk))

    assert (response.status_code, response.json()["code"]) == (403, "chat.own")
    _assert_still_waiting(chat)


@pytest.mark.django_db
def test_a_chat_that_a_colleague_has_is_not_taken(make_user, client_of):
    agent, colleague = make_user("SUPPORT_AGENT"), make_user("SUPPORT_AGENT")
    chat = waiting_chat(make_user())
    chats.take_chat(actor=principal_of(colleague), chat_id=chat.pk)
    before = head_of(topic_of(chat.pk)), head_of("desk.support")

    response = client_of(agent).post(_take(chat.pk))

    assert (response.status_code, response.json()["code"]) == (409, "chat.taken")
    assert Chat.objects.get(pk=chat.pk).admin_id == colleague.pk
    assert (head_of(topic_of(chat.pk)), head_of("desk.support")) == before
    assert kinds_in(f"user.{agent.pk}") == []


@pytest.mark.django_db
@pytest.mark.parametrize(("_case", "mine", "expected"), [("ones own", True, 409), ("a colleague's", False, 404)])
def test_a_closed_chat_is_not_taken(make_user, client_of, _case, mine, expected):
    agent, colleague = make_user("SUPPORT_AGENT"), make_user("SUPPORT_AGENT")
    chat = waiting_chat(make_user())
    owner = principal_of(agent if mine else colleague)
    chats.take_chat(actor=owner, chat_id=chat.pk)
    chats.close_chat(actor=owner, chat_id=chat.pk)
    before = head_of(topic_of(chat.pk))

    assert client_of(agent).post(_take(chat.pk)).status_code == expected
    assert head_of(topic_of(chat.pk)) == before


@pytest.mark.django_db
@pytest.mark.parametrize("chat_id", [uuid.uuid4(), "not-a-uuid", "1"])
def test_an_unknown_chat_is_not_found(make_user, client_of, chat_id):
    """K-46: ids are UUIDs."""
    client = client_of(make_user("SUPPORT_AGENT"))

    assert client.post(_take(chat_id)).status_code == 404
    assert client.post(f"/api/chats/{chat_id}/close/").status_code == 404
    assert client.get(f"/api/chats/{chat_id}/").status_code == 404
    assert client.get(f"/api/chats/{chat_id}/messages/").status_code == 404


def _assert_still_waiting(chat):
    assert Chat.objects.get(pk=chat.pk).admin_id is None
    assert kinds_in(topic_of(chat.pk)) == ["chat"]
    assert kinds_in("desk.support") == ["chat.queued"] * Chat.objects.count()


@pytest.mark.server
def test_of_many_agents_at_once_one_takes_the_chat(live, make_user):
    agents = [make_user("SUPPORT_AGENT") for _ in range(6)]
    chat = waiting_chat(make_user())
    tokens = [token_of(agent) for agent in agents]

    with ThreadPoolExecutor(6) as callers:
        answers = list(callers.map(lambda token: call(live.base_url, "POST", _take(chat.pk), {}, token), tokens))

    assert sorted(status for status, _ in answers) == [200] + [409] * 5
    winner = agents[[status for status, _ in answers].index(200)]
    assert Chat.objects.get(pk=chat.pk).admin_id == winner.pk
    assert kinds_in(topic_of(chat.pk)) == ["chat", "chat"]
    assert [kinds_in(f"user.{agent.pk}") for agent in agents].count(["chat.assigned"]) == 1


# By opening the socket: the agent's first response


@pytest.mark.server
def test_opening_a_waiting_chats_socket_takes_it_and_holds_a_lease(live, make_user):
    customer, agent = make_user(first_name="Ana"), make_user("SUPPORT_AGENT", first_name="Ben")
    chat = waiting_chat(customer)
    ana_token, ben_token = token_of(customer), token_of(agent)

    async def play():
        async with wire(live, chat.pk, ana_token) as ana:
            await ana.array()
            await ana.say("is anybody there?")
            await ana.get("message")
            async with wire(live, chat.pk, ben_token) as ben:
                history = await ben.array()
                joined = await ana.get("chat")
                await ben.say("yes")
                return history, joined, await ana.get("message")

    history, joined, answer = asyncio.run(play())
    assert [event["message"] for event in history] == [
        "Ana opened the chat.",
        "is anybody there?",
        "Ben joined the chat.",
    ]
    assert joined == history[-1]
    assert (joined["state"], joined["user_id"]) == ("assigned", agent.pk)
    assert (answer["role"], answer["message"]) == ("agent", "yes")
    assert Chat.objects.get(pk=chat.pk).admin_id == agent.pk
    assert AgentStatus.objects.get(pk=agent.pk).lease_until is not None


@pytest.mark.server
def test_an_open_socket_makes_its_agent_available_for_the_next_chat(live, make_user):
    first, second = make_user(), make_user()
    agent = make_user("SUPPORT_AGENT")
    chat = waiting_chat(first)
    agent_token, second_token = token_of(agent), token_of(second)

    async def play():
        async with wire(live, chat.pk, agent_token) as ben:
            await ben.array()
            return await asyncio.to_thread(call, live.base_url, "POST", "/api/chats/get-or-create/", {}, second_token)

    status, body = asyncio.run(play())
    assert (status, body["queue_position"]) == (200, None)
    assert Chat.objects.get(customer=second).admin_id == agent.pk


@pytest.mark.server
def test_of_two_agents_opening_one_waiting_chat_one_comes_in(live, make_user):
    chat = waiting_chat(make_user())
    agents = [make_user("SUPPORT_AGENT") for _ in range(2)]
    tokens = [token_of(agent) for agent in agents]

    async def enter(token):
        async with wire(live, chat.pk, token) as agent:
            try:
                return len(await agent.array())
            except ConnectionClosed:
                return agent.socket.close_code

    async def play():
        return await asyncio.gather(*(enter(token) for token in tokens))

    assert sorted(asyncio.run(play())) == [2, 4006]
    assert kinds_in(topic_of(chat.pk)) == ["chat", "chat"]


@pytest.mark.server
def test_an_agent_whose_role_is_gone_takes_nothing_by_opening(live, make_user):
    make_user("SUPPORT_AGENT")
    agent = make_user("SUPPORT_AGENT")
    chat = waiting_chat(make_user())
    token = token_of(agent)
    roles.withdraw_role(user=agent, name="SUPPORT_AGENT", withdrawn_by=None)

    assert asyncio.run(close_code_of(live, chat.pk, token)) == 4006
    assert Chat.objects.get(pk=chat.pk).admin_id is None


@pytest.mark.server
def test_a_lease_says_nothing_about_being_switched_on(live, make_user):
    """An agent who switched off may still answer; new chats do not come by themselves."""
    agent = make_user("SUPPORT_AGENT")
    make_available(agent)
    AgentStatus.objects.filter(pk=agent.pk).update(is_switched_on=False)
    chat = waiting_chat(make_user())

    async def play(token):
        async with wire(live, chat.pk, token) as ben:
            return len(await ben.array())

    assert asyncio.run(play(token_of(agent))) == 2
    assert AgentStatus.objects.get(pk=agent.pk).is_switched_on is False
    assert Chat.objects.get(pk=chat.pk).admin_id == agent.pk
    assert waiting_chat(make_user()).admin_id is None
