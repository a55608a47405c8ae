"""What staff say beside a chat: on a topic of its own, numbered by itself, and never seen by its customer."""

import asyncio

import pytest

from backend.identity.principals import principal_of
from backend.support.models import Priority
from backend.support.services import chats, triage
from backend.support.tests.factories import desk_of, everything_stored, head_of, make_talk, payloads_in, say
from backend.support.tests.wire import read_until, wire
from bench.client import call


def _notes(talk):
    return f"/api/chats/{talk.id}/notes/"


@pytest.mark.django_db
def test_a_note_is_kept_once_and_read_in_pages(make_user, client_of):
    talk = make_talk(make_user)
    client = client_of(talk.agent)

    first = client.post(_notes(talk), {"message": "angry", "client_id": "n"}, format="json")
    again = client.post(_notes(talk), {"message": "angry", "client_id": "n"}, format="json")
    other = client.post(_notes(talk), {"message": "calm", "client_id": "n"}, format="json")
    client.post(_notes(talk), {"message": "called back"}, format="json")

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json() | {"duplicate": True}
    assert (other.status_code, other.json()["code"]) == (409, "client_id_conflict")
    page = client.get(_notes(talk) + "?limit=1").json()
    assert ([note["message"] for note in page["results"]], page["head"], page["has_more"]) == (["angry"], 2, True)
    (note,) = client.get(_notes(talk) + "?after=1").json()["results"]
    assert (note["type"], note["desk_seq"], note["message"], note["fact"]) == ("note", 2, "called back", None)
    assert page["results"][0]["id"] == first.json()["id"]
    assert head_of(talk.topic) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("message", [None, "", "  ", 7, ["x"], "x" * 4001, "\x00"])
def test_a_note_that_cannot_be_is_refused(make_user, client_of, message):
    talk = make_talk(make_user)
    client, before = client_of(talk.agent), everything_stored()

    answer = client.post(_notes(talk), {"message": message}, format="json")

    assert (answer.status_code, list(answer.json())) == (400, ["message"])
    assert everything_stored() == before


@pytest.mark.django_db
def test_only_who_answers_in_the_chat_reads_and_writes_notes_also_after_it_was_closed(make_user, client_of):
    talk = make_talk(make_user)
    others = [talk.customer, make_user(), make_user("SUPPORT_AGENT"), make_user(is_staff=True, is_superuser=True)]
    chats.close_chat(actor=principal_of(talk.agent), chat_id=talk.id)
    clients = [client_of(person) for person in others]
    before = everything_stored()

    answers = [client.post(_notes(talk), {"message": "x"}, format="json") for client in clients]
    reads = [client.get(_notes(talk)) for client in clients]

    assert [answer.status_code for answer in answers + reads] == [404] * 8
    assert everything_stored() == before
    assert client_of(talk.agent).post(_notes(talk), {"message": "done"}, format="json").status_code == 201


@pytest.mark.django_db
def test_what_the_desk_does_is_told_on_the_desk_alone(make_user):
    talk = make_talk(make_user)

    triage.set_priority(actor=principal_of(talk.agent), chat_id=talk.id, priority=Priority.URGENT)

    assert payloads_in(desk_of(talk)) == [
        (
            "fact",
            {
                "user": "Ben",
                "user_id": talk.agent.pk,
                "message": "Ben set the priority to urgent.",
                "fact": "priority",
                "priority": "urgent",
            },
        )
    ]
    assert head_of(talk.topic) == 2


@pytest.mark.server
def test_staff_sockets_carry_notes_and_customers_have_no_holes(live, talk):
    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana, wire(live, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            for number in range(3):
                body = {"message": f"note {number}"}
                await asyncio.to_thread(call, live.base_url, "POST", _notes(talk), body, talk.agent_token)
                await ana.say(f"said {number}")
                await ana.get("message")
            await read_until(lambda: len(ben.of("note") + ben.of("message")) == 6, ben)
            heard = [frame for frame in ben.seen[1:] if frame["type"] != "presence"]
            pong = await ben.ask({"type": "ping"})
            return heard, pong, await ana.settle(), ana.seen

    heard, pong, rest, customers = asyncio.run(play())
    assert [frame["desk_seq"] for frame in heard if frame["type"] == "note"] == [1, 2, 3]
    assert [frame["seq"] for frame in heard if frame["type"] == "message"] == [3, 4, 5]
    assert (pong["head"], pong["desk_head"]) == (5, 3)
    assert rest == []
    assert "note" not in str(customers)


@pytest.mark.server
def test_both_cursors_bring_exactly_what_was_missed(live, talk):
    """The customer may name the desk too: it is nothing to them."""
    for number in range(4):
        call(live.base_url, "POST", _notes(talk), {"message": f"note {number}"}, talk.agent_token)
        say(talk.id, talk.customer, f"said {number}")

    async def array_of(token, after):
        async with wire(live, talk.id, token, after=after) as member:
            first = await member.array()
            return first, await member.ask({"type": "ping"})

    async def play():
        both = await array_of(talk.agent_token, "5&desk_after=3")
        reset = await array_of(talk.agent_token, "6&desk_after=99")
        customers = await array_of(talk.customer_token, "5&desk_after=0")
        async with wire(live, talk.id, talk.agent_token, after="6&desk_after=4") as ben:
            await ben.array()
            notes = await ben.ask_for_array({"type": "resume", "desk_after": 2})
            bad = await ben.ask({"type": "resume", "desk_after": -1})
        return both, reset, customers, notes, bad

    (both, pong), (again, reset), (customers, _), notes, bad = asyncio.run(play())
    assert [(event["type"], event["message"]) for event in both] == [("note", "note 3"), ("message", "said 3")]
    assert (pong["head"], pong["desk_head"]) == (6, 4)
    assert [event["message"] for event in again] == [f"note {number}" for number in range(4)]
    assert reset == {"type": "reset", "head": 4, "desk": True}
    assert [event["message"] for event in customers] == ["said 3"]
    assert [note["message"] for note in notes] == ["note 2", "note 3"]
    assert (bad["type"], bad["code"]) == ("error", "invalid_after")
