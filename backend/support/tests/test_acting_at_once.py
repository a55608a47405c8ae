"""Several act on one chat at the same moment: one wins, the others hear why, and nobody is told twice."""

import pytest

from backend.identity.principals import principal_of
from backend.support.errors import ChatTaken
from backend.support.models import Chat
from backend.support.services import chats, members, transfers, triage
from backend.support.tests.factories import kinds_in, make_talk, states_in, waiting_chat
from backend.tests.commits import in_parallel


@pytest.fixture
def talk(committed, make_user):
    return make_talk(make_user)


def _codes(answers):
    return [answer.code for answer in answers if isinstance(answer, Exception)]


def test_of_many_who_take_a_chat_one_gets_it(talk, make_user):
    waiting = waiting_chat(make_user())
    actors = [principal_of(make_user("SUPPORT_AGENT")) for _ in range(5)]

    answers = in_parallel(*(lambda one=one: chats.take_chat(actor=one, chat_id=waiting.pk) for one in actors))

    assert _codes(answers) == ["chat.taken"] * 4
    assert states_in(f"chat.{waiting.pk}") == ["opened", "assigned"]


def test_of_two_who_transfer_a_chat_to_different_people_one_does(talk, make_user):
    """Its agent and a second one, at once: the loser hears that it is a colleague's, and nobody loses it again."""
    sue, cleo, dan = (make_user("SUPPORT_AGENT") for _ in range(3))
    ben = principal_of(talk.agent)
    members.add_member(actor=ben, chat_id=talk.id, user_id=sue.pk)
    targets = {talk.agent.pk: cleo.pk, sue.pk: dan.pk}

    answers = in_parallel(
        *(
            lambda one=one: transfers.transfer_chat(actor=one, chat_id=talk.id, agent_id=targets[one.id])
            for one in (ben, principal_of(sue))
        )
    )

    moved = states_in(talk.topic).count("transferred")
    assert len(_codes(answers)) == 2 - moved
    assert set(_codes(answers)) <= {"chat.taken"}
    assert Chat.objects.get(pk=talk.id).admin_id in targets.values()
    assert kinds_in("desk.support").count("chat.assigned") == 1 + moved


def test_transferring_and_closing_at_once(talk, make_user):
    cleo, boss = make_user("SUPPORT_AGENT"), principal_of(make_user(is_staff=True, is_superuser=True))
    ben = principal_of(talk.agent)

    moved, closed, also = in_parallel(
        lambda: transfers.transfer_chat(actor=ben, chat_id=talk.id, agent_id=cleo.pk),
        lambda: chats.close_chat(actor=boss, chat_id=talk.id),
        lambda: chats.close_chat(actor=ben, chat_id=talk.id),
    )

    told = states_in(talk.topic)[2:]
    assert isinstance(closed, Chat)
    assert told.count("closed") == 1
    assert told == (["closed"] if isinstance(moved, Exception) else ["transferred", "closed"])
    assert _codes([moved]) in ([], ["chat.closed"])
    assert _codes([also]) in ([], ["chat.taken"], ["chat.unknown"])


def test_a_colleague_who_comes_second_hears_it_also_much_later(talk, make_user):
    cleo = make_user("SUPPORT_AGENT")
    ben = principal_of(talk.agent)
    transfers.transfer_chat(actor=ben, chat_id=talk.id, agent_id=cleo.pk)

    with pytest.raises(ChatTaken):
        triage.set_labels(actor=ben, chat_id=talk.id, names=[])
    with pytest.raises(ChatTaken):
        transfers.transfer_chat(actor=ben, chat_id=talk.id, agent_id=None)


def test_letting_the_same_person_in_many_times_lets_them_in_once(talk, make_user):
    sue, ben = make_user("SUPPORT_AGENT"), principal_of(talk.agent)

    answers = in_parallel(*(lambda: members.add_member(actor=ben, chat_id=talk.id, user_id=sue.pk) for _ in range(4)))

    assert {answer.pk for answer in answers} == {answers[0].pk}
    assert states_in(f"{talk.topic}.desk") == ["member_joined"]
