"""After a chat: its customer rates it, and it can be opened again for a while."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.identity.principals import principal_of
from backend.identity.services import roles
from backend.support.models import Chat, Rating
from backend.support.services import chats
from backend.support.tests.factories import (
    everything_stored,
    kinds_in,
    make_available,
    make_talk,
    payloads_in,
    states_in,
    waiting_chat,
)
from backend.tests.commits import in_parallel

WEEK = timedelta(days=7, seconds=1)


@pytest.fixture
def talk(make_user):
    made = make_talk(make_user)
    chats.close_chat(actor=principal_of(made.agent), chat_id=made.id)
    return made


def _rate(client, talk, **body):
    return client.post(f"/api/chats/{talk.id}/rating/", body, format="json")


def _reopen(client, talk):
    return client.post(f"/api/chats/{talk.id}/reopen/")


def _age(talk, delta=WEEK):
    Chat.objects.filter(pk=talk.id).update(closed_at=datetime.now(UTC) - delta)


# Rating


@pytest.mark.django_db
def test_a_rating_is_given_once_and_may_be_thought_over(talk, client_of):
    ana, ben = client_of(talk.customer), client_of(talk.agent)

    first = _rate(ana, talk, stars=4, comment="Quick.")
    again = _rate(ana, talk, stars=4, comment="Quick.")
    changed = _rate(ana, talk, stars=5)

    assert [answer.status_code for answer in (first, again, changed)] == [201, 200, 200]
    assert (changed.json()["stars"], changed.json()["comment"]) == (5, "")
    assert ben.get(f"/api/chats/{talk.id}/rating/").json() == changed.json()
    told = [event for _, event in payloads_in(talk.topic) if event.get("state") == "rated"]
    assert [(event["stars"], event["message"]) for event in told] == [
        (4, "Ana rated the chat: 4 of 5."),
        (5, "Ana rated the chat: 5 of 5."),
    ]
    assert "Quick." not in str(told)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body", [{}, {"stars": 0}, {"stars": 6}, {"stars": "many"}, {"stars": 5, "comment": "x" * 1001}, {"stars": 1.5}]
)
def test_a_rating_that_is_none_is_refused(talk, client_of, body):
    client, before = client_of(talk.customer), everything_stored()

    assert _rate(client, talk, **body).status_code == 400
    assert everything_stored() == before
    assert not Rating.objects.exists()


@pytest.mark.django_db
def test_nobody_else_rates_and_nothing_is_rated_too_early_or_too_late(talk, make_user, client_of):
    ana, ben, stranger = client_of(talk.customer), client_of(talk.agent), client_of(make_user())
    others = [_rate(client, talk, stars=5).status_code for client in (ben, stranger)]
    _age(talk)
    late = _rate(ana, talk, stars=1)
    Chat.objects.filter(pk=talk.id).update(closed_at=None)
    early = _rate(ana, talk, stars=1)

    assert others == [404, 404]
    assert (late.status_code, late.json()["code"]) == (422, "chat.too_long_closed")
    assert (early.status_code, early.json()["code"]) == (409, "chat.still_open")
    assert not Rating.objects.exists()


# Reopening


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["customer", "agent"])
def test_customer_or_agent_reopen_a_chat_and_its_agent_goes_on(talk, client_of, who):
    person = getattr(talk, who)

    answer = _reopen(client_of(person), talk)
    again = _reopen(client_of(person), talk)

    assert (answer.status_code, answer.json()["is_active"], answer.json()["admin"]) == (200, True, talk.agent.pk)
    assert again.json() == answer.json()
    assert states_in(talk.topic) == ["opened", "assigned", "closed", "reopened"]
    assert kinds_in(f"user.{talk.agent.pk}") == ["chat.assigned"] * 2
    said = client_of(talk.customer).post(f"/api/chats/{talk.id}/messages/", {"message": "again"}, format="json")
    assert said.status_code == 201


@pytest.mark.django_db
def test_a_reopened_chat_of_a_former_agent_goes_to_whoever_is_there(talk, make_user, client_of):
    cleo = make_user("SUPPORT_AGENT")
    roles.withdraw_role(user=talk.agent, name="SUPPORT_AGENT", withdrawn_by=None)
    make_available(cleo)

    answer = _reopen(client_of(talk.customer), talk)

    assert answer.json()["admin"] == cleo.pk
    assert states_in(talk.topic)[-2:] == ["reopened", "assigned"]


@pytest.mark.django_db
def test_a_reopened_chat_waits_where_nobody_is_there(talk, client_of):
    roles.withdraw_role(user=talk.agent, name="SUPPORT_AGENT", withdrawn_by=None)

    answer = _reopen(client_of(talk.customer), talk)

    assert (answer.json()["admin"], states_in(talk.topic)[-1]) == (None, "reopened")
    assert kinds_in("desk.support")[-1] == "chat.queued"


@pytest.mark.django_db
def test_one_customer_has_one_open_chat_also_by_reopening(talk, client_of):
    newer = waiting_chat(talk.customer)
    ana, ben = client_of(talk.customer), client_of(talk.agent)
    before = everything_stored()

    customers, agents = _reopen(ana, talk), _reopen(ben, talk)

    assert (customers.status_code, customers.json()["code"]) == (409, "chat.another_open")
    assert customers.json()["chat_id"] == str(newer.pk)
    assert (agents.status_code, "chat_id" in agents.json()) == (409, False)
    assert everything_stored() == before
    assert not Chat.objects.get(pk=talk.id).is_active


@pytest.mark.django_db
def test_after_a_week_a_chat_stays_closed_and_others_never_open_it(talk, make_user, client_of):
    stranger = client_of(make_user("SUPPORT_AGENT"))
    client = client_of(talk.customer)
    _age(talk)
    before = everything_stored()

    assert _reopen(client, talk).json()["code"] == "chat.too_long_closed"
    assert _reopen(stranger, talk).status_code == 404
    assert everything_stored() == before


def test_reopening_and_opening_at_once_leave_one_open_chat(committed, make_user):
    """E-S1-15: both meet in the unique index; one of them hears of the other."""
    talk = make_talk(make_user)
    chats.close_chat(actor=principal_of(talk.agent), chat_id=talk.id)
    ana, ben = principal_of(talk.customer), principal_of(talk.agent)

    answers = in_parallel(
        lambda: chats.reopen_chat(actor=ana, chat_id=talk.id),
        lambda: chats.reopen_chat(actor=ben, chat_id=talk.id),
        lambda: chats.get_or_open_chat(actor=ana),
        lambda: chats.get_or_open_chat(actor=ana),
    )

    (open_chat,) = Chat.objects.filter(customer=talk.customer, closed_at=None)
    good = [answer for answer in answers if isinstance(answer, Chat)]
    refused = [answer.code for answer in answers if not isinstance(answer, Chat)]
    assert {answer.pk for answer in good} == {open_chat.pk}
    assert set(refused) <= {"chat.another_open"}
    assert states_in(talk.topic).count("reopened") == int(open_chat.pk == talk.id)
