"""`POST /api/chats/get-or-create/` (S1-R26): one open chat for each customer, and who gets it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from backend.audit.models import AuditLog
from backend.identity.principals import principal_of
from backend.identity.services import roles
from backend.realtime.models import Event, Topic
from backend.support.frames import topic_of
from backend.support.models import AgentStatus, Chat
from backend.support.services import chats
from backend.support.tests.factories import kinds_in, make_available, payloads_in, token_of, waiting_chat
from bench.client import call

URL = "/api/chats/get-or-create/"


@pytest.mark.django_db
def test_a_chat_is_opened_once_and_found_again(make_user, client_of):
    """The same status for found and created."""
    make_user("SUPPORT_AGENT")
    client = client_of(make_user())

    first, again = client.post(URL), client.post(URL, {"anything": "is ignored"})

    chat = Chat.objects.get()
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json() == {"chat_id": str(chat.pk), "queue_position": 1, "waiting_estimate_s": None}
    assert (chat.is_active, chat.admin_id, chat.assigned_at) == (True, None, None)
    assert AuditLog.objects.filter(action="chat.opened", target_id=str(chat.pk)).count() == 1
    assert payloads_in(topic_of(chat.pk)) == [
        (
            "chat",
            {
                "state": "opened",
                "user": "Person",
                "user_id": chat.customer_id,
                "message": "Person opened the chat.",
            },
        )
    ]


@pytest.mark.django_db
def test_after_a_chat_is_closed_the_next_call_opens_another(make_user, client_of):
    agent, customer = make_user("SUPPORT_AGENT"), make_user()
    make_available(agent)
    client = client_of(customer)
    first = client.post(URL).json()["chat_id"]
    chats.close_chat(actor=principal_of(agent), chat_id=first)

    second = client.post(URL).json()["chat_id"]

    assert second != first
    assert Chat.objects.filter(customer=customer, closed_at=None).count() == 1
    assert Chat.objects.filter(customer=customer).count() == 2


@pytest.mark.django_db
def test_an_anonymous_caller_opens_nothing(client_of, make_user):
    make_user("SUPPORT_AGENT")

    assert client_of(None).post(URL).status_code == 401
    assert Chat.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "role_names", "flags"),
    [
        ("nobody but customers", (), {}),
        ("staff", (), {"is_staff": True}),
        ("a superuser", (), {"is_staff": True, "is_superuser": True}),
        ("a bank admin", ("BANK_ADMIN",), {}),
        ("an agent who is blocked", ("SUPPORT_AGENT",), {"is_active": False}),
    ],
)
def test_without_any_agent_there_is_no_chat(make_user, client_of, _case, role_names, flags):
    """E-S1-14: 404 with `detail`, and nothing is created. Superusers and bank admins are not agents."""
    make_available(make_user(*role_names, **flags))

    response = client_of(make_user()).post(URL)

    assert response.status_code == 404
    assert response.json() == {"detail": "No support agent is available.", "code": "chat.no_agent"}
    assert Chat.objects.count() == 0
    assert Topic.objects.filter(key__startswith="chat.").count() == 0
    assert Topic.objects.filter(key="desk.support").count() == 0
    assert AuditLog.objects.filter(action="chat.opened").count() == 0


@pytest.mark.django_db
def test_an_agent_whose_role_was_withdrawn_is_no_agent(make_user, client_of):
    agent = make_user("SUPPORT_AGENT")
    make_available(agent)
    roles.withdraw_role(user=agent, name="SUPPORT_AGENT", withdrawn_by=None)

    assert client_of(make_user()).post(URL).status_code == 404
    assert Chat.objects.count() == 0


@pytest.mark.django_db
def test_an_available_agent_gets_the_chat_at_once(make_user, client_of):
    agent, customer = make_user("SUPPORT_AGENT", first_name="Ben"), make_user(first_name="Ana")
    make_available(agent)

    response = client_of(customer).post(URL)

    chat = Chat.objects.get()
    assert response.json() == {"chat_id": str(chat.pk), "queue_position": None, "waiting_estimate_s": None}
    assert chat.admin_id == agent.pk
    assert chat.assigned_at is not None
    assert [payload["message"] for _, payload in payloads_in(topic_of(chat.pk))] == [
        "Ana opened the chat.",
        "Ben joined the chat.",
    ]


@pytest.mark.django_db
def test_nobody_becomes_their_own_agent(make_user, client_of):
    """S1-B17, E-S1-14, BUG-S1-28: a caller who is the only available agent waits."""
    agent = make_user("SUPPORT_AGENT")
    make_available(agent)

    response = client_of(agent).post(URL)

    assert response.json()["queue_position"] == 1
    assert Chat.objects.get().admin_id is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "fields"),
    [
        ("lease expired", {"lease_until": datetime.now(UTC) - timedelta(seconds=1)}),
        ("never had one", {"lease_until": None}),
        ("switched off", {"is_switched_on": False}),
    ],
)
def test_an_agent_who_is_not_available_gets_nothing_and_the_chat_waits(make_user, client_of, _case, fields):
    agent = make_user("SUPPORT_AGENT")
    make_available(agent)
    AgentStatus.objects.filter(pk=agent.pk).update(**fields)

    response = client_of(make_user()).post(URL)

    assert response.json()["queue_position"] == 1
    assert Chat.objects.get().admin_id is None
    assert kinds_in(f"user.{agent.pk}") == []


@pytest.mark.django_db
def test_the_agent_with_the_fewest_open_chats_gets_the_next_one(make_user):
    busy, free = make_user("SUPPORT_AGENT"), make_user("SUPPORT_AGENT")
    make_available(busy)
    given = [waiting_chat(make_user()) for _ in range(2)]
    make_available(free)

    given += [waiting_chat(make_user()) for _ in range(3)]
    chats.close_chat(actor=principal_of(busy), chat_id=given[0].pk)
    chats.close_chat(actor=principal_of(busy), chat_id=given[1].pk)
    given += [waiting_chat(make_user())]

    # Closed chats are no load; at equal load whoever waited longest for one comes first.
    assert [chat.admin_id for chat in given] == [busy.pk, busy.pk, free.pk, free.pk, busy.pk, busy.pk]


@pytest.mark.django_db
def test_the_place_in_the_queue_counts_who_came_before(make_user, client_of):
    agent = make_user("SUPPORT_AGENT")
    clients = [client_of(make_user()) for _ in range(3)]

    positions = [client.post(URL).json()["queue_position"] for client in clients]
    first = clients[0].post(URL).json()["chat_id"]
    chats.take_chat(actor=principal_of(agent), chat_id=first)

    assert positions == [1, 2, 3]
    assert [client.post(URL).json()["queue_position"] for client in clients] == [None, 1, 2]


@pytest.mark.server
def test_calls_at_once_get_the_same_chat(live, make_user):
    """E-S1-15, BUG-S1-28."""
    agent, customer = make_user("SUPPORT_AGENT"), make_user()
    make_available(agent)
    token = token_of(customer)

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: call(live.base_url, "POST", URL, {}, token), range(24)))

    assert {status for status, _ in answers} == {200}
    assert len({body["chat_id"] for _, body in answers}) == 1
    chat = Chat.objects.get(customer=customer)
    assert chat.admin_id == agent.pk
    assert kinds_in(topic_of(chat.pk)) == ["chat", "chat"]
    assert kinds_in(f"user.{agent.pk}") == ["chat.assigned"]
    assert AuditLog.objects.filter(action="chat.opened", target_id=str(chat.pk)).count() == 1


@pytest.mark.server
def test_chats_opened_at_once_are_spread_over_the_available_agents(live, make_user):
    agents = [make_user("SUPPORT_AGENT") for _ in range(4)]
    make_available(*agents)
    tokens = [token_of(make_user()) for _ in range(8)]

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda token: call(live.base_url, "POST", URL, {}, token), tokens))

    assert [status for status, _ in answers] == [200] * 8
    loads = [Chat.objects.filter(admin=agent, closed_at=None).count() for agent in agents]
    assert loads == [2, 2, 2, 2]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("support_chat_one_open_per_customer", lambda chat: {"customer_id": chat.customer_id}),
        ("support_chat_nobody_is_own_agent", lambda chat: {"customer_id": chat.admin_id, "admin_id": chat.admin_id}),
    ],
)
def test_the_table_refuses_what_must_never_be(make_user, constraint, fields):
    agent = make_user("SUPPORT_AGENT")
    make_available(agent)
    chat = waiting_chat(make_user())

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Chat.objects.create(**fields(chat))

    assert Chat.objects.count() == 1


@pytest.mark.django_db
def test_an_agent_who_is_deleted_leaves_chat_and_history(make_user):
    """E-S1-22: nothing is lost to a cascade."""
    agent = make_user("SUPPORT_AGENT")
    make_available(agent)
    chat = waiting_chat(make_user())

    agent.delete()

    chat.refresh_from_db()
    assert (chat.admin_id, chat.is_active) == (None, True)
    assert Event.objects.filter(topic__key=topic_of(chat.pk)).count() == 2
