"""`expected_seq`: an agent's answer is not sent over a colleague's, whoever is quicker, and never by chance."""

import asyncio
import uuid
from contextlib import ExitStack

import pytest
from django.db import connection, transaction

from backend.identity.principals import principal_of
from backend.realtime.services import append
from backend.support.errors import AnsweredMeanwhile
from backend.support.frames import said
from backend.support.services import members, messages
from backend.support.tests.factories import head_of, make_talk, say, store_messages, texts_in, token_of
from backend.support.tests.wire import wire
from backend.tests.commits import in_background, in_parallel, wait_until_one_waits_for_us


@pytest.fixture
def with_sue():
    def let_in(talk, make_user):
        sue = make_user("SUPPORT_AGENT", first_name="Sue")
        members.add_member(actor=principal_of(talk.agent), chat_id=talk.id, user_id=sue.pk)
        return sue

    return let_in


def _post(client, talk, text, **fields):
    return client.post(f"/api/chats/{talk.id}/messages/", {"message": text, **fields}, format="json")


def _answer(talk, user, text, **fields):
    fields = {"message": text, "expected_seq": 2, **fields}
    return said(fields, chat_id=talk.id, author=principal_of(user), role="agent")


@pytest.mark.django_db
def test_a_colleagues_answer_refuses_mine_with_what_i_missed(make_user, client_of, with_sue):
    talk = make_talk(make_user)
    sue = with_sue(talk, make_user)
    say(talk.id, talk.customer, "hello?")
    say(talk.id, sue, "I have it", role="agent")
    client = client_of(talk.agent)

    refused = _post(client, talk, "me too", expected_seq=3, client_id="c")
    seen = _post(client, talk, "me too", expected_seq=4, client_id="c")
    repeat = _post(client, talk, "me too", expected_seq=3, client_id="c")

    assert (refused.status_code, refused.json()["code"], refused.json()["head"]) == (409, "chat.answered_meanwhile", 4)
    assert [event["message"] for event in refused.json()["missed"]] == ["I have it"]
    assert (seen.status_code, repeat.status_code, repeat.json()["duplicate"]) == (201, 200, True)
    assert texts_in(talk.topic) == ["hello?", "I have it", "me too"]


@pytest.mark.django_db
def test_what_the_customer_or_oneself_said_meanwhile_refuses_nothing(make_user, client_of):
    talk = make_talk(make_user)
    say(talk.id, talk.customer, "one")
    say(talk.id, talk.agent, "two", role="agent")
    say(talk.id, talk.customer, "three")

    assert _post(client_of(talk.agent), talk, "four", expected_seq=2).status_code == 201
    assert (
        _post(client_of(talk.customer), talk, "five", expected_seq=2).status_code == 201
    )  # Customers may always speak.


@pytest.mark.django_db
def test_who_is_far_behind_is_refused_and_told_the_next_hundred(make_user, client_of):
    talk = make_talk(make_user)
    store_messages(talk, *(str(number) for number in range(150)))

    answer = _post(client_of(talk.agent), talk, "x", expected_seq=2)

    assert (answer.status_code, len(answer.json()["missed"]), answer.json()["head"]) == (409, 100, 152)


@pytest.mark.django_db
@pytest.mark.parametrize("value", [-1, "3", 1.5, True, 2**62, [3]])
def test_a_position_that_is_none_is_refused(make_user, client_of, value):
    talk = make_talk(make_user)

    answer = _post(client_of(talk.agent), talk, "x", expected_seq=value)

    assert (answer.status_code, list(answer.json())) == (400, ["expected_seq"])
    assert texts_in(talk.topic) == []


def test_an_answer_stored_between_the_snapshot_and_the_lock_counts(committed, make_user, with_sue):
    """The statement waits for the chat's row; what its holder stores is not in the statement's own snapshot."""
    talk = make_talk(make_user)
    sue = with_sue(talk, make_user)
    mine = _answer(talk, talk.agent, "mine")

    with ExitStack() as stack:
        with transaction.atomic():
            append([_answer(talk, sue, "hers", expected_seq=None).draft()], guard=messages._GUARD)
            result = stack.enter_context(in_background(lambda: messages.post_message(message=mine)))
            wait_until_one_waits_for_us()
        fault = result()

    assert isinstance(fault, AnsweredMeanwhile)
    assert [event["message"] for event in fault.extra["missed"]] == ["hers"]
    assert texts_in(talk.topic) == ["hers"]


def test_of_many_who_answer_at_once_one_does(committed, make_user, with_sue):
    talk = make_talk(make_user)
    people = [talk.agent, *(with_sue(talk, make_user) for _ in range(4))]

    answers = in_parallel(
        *(lambda one=one: messages.post_message(message=_answer(talk, one, f"by {one.pk}")) for one in people)
    )

    refused = [answer for answer in answers if isinstance(answer, AnsweredMeanwhile)]
    (winner,) = [answer for answer in answers if answer not in refused]
    assert len(refused) == 4
    assert {fault.extra["missed"][0]["seq"] for fault in refused} == {winner.event.seq}
    assert len(texts_in(talk.topic)) == 1


@pytest.mark.django_db
def test_in_one_batch_the_first_answer_wins(make_user, with_sue):
    talk = make_talk(make_user)
    sue = with_sue(talk, make_user)
    batch = [_answer(talk, talk.agent, "first"), _answer(talk, sue, "second"), _answer(talk, talk.agent, "third")]

    first, second, third = messages.store_messages(batch)

    assert (first.event.seq, third.event.seq) == (3, 4)
    assert isinstance(second, AnsweredMeanwhile)
    assert [event["message"] for event in second.extra["missed"]] == ["first"]
    assert texts_in(talk.topic) == ["first", "third"]


@pytest.mark.django_db
def test_a_plain_message_costs_no_look_at_what_was_said(make_user):
    talk = make_talk(make_user)
    plain = said({"message": "x"}, chat_id=talk.id, author=principal_of(talk.agent), role="agent")
    messages.store_messages([plain])

    queries: list[str] = []
    with connection.execute_wrapper(lambda run, sql, *rest: (queries.append(sql), run(sql, *rest))[1]):
        messages.store_messages([plain])

    assert len(queries) == 1


@pytest.mark.server
def test_on_the_socket_the_error_carries_what_was_missed(live, talk, make_user, with_sue):
    sue = with_sue(talk, make_user)
    sue_token, client_id = token_of(sue), uuid.uuid4().hex

    async def play():
        async with wire(live, talk.id, talk.agent_token) as ben, wire(live, talk.id, sue_token) as second:
            await ben.array()
            await second.array()
            await second.say("I have it", expected_seq=2)
            await ben.get("message")
            error = await ben.ask({"message": "me too", "expected_seq": 2, "client_id": client_id})
            bad = await ben.ask({"message": "x", "expected_seq": "two"})
            await ben.say("then I go", expected_seq=3)
            return error, bad, await second.messages(2)

    error, bad, heard = asyncio.run(play())
    assert (error["type"], error["code"], error["client_id"]) == ("error", "chat.answered_meanwhile", client_id)
    assert ([event["message"] for event in error["missed"]], error["head"]) == (["I have it"], 3)
    assert bad["code"] == "invalid_message"
    assert [event["message"] for event in heard] == ["I have it", "then I go"]
    assert head_of(talk.topic) == 4
