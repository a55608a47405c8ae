"""An agent who is none any more: their chats wait for a colleague, in the transaction that took the role (E-S1-22)."""

import uuid

import pytest

from backend.audit.models import AuditLog
from backend.common import hooks
from backend.identity.models import Role, User
from backend.identity.principals import principal_of
from backend.identity.services import erasures, roles, users
from backend.support.models import AgentStatus, CannedReply, Chat, ChatGrant, MessageVersion, Rating, ReadPosition
from backend.support.services import chats, edits, members, messages, notes, ratings, transfers
from backend.support.tests.factories import (
    desk_of,
    everything_stored,
    kinds_in,
    make_available,
    make_talk,
    payloads_in,
    say,
    states_in,
    waiting_chat,
)
from backend.tests.commits import in_parallel


@pytest.fixture
def boss(make_user):
    return make_user(is_staff=True, is_superuser=True)


def _block(agent, boss):
    users.update_user(actor=principal_of(boss), user_id=agent.pk, changes={"is_active": False})


def _delete(agent, boss):
    users.delete_user(actor=principal_of(boss), user_id=agent.pk)


def _strip(agent, boss):
    roles.withdraw_role(user=agent, name="SUPPORT_AGENT", withdrawn_by=boss)


def _switch_role_off(agent, boss):
    role = Role.objects.get(name="SUPPORT_AGENT")
    role.is_active = False
    roles.change_role(role=role, changed_by=boss, fields=["is_active"])


@pytest.mark.django_db
@pytest.mark.parametrize("way", [_block, _delete, _strip, _switch_role_off])
def test_the_chats_of_who_is_no_agent_any_more_wait_for_a_colleague(make_user, boss, way):
    talk = make_talk(make_user)
    done = make_talk_with(talk.agent, make_user)
    chats.close_chat(actor=principal_of(talk.agent), chat_id=done.pk)
    say(talk.id, talk.customer, "still here")

    way(talk.agent, boss)

    chat = Chat.objects.get(pk=talk.id)
    assert (chat.admin_id, chat.is_active) == (None, True)
    assert states_in(talk.topic) == ["opened", "assigned", "transferred"]
    assert payloads_in(talk.topic)[-1][1]["message"] == "Ben returned the chat to the queue."
    assert kinds_in("desk.support")[-1] == "chat.queued"
    assert AuditLog.objects.filter(action="chat.left", target_id=str(talk.id), actor_id=boss.pk).count() == 1
    assert not Chat.objects.get(pk=done.pk).is_active
    assert kinds_in(f"chat.{done.pk}") == ["chat"] * 3


def make_talk_with(agent, make_user):
    chat = waiting_chat(make_user())
    return chats.take_chat(actor=principal_of(agent), chat_id=chat.pk)


@pytest.mark.django_db
def test_another_role_or_a_name_takes_nothing(make_user, boss):
    talk = make_talk(make_user)
    roles.assign_role(user=talk.agent, name="AUDITOR", assigned_by=None)

    roles.withdraw_role(user=talk.agent, name="AUDITOR", withdrawn_by=boss)
    users.update_user(actor=principal_of(boss), user_id=talk.agent.pk, changes={"first_name": "Benjamin"})

    assert Chat.objects.get(pk=talk.id).admin_id == talk.agent.pk


@pytest.mark.django_db
def test_a_withdrawal_that_is_rolled_back_leaves_the_chats_where_they_are(make_user, boss, monkeypatch):
    talk = make_talk(make_user)
    before = everything_stored()

    def fail(withdrawal: hooks.Withdrawal) -> None:
        raise RuntimeError("something else went wrong")

    monkeypatch.setattr(hooks.role_withdrawn, "_listeners", [transfers.return_to_queue, fail])
    with pytest.raises(RuntimeError):
        _strip(talk.agent, boss)

    assert Chat.objects.get(pk=talk.id).admin_id == talk.agent.pk
    assert everything_stored() == before


def test_who_loses_the_role_while_taking_or_being_given_chats_keeps_none(committed, make_user):
    """Whatever comes first: no open chat ends with somebody who is no agent."""
    colleague = make_user("SUPPORT_AGENT")
    talk = make_talk(make_user)
    agent = make_user("SUPPORT_AGENT")
    make_available(agent)
    actor, waiting = principal_of(agent), waiting_chat_of_nobody(make_user)

    in_parallel(
        lambda: roles.withdraw_role(user=agent, name="SUPPORT_AGENT", withdrawn_by=None),
        lambda: chats.take_chat(actor=actor, chat_id=waiting.pk),
        lambda: waiting_chat(make_user()),
        lambda: transfers.transfer_chat(actor=principal_of(talk.agent), chat_id=talk.id, agent_id=agent.pk),
    )

    assert not Chat.objects.filter(admin=agent, closed_at=None).exists()
    assert Chat.objects.filter(closed_at=None).count() == 3
    assert User.objects.get(pk=colleague.pk).is_active


def waiting_chat_of_nobody(make_user):
    AgentStatus.objects.update(is_switched_on=False)
    chat = waiting_chat(make_user())
    AgentStatus.objects.update(is_switched_on=True)
    return chat


# Erased


@pytest.mark.django_db
def test_everything_about_an_erased_customer_stays_readable_without_the_name(make_user):
    talk = make_talk(make_user)
    ana, ben = principal_of(talk.customer), principal_of(talk.agent)
    message_id = say(talk.id, talk.customer, "first words")
    edits.edit_message(actor=ana, chat_id=talk.id, message_id=uuid.UUID(message_id), text="better words")
    messages.mark_read(actor=ana, chat_id=talk.id, seq=3)
    chats.close_chat(actor=ben, chat_id=talk.id)
    ratings.rate_chat(actor=ana, chat_id=talk.id, stars=5, comment="Kind.")
    chats.reopen_chat(actor=ana, chat_id=talk.id)

    erasures.erase_self(actor=ana)

    assert "Ana" not in str(payloads_in(talk.topic))
    assert [payload["message"] for kind, payload in payloads_in(talk.topic) if kind == "message"] == ["better words"]
    told = [payload["message"] for kind, payload in payloads_in(talk.topic) if kind == "chat"]
    assert "Former customer edited a message." in told
    assert "Former customer rated the chat: 5 of 5." in told
    assert list(MessageVersion.objects.values_list("text", flat=True)) == ["first words"]
    assert Rating.objects.get().comment == "Kind."
    assert not ReadPosition.objects.filter(user=talk.customer).exists()


@pytest.mark.django_db
def test_an_erased_agents_name_goes_from_notes_transfers_and_grants(make_user):
    talk = make_talk(make_user)
    sue = make_user("SUPPORT_AGENT", first_name="Sue")
    ben = principal_of(talk.agent)
    members.add_member(actor=ben, chat_id=talk.id, user_id=sue.pk)
    notes.add_note(actor=principal_of(sue), chat_id=talk.id, text="Sue was here: my own words")
    transfers.transfer_chat(actor=ben, chat_id=talk.id, agent_id=sue.pk)
    CannedReply.objects.create(owner=sue, shortcut="mine", text="x")
    shared = CannedReply.objects.create(owner=None, shortcut="ours", text="x")

    erasures.erase_self(actor=principal_of(sue))

    told = [payload["message"] for _, payload in payloads_in(talk.topic)]
    assert told[-2:] == [
        "Ben transferred the chat to Former customer.",
        "Former customer returned the chat to the queue.",
    ]
    noted = [payload for _, payload in payloads_in(desk_of(talk))]
    assert [(note["user"], note["message"]) for note in noted][:2] == [
        ("Ben", "Ben let in Former customer."),
        ("Former customer", "Sue was here: my own words"),
    ]
    assert Chat.objects.get(pk=talk.id).admin_id is None
    assert not ChatGrant.objects.exists()
    assert list(CannedReply.objects.all()) == [shared]


# Written out


@pytest.mark.django_db
def test_people_get_everything_that_the_desk_holds_about_them_and_nothing_of_others(make_user):
    talk = make_talk(make_user)
    ana, ben = principal_of(talk.customer), principal_of(talk.agent)
    message_id = say(talk.id, talk.customer, "first words")
    edits.edit_message(actor=ana, chat_id=talk.id, message_id=uuid.UUID(message_id), text="better words")
    say(talk.id, talk.agent, "an answer", role="agent")
    notes.add_note(actor=ben, chat_id=talk.id, text="a note")
    chats.close_chat(actor=ben, chat_id=talk.id)
    ratings.rate_chat(actor=ana, chat_id=talk.id, stars=5, comment="Kind.")
    CannedReply.objects.create(owner=talk.agent, shortcut="mine", text="Hello")

    customers, agents = _export(talk.customer), _export(talk.agent)

    assert [row["as"] for row in customers["support/chats.json"]] == ["customer"]
    assert [row["message"] for row in customers["support/messages.json"]] == ["better words"]
    assert [row["message"] for row in customers["support/earlier_versions.json"]] == ["first words"]
    assert [(row["stars"], row["comment"]) for row in customers["support/ratings.json"]] == [(5, "Kind.")]
    assert customers["support/canned_replies.json"] == []
    assert [row["message"] for row in agents["support/messages.json"]] == ["an answer", "a note"]
    assert agents["support/canned_replies.json"] == [{"shortcut": "mine", "text": "Hello"}]
    assert agents["support/ratings.json"] == []
    assert "a note" not in str(customers)
    assert "an answer" not in str(customers)


def _export(user):
    parts = {}
    hooks.person_exported(hooks.Export(user.pk, lambda name, rows: parts.update({name: list(rows)})))
    return parts
