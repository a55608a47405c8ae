"""Labels, priority and snooze: the desk's own order, which customers do not see."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.identity.principals import principal_of
from backend.support.models import AgentStatus, Chat, ChatLabel, Label, Priority
from backend.support.services import triage
from backend.support.tests.factories import (
    desk_of,
    everything_stored,
    make_available,
    make_talk,
    payloads_in,
    say,
    states_in,
    waiting_chat,
)

HOUR = timedelta(hours=1)


def _put(client, chat_id, what, **body):
    return client.put(f"/api/chats/{chat_id}/{what}/", body, format="json")


# Priority


@pytest.mark.django_db
def test_the_queue_goes_by_priority_and_then_by_time(make_user, client_of):
    agent, customers = make_user("SUPPORT_AGENT"), [make_user() for _ in range(4)]
    first, second, third, fourth = (waiting_chat(customer) for customer in customers)
    client = client_of(agent)

    for chat, priority in ((third, "urgent"), (fourth, "high"), (first, "low")):
        assert _put(client, chat.pk, "priority", priority=priority).status_code == 200

    queue = [row["id"] for row in client.get("/api/chats/queue/").json()]
    assert queue == [str(chat.pk) for chat in (third, fourth, second, first)]
    positions = [
        client_of(one).get(f"/api/chats/{chat.pk}/").json()["queue_position"]
        for one, chat in zip(customers, (first, second, third, fourth), strict=True)
    ]
    assert positions == [4, 3, 1, 2]


@pytest.mark.django_db
def test_the_same_priority_again_is_told_to_nobody_and_the_customer_sees_none(make_user, client_of):
    talk = make_talk(make_user)
    client = client_of(talk.agent)

    answers = [_put(client, talk.id, "priority", priority="high").json() for _ in range(2)]

    assert answers == [{"priority": "high"}] * 2
    assert states_in(desk_of(talk)) == ["priority"]
    assert client_of(talk.customer).get(f"/api/chats/{talk.id}/").json()["desk"] is None
    assert client.get(f"/api/chats/{talk.id}/").json()["desk"] == {
        "priority": "high",
        "labels": [],
        "snoozed_until": None,
    }


@pytest.mark.django_db
@pytest.mark.parametrize("priority", [None, "", "HIGH", "highest", 2, ["high"]])
def test_an_unknown_priority_is_refused(make_user, client_of, priority):
    talk = make_talk(make_user)
    client, before = client_of(talk.agent), everything_stored()

    assert _put(client, talk.id, "priority", priority=priority).status_code == 400
    assert everything_stored() == before


# Labels


@pytest.mark.django_db
def test_a_chat_has_exactly_the_labels_that_were_put_on_it(make_user, client_of):
    talk = make_talk(make_user)
    for name in ("Billing", "card", "fraud"):
        Label.objects.create(name=name)
    client = client_of(talk.agent)

    first = _put(client, talk.id, "labels", labels=["billing", "card"]).json()
    again = _put(client, talk.id, "labels", labels=["Card", "Billing"]).json()
    Label.objects.filter(name="card").update(is_active=False)
    second = _put(client, talk.id, "labels", labels=["card", "fraud"]).json()  # What is there may stay.

    assert (first, again, second) == (
        {"labels": ["Billing", "card"]},
        {"labels": ["Billing", "card"]},
        {"labels": ["card", "fraud"]},
    )
    assert [payload["labels"] for _, payload in payloads_in(desk_of(talk))] == [["Billing", "card"], ["card", "fraud"]]
    assert client.get(f"/api/chats/{talk.id}/").json()["desk"]["labels"] == ["card", "fraud"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("labels", "status"), [(["nothing"], 422), (["off"], 422), (["x"] * 11, 400), ("card", 400), ([7], 400)]
)
def test_labels_that_are_not_on_the_list_are_refused(make_user, client_of, labels, status):
    talk = make_talk(make_user)
    Label.objects.create(name="off", is_active=False)
    client, before = client_of(talk.agent), everything_stored()

    assert _put(client, talk.id, "labels", labels=labels).status_code == status
    assert everything_stored() == before
    assert not ChatLabel.objects.exists()


@pytest.mark.django_db
def test_staff_manage_the_list_and_agents_use_it(make_user, client_of):
    staff, agent = client_of(make_user(is_staff=True)), client_of(make_user("SUPPORT_AGENT"))

    made = staff.post("/api/chats/labels/", {"name": "Card"}, format="json").json()
    same = staff.post("/api/chats/labels/", {"name": "CARD"}, format="json")
    renamed = staff.patch(f"/api/chats/labels/{made['id']}/", {"name": "Cards", "is_active": False}, format="json")

    assert (same.status_code, same.json()["code"]) == (409, "label.taken")
    assert renamed.json() == {"id": made["id"], "name": "Cards", "colour": "#888888", "is_active": False}
    assert agent.get("/api/chats/labels/").json() == [renamed.json()]
    assert staff.patch("/api/chats/labels/999999/", {"name": "x"}, format="json").status_code == 404
    assert staff.post("/api/chats/labels/", {"name": "x", "colour": "red"}, format="json").status_code == 400


# Snooze


@pytest.mark.django_db
def test_a_snoozed_chat_says_until_when_and_only_staff_read_by_whom(make_user, client_of):
    talk = make_talk(make_user)
    until = datetime.now(UTC).replace(microsecond=0) + HOUR

    answer = client_of(talk.agent).post(f"/api/chats/{talk.id}/snooze/", {"until": until.isoformat()}, format="json")

    assert answer.json()["snoozed_until"] == until.isoformat().replace("+00:00", "Z")
    event = payloads_in(talk.topic)[-1][1]
    assert (event["state"], event["user_id"], event["until"]) == ("snoozed", None, f"{until:%Y-%m-%dT%H:%M:%S}.000000Z")
    assert "Ben" not in str(event)
    assert payloads_in(desk_of(talk))[-1][1]["user"] == "Ben"


@pytest.mark.django_db
def test_the_customers_next_word_wakes_a_chat_and_the_agents_does_not(make_user):
    talk = make_talk(make_user)
    triage.snooze_chat(actor=principal_of(talk.agent), chat_id=talk.id, until=datetime.now(UTC) + HOUR)

    say(talk.id, talk.agent, "one more thing", role="agent")
    still = Chat.objects.get(pk=talk.id).is_snoozed
    say(talk.id, talk.customer, "here I am")

    assert still
    assert not Chat.objects.get(pk=talk.id).is_snoozed


@pytest.mark.django_db
def test_a_chat_wakes_by_itself_when_its_time_has_come(make_user, client_of):
    """Nothing has to run for it: every reader compares with the clock."""
    talk = make_talk(make_user)
    client = client_of(talk.agent)
    triage.snooze_chat(actor=principal_of(talk.agent), chat_id=talk.id, until=datetime.now(UTC) + HOUR)
    before = [len(client.get(f"/api/chats/chat/?state={state}").json()) for state in ("snoozed", "open")]

    Chat.objects.filter(pk=talk.id).update(snoozed_until=datetime.now(UTC) - timedelta(seconds=1))

    after = [len(client.get(f"/api/chats/chat/?state={state}").json()) for state in ("snoozed", "open")]
    assert (before, after) == ([1, 0], [0, 1])
    assert client.get(f"/api/chats/{talk.id}/").json()["state"] == "open"


@pytest.mark.django_db
def test_waking_by_hand_is_told_once(make_user, client_of):
    talk = make_talk(make_user)
    triage.snooze_chat(actor=principal_of(talk.agent), chat_id=talk.id, until=datetime.now(UTC) + HOUR)
    client = client_of(talk.agent)

    answers = [client.delete(f"/api/chats/{talk.id}/snooze/").json() for _ in range(2)]

    assert answers == [{"snoozed_until": None}] * 2
    assert [event["until"] is None for _, event in payloads_in(talk.topic)[2:]] == [False, True]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("until", "status"),
    [("2020-01-01T00:00:00Z", 422), ("2999-01-01T00:00:00Z", 422), ("soon", 400), (None, 400), (7, 400)],
)
def test_a_time_that_makes_no_sense_is_refused(make_user, client_of, until, status):
    talk = make_talk(make_user)
    client, before = client_of(talk.agent), everything_stored()

    answer = client.post(f"/api/chats/{talk.id}/snooze/", {"until": until}, format="json")

    assert answer.status_code == status
    assert everything_stored() == before
    assert Chat.objects.get(pk=talk.id).snoozed_until is None


@pytest.mark.django_db
def test_a_snoozed_chat_leaves_room_for_another(make_user, settings):
    settings.SUPPORT = {**settings.SUPPORT, "load_max": 1}
    talk = make_talk(make_user)
    make_available(talk.agent)
    AgentStatus.objects.update(is_switched_on=True)
    full = waiting_chat(make_user())

    triage.snooze_chat(actor=principal_of(talk.agent), chat_id=talk.id, until=datetime.now(UTC) + HOUR)

    assert full.admin_id is None
    assert waiting_chat(make_user()).admin_id == talk.agent.pk


@pytest.mark.django_db
def test_priorities_are_what_the_database_allows(make_user):
    chat = make_talk(make_user).chat

    assert sorted(Priority.values) == [0, 1, 2, 3]
    with pytest.raises(Exception, match="support_chat_priority_known"):
        Chat.objects.filter(pk=chat.pk).update(priority=4)
