"""Editing and withdrawing what one said: the current text everywhere, the old ones for the staff alone."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from django.db.models import F

from backend.audit.models import AuditLog
from backend.identity.principals import principal_of
from backend.realtime.models import Event
from backend.support.models import MessageVersion
from backend.support.services import chats, edits
from backend.support.tests.factories import everything_stored, make_talk, payloads_in, say, states_in
from backend.support.tests.wire import wire
from backend.tests.commits import in_parallel
from bench.client import call


def _path(talk, message_id, rest=""):
    return f"/api/chats/{talk.id}/messages/{message_id}/{rest}"


@pytest.mark.django_db
def test_an_edited_message_keeps_its_place_and_its_history_is_for_the_staff(make_user, client_of):
    talk = make_talk(make_user)
    message_id = say(talk.id, talk.customer, "My PIN is 1234", client_id="c")
    ana, ben = client_of(talk.customer), client_of(talk.agent)

    first = ana.patch(_path(talk, message_id), {"message": "My PIN does not work"}, format="json").json()
    again = ana.patch(_path(talk, message_id), {"message": "My PIN does not work"}, format="json").json()
    second = ana.patch(_path(talk, message_id), {"message": "It works"}, format="json").json()

    assert (first["seq"], first["id"], first["client_id"]) == (3, message_id, "c")
    assert again == first
    assert second["message"] == "It works"
    assert second["edited_at"] > first["edited_at"] > first["timestamp"]
    assert ana.get(f"/api/chats/{talk.id}/messages/?after=2").json()["results"][0] == second
    assert [event["state"] for _, event in payloads_in(talk.topic)[3:]] == ["edited", "edited"]
    assert {event["target"] for _, event in payloads_in(talk.topic)[3:]} == {message_id}
    assert "PIN" not in str(payloads_in(talk.topic))
    versions = ben.get(_path(talk, message_id, "versions/")).json()
    assert [(one["number"], one["message"], one["until"] is None) for one in versions] == [
        (1, "My PIN is 1234", False),
        (2, "My PIN does not work", False),
        (3, "It works", True),
    ]
    assert ana.get(_path(talk, message_id, "versions/")).status_code == 404
    assert AuditLog.objects.filter(action="message.edited", actor_id=talk.customer.pk).count() == 2
    assert "PIN" not in str(list(AuditLog.objects.values_list("facts", flat=True)))


@pytest.mark.django_db
def test_a_withdrawn_message_is_empty_for_good_but_not_for_the_staff(make_user, client_of):
    talk = make_talk(make_user)
    message_id = say(talk.id, talk.customer, "my card number", client_id="c")
    client = client_of(talk.customer)

    gone = client.delete(_path(talk, message_id)).json()
    again = client.delete(_path(talk, message_id)).json()
    edited = client.patch(_path(talk, message_id), {"message": "back"}, format="json")
    repeat = client.post(
        f"/api/chats/{talk.id}/messages/", {"message": "my card number", "client_id": "c"}, format="json"
    )

    assert (gone["message"], gone["attachments"], again) == ("", [], gone)
    assert (edited.status_code, edited.json()["code"]) == (409, "message.withdrawn")
    assert (repeat.status_code, repeat.json()["duplicate"]) == (200, True)
    assert states_in(talk.topic)[2:] == ["withdrawn"]
    assert "card number" not in str(payloads_in(talk.topic))
    versions = client_of(talk.agent).get(_path(talk, message_id, "versions/")).json()
    assert [(one["number"], one["message"]) for one in versions] == [(1, "my card number")]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "who", "prepare", "status", "code"),
    [
        ("the other side", "agent", None, 403, "message.not_own"),
        ("a stranger", "stranger", None, 404, "chat.unknown"),
        ("after 15 minutes", "customer", "old", 422, "message.too_old"),
        ("in a closed chat", "customer", "closed", 409, "chat.closed"),
        ("what is no message", "customer", "event", 404, "message.unknown"),
        ("of another chat", "customer", "elsewhere", 404, "message.unknown"),
    ],
)
def test_who_may_not_change_a_message_changes_nothing(make_user, client_of, _case, who, prepare, status, code):
    talk = make_talk(make_user)
    people = {"customer": talk.customer, "agent": talk.agent, "stranger": make_user()}
    message_id = say(talk.id, talk.customer, "hello")
    if prepare == "old":
        Event.objects.filter(topic__key=talk.topic).update(
            created_at=F("created_at") - timedelta(minutes=15, seconds=1)
        )
    elif prepare == "closed":
        chats.close_chat(actor=principal_of(talk.agent), chat_id=talk.id)
    elif prepare == "event":
        message_id = client_of(talk.customer).get(f"/api/chats/{talk.id}/messages/").json()["results"][0]["id"]
    elif prepare == "elsewhere":
        message_id = uuid.uuid4()
    client, before = client_of(people[who]), everything_stored()

    edited = client.patch(_path(talk, message_id), {"message": "other"}, format="json")
    withdrawn = client.delete(_path(talk, message_id))

    assert (edited.status_code, edited.json()["code"]) == (status, code)
    assert (withdrawn.status_code, withdrawn.json()["code"]) == (status, code)
    assert everything_stored() == before
    assert not MessageVersion.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("message", [None, "", 7, "x" * 4001, "\x00"])
def test_a_text_that_cannot_be_said_is_no_edit(make_user, client_of, message):
    talk = make_talk(make_user)
    message_id = say(talk.id, talk.customer, "hello")
    client, before = client_of(talk.customer), everything_stored()

    answer = client.patch(_path(talk, message_id), {"message": message}, format="json")

    assert (answer.status_code, list(answer.json())) == (400, ["message"])
    assert everything_stored() == before


@pytest.mark.server
def test_live_clients_are_told_and_coming_back_brings_the_current_text(live, talk):
    """Also to a client that takes its time: the rest of a long history is read when it is ready for it."""
    long = [say(talk.id, talk.customer, f"{number} " + "\U0001f389" * 3900) for number in range(60)]
    secret = say(talk.id, talk.customer, "a secret that goes")

    async def play():
        async with (
            wire(live, talk.id, talk.agent_token) as ben,
            wire(live, talk.id, talk.agent_token, after=0, max_queue=1) as slow,
        ):
            await ben.array()
            first = await slow.array()
            status, _ = await asyncio.to_thread(
                call, live.base_url, "DELETE", _path(talk, secret), None, talk.customer_token
            )
            told = await ben.get("chat")
            arrays = [first]
            while sum(len(array) for array in arrays) < 63:
                arrays.append(await slow.array())
            live_event = await slow.get("chat")
            return status, told, [event for array in arrays for event in array], live_event

    status, told, events, live_event = asyncio.run(play())
    assert status == 200
    assert (told["state"], told["target"]) == ("withdrawn", secret)
    assert [event["seq"] for event in events] == list(range(1, 64))
    assert events[2]["id"] == long[0]
    assert live_event == told


def test_two_devices_that_change_a_message_at_once_do_not_overwrite_one_another(committed, make_user):
    """E-S1-19: one wins, the others hear that it was changed meanwhile."""
    talk = make_talk(make_user)
    actor = principal_of(talk.customer)
    message_id = uuid.UUID(say(talk.id, talk.customer, "hello"))
    about = {"actor": actor, "chat_id": talk.id, "message_id": message_id}

    answers = in_parallel(
        *(lambda n=n: edits.edit_message(**about, text=f"text {n}") for n in range(3)),
        lambda: edits.withdraw_message(**about),
    )

    told = states_in(talk.topic)[2:]
    kept = MessageVersion.objects.filter(chat=talk.chat).order_by("number")
    refused = [answer.code for answer in answers if isinstance(answer, Exception)]
    assert len(told) + len(refused) == 4
    assert set(refused) <= {"message.changed", "message.withdrawn"}
    assert [one.number for one in kept] == list(range(1, len(told) + 1))
    assert told.count("withdrawn") <= 1
