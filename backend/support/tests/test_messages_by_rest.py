"""`/api/chats/<uuid>/messages/`: the same events as on the socket, for clients that hold none."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.identity.principals import principal_of
from backend.identity.services import roles
from backend.support.frames import topic_of
from backend.support.services import chats
from backend.support.tests.factories import (
    head_of,
    make_talk,
    store_messages,
    texts_in,
    waiting_chat,
)
from backend.support.tests.wire import wire
from backend.tests.frames import check_frame
from bench.client import call


def _url(talk, query=""):
    return f"/api/chats/{talk.id}/messages/{query}"


@pytest.fixture
def here(make_user):
    """A chat in the test's own transaction."""
    return make_talk(make_user)


@pytest.mark.django_db
def test_whoever_answers_no_longer_reads_no_longer(here, client_of):
    """design.md section 3: a withdrawn role counts at the next request; the socket asks the same (4006)."""
    roles.withdraw_role(user=here.agent, name="SUPPORT_AGENT", withdrawn_by=None)
    before = head_of(here.topic)
    former = client_of(here.agent)

    asked = [
        former.get(_url(here)),
        former.post(_url(here), {"message": "still me?"}),
        former.get(f"/api/chats/{here.id}/"),
        former.post(f"/api/chats/{here.id}/close/"),
    ]

    assert [answer.status_code for answer in asked] == [404, 404, 404, 403]
    assert head_of(here.topic) == before
    assert client_of(here.customer).get(_url(here)).status_code == 200


# Saying


@pytest.mark.django_db
def test_a_message_is_stored_and_answered_with_its_number(here, client_of):
    response = client_of(here.customer).post(_url(here), {"message": " hi ", "client_id": "c-1"})

    body = response.json()
    assert response.status_code == 201
    assert {name: body[name] for name in ("seq", "client_id", "duplicate")} == {
        "seq": 3,
        "client_id": "c-1",
        "duplicate": False,
    }
    assert client_of(here.agent).get(_url(here)).json()["results"][-1]["id"] == body["id"]
    assert texts_in(here.topic) == [" hi "]


@pytest.mark.django_db
def test_both_members_speak_in_their_roles(here, client_of):
    client_of(here.customer).post(_url(here), {"message": "a"})
    client_of(here.agent).post(_url(here), {"message": "b"})

    said = client_of(here.customer).get(_url(here, "?after=2")).json()["results"]
    assert [(event["user"], event["user_id"], event["role"], event["client_id"]) for event in said] == [
        ("Ana", here.customer.pk, "customer", None),
        ("Ben", here.agent.pk, "agent", None),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "body", "field"),
    [
        ("nothing", {}, "message"),
        ("null", {"message": None}, "message"),
        ("a number", {"message": 5}, "message"),
        ("a list", {"message": ["x"]}, "message"),
        ("empty", {"message": ""}, "message"),
        ("blanks", {"message": " \n\t "}, "message"),
        ("too long", {"message": "x" * 4001}, "message"),
        ("NUL", {"message": "a\x00"}, "message"),
        ("client_id empty", {"message": "x", "client_id": ""}, "client_id"),
        ("client_id too long", {"message": "x", "client_id": "c" * 65}, "client_id"),
        ("client_id a number", {"message": "x", "client_id": 5}, "client_id"),
        ("an array", [{"message": "x"}], "message"),
        ("a text", "x", "message"),
    ],
)
def test_an_unfit_message_is_refused_by_field_and_nothing_is_stored(here, client_of, _case, body, field):
    response = client_of(here.customer).post(_url(here), body, format="json")

    assert response.status_code == 400
    assert list(response.json()) == [field]
    assert isinstance(response.json()[field][0], str)
    assert head_of(here.topic) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"message": "\\ud800"}', b'{"message": NaN}'])
def test_a_body_that_is_no_json_is_refused(here, client_of, body):
    response = client_of(here.customer).post(_url(here), body, content_type="application/json")

    assert (response.status_code, response.json()["code"]) == (400, "parse_error")
    assert head_of(here.topic) == 2


@pytest.mark.django_db
def test_a_repeat_is_200_with_the_first_number_and_is_not_said_again(here, client_of):
    client, body = client_of(here.customer), {"message": "hi", "client_id": "c"}

    first, again = client.post(_url(here), body), client.post(_url(here), body)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {**first.json(), "duplicate": True}
    assert texts_in(here.topic) == ["hi"]


@pytest.mark.django_db
def test_a_client_id_with_another_text_is_409(here, client_of):
    client = client_of(here.customer)
    client.post(_url(here), {"message": "hi", "client_id": "c"})

    response = client.post(_url(here), {"message": "bye", "client_id": "c"})

    assert (response.status_code, response.json()["code"]) == (409, "client_id_conflict")
    assert texts_in(here.topic) == ["hi"]


@pytest.mark.django_db
def test_a_closed_chat_takes_no_message_and_shows_its_transcript(here, client_of):
    """E-S1-19."""
    client_of(here.customer).post(_url(here), {"message": "hi"})
    chats.close_chat(actor=principal_of(here.agent), chat_id=here.id)

    for member in (here.customer, here.agent):
        response = client_of(member).post(_url(here), {"message": "too late"})
        assert (response.status_code, response.json()["code"]) == (409, "chat.closed")
        assert len(client_of(member).get(_url(here)).json()["results"]) == 4
    assert texts_in(here.topic) == ["hi"]


@pytest.mark.django_db
def test_a_message_sent_again_after_its_chat_was_closed_is_still_known(here, client_of):
    """Whoever lost the answer must learn that it was stored, not that it cannot be."""
    client, body = client_of(here.customer), {"message": "hi", "client_id": "c"}
    first = client.post(_url(here), body)
    chats.close_chat(actor=principal_of(here.agent), chat_id=here.id)

    again = client.post(_url(here), body)

    assert (again.status_code, again.json()) == (200, {**first.json(), "duplicate": True})
    assert client.post(_url(here), {"message": "bye", "client_id": "c"}).status_code == 409
    assert texts_in(here.topic) == ["hi"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "role_names", "flags"),
    [
        ("another customer", (), {}),
        ("another agent", ("SUPPORT_AGENT",), {}),
        ("a bank admin", ("BANK_ADMIN",), {}),
        ("a superuser", (), {"is_staff": True, "is_superuser": True}),
    ],
)
def test_a_stranger_neither_reads_nor_writes(here, make_user, client_of, _case, role_names, flags):
    client = client_of(make_user(*role_names, **flags))

    answers = client.get(_url(here)), client.post(_url(here), {"message": "x"})

    assert [answer.status_code for answer in answers] == [404, 404]
    assert [answer.json()["code"] for answer in answers] == ["chat.unknown"] * 2
    assert head_of(here.topic) == 2


@pytest.mark.django_db
def test_an_anonymous_caller_neither_reads_nor_writes(here, client_of):
    client = client_of(None)

    assert client.get(_url(here)).status_code == 401
    assert client.post(_url(here), {"message": "x"}).status_code == 401
    assert head_of(here.topic) == 2


@pytest.mark.django_db
def test_an_agent_reads_and_writes_a_waiting_chat_only_after_taking_it(make_user, client_of):
    agent = make_user("SUPPORT_AGENT")
    chat = waiting_chat(make_user())
    url = f"/api/chats/{chat.pk}/messages/"

    assert client_of(agent).get(url).status_code == 404
    assert client_of(agent).post(url, {"message": "x"}).status_code == 404
    assert texts_in(topic_of(chat.pk)) == []
    chats.take_chat(actor=principal_of(agent), chat_id=chat.pk)
    assert client_of(agent).post(url, {"message": "x"}).status_code == 201


# Reading


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "expected", "has_more"),
    [
        ("", list(range(1, 13)), False),
        ("?after=0&limit=5", [1, 2, 3, 4, 5], True),
        ("?after=5&limit=5", [6, 7, 8, 9, 10], True),
        ("?after=10&limit=5", [11, 12], False),
        ("?after=7&limit=5", [8, 9, 10, 11, 12], False),
        ("?after=12", [], False),
        ("?after=99", [], False),
        ("?limit=1", [1], True),
        ("?limit=500", list(range(1, 13)), False),
        ("?after=4611686018427387903", [], False),
    ],
)
def test_pages_of_messages(here, client_of, query, expected, has_more):
    store_messages(here, *[str(n) for n in range(10)])

    response = client_of(here.agent).get(_url(here, query))

    body = response.json()
    assert response.status_code == 200
    assert [event["seq"] for event in body["results"]] == expected
    assert (body["head"], body["has_more"]) == (12, has_more)
    check_frame(body["results"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?after=-1", "after"),
        ("?after=x", "after"),
        ("?after=", "after"),
        ("?after=1.5", "after"),
        ("?after=4611686018427387904", "after"),
        ("?after=" + "9" * 40, "after"),
        ("?after=%D9%A1", "after"),
        ("?limit=0", "limit"),
        ("?limit=501", "limit"),
        ("?limit=-5", "limit"),
        ("?limit=many", "limit"),
    ],
)
def test_a_page_that_cannot_be_is_refused(here, client_of, query, field):
    response = client_of(here.customer).get(_url(here, query))

    assert (response.status_code, list(response.json())) == (400, [field])


# Together with the socket


@pytest.mark.server
def test_what_is_said_by_rest_reaches_the_open_sockets(live, talk):
    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana, wire(live, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            body = {"message": "by rest", "client_id": "c"}
            status, sent = await asyncio.to_thread(call, live.base_url, "POST", _url(talk), body, talk.customer_token)
            heard = await ana.get("message"), await ben.get("message")
            return status, sent, heard, await ana.ask({"message": "by rest", "client_id": "c"})

    status, sent, (mine, theirs), ack = asyncio.run(play())
    assert (status, mine) == (201, theirs)
    assert (mine["seq"], mine["id"], mine["message"]) == (sent["seq"], sent["id"], "by rest")
    assert ack == {"type": "ack", "client_id": "c", "seq": 3, "duplicate": True}


@pytest.mark.server
def test_one_message_posted_many_times_at_once_is_stored_once(live, talk):
    body = {"message": "hi", "client_id": "c"}

    with ThreadPoolExecutor(8) as callers:
        send = lambda _: call(live.base_url, "POST", _url(talk), body, talk.customer_token)  # noqa: E731
        answers = list(callers.map(send, range(16)))

    assert sorted(status for status, _ in answers) == [200] * 15 + [201]
    assert {answer["seq"] for _, answer in answers} == {3}
    assert texts_in(talk.topic) == ["hi"]


@pytest.mark.server
def test_members_posting_at_once_get_numbers_without_a_hole(live, talk):
    tokens = {"customer": talk.customer_token, "agent": talk.agent_token}

    def say(n):
        role = "customer" if n % 2 else "agent"
        return call(live.base_url, "POST", _url(talk), {"message": f"{role} {n}"}, tokens[role])

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(say, range(40)))

    assert {status for status, _ in answers} == {201}
    assert sorted(answer["seq"] for _, answer in answers) == list(range(3, 43))
    assert sorted(texts_in(talk.topic)) == sorted(f"{'customer' if n % 2 else 'agent'} {n}" for n in range(40))
