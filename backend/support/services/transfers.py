"""A chat changes hands: to a colleague, back to the queue, or because its agent is none any more."""

import uuid
from datetime import UTC, datetime

from django.db.models import Q

from backend.audit import services as audit
from backend.common import hooks
from backend.common.principal import SUPPORT_AGENT, Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.support.errors import AgentUnknown, ChatTaken, OwnChat
from backend.support.frames import chat_state
from backend.support.models import Chat
from backend.support.services import access, agents, chats, members, telling


def transfer_chat(*, actor: Principal, chat_id: uuid.UUID, agent_id: int | None, note: str = "") -> Chat:
    """Give a chat to an agent, or with None back to the queue, with a note that only staff see; return it.

    Who answers in the chat may, and a superuser. The colleague need not be available: they are told in their inbox.
    Raises: ChatUnknown, ChatTaken (somebody was quicker, or the colleague has it already), ChatClosed, AgentUnknown,
    OwnChat (the colleague is its customer).
    Locks: the colleague (shared), then the chat.
    After commit: `chat` event transferred, upon which the former agent's sockets end with 4006; `chat.assigned` to the
    new agent and the desk, or `chat.queued` to the desk.
    """
    with unit_of_work() as unit:
        if agent_id is not None and not agents.lock_agent(agent_id):
            raise AgentUnknown
        chat = access.lock_chat_for_staff(actor=actor, chat_id=chat_id, superusers=True)
        if agent_id == chat.customer_id:
            raise OwnChat
        if agent_id == chat.admin_id:
            raise ChatTaken
        if note:
            telling.leave_note(unit, chat.pk, note, actor=actor)
        _hand_over(unit, chat, agent_id=agent_id, by=actor.display_name, by_id=actor.id)
        facts = {"to": agent_id, "from": chat.former_admin_id}
        audit.record(actor_id=actor.id, action="chat.transferred", target=chat, facts=facts)
    return chat


def return_to_queue(withdrawal: hooks.Withdrawal) -> None:
    """Somebody is no agent any more: the chats they answer wait for a colleague (E-S1-22), and their grants end.

    Locks: those chats, by id.
    After commit: `chat` event transferred and `chat.queued` to the desk, for each.
    """
    if not withdrawal.takes(SUPPORT_AGENT):
        return
    with unit_of_work() as unit:
        for chat in _open_chats(Q(admin_id=withdrawal.user_id)):
            _give_up(unit, chat, user_id=withdrawal.user_id, name=withdrawal.name, by_id=withdrawal.by_id)
        members.end_all_grants(unit, user_id=withdrawal.user_id, name=withdrawal.name, by_id=withdrawal.by_id)


def leave_chats(*, user_id: int, name: str) -> None:
    """End a person's part in open chats: their own are closed, those that they answer wait for a colleague.

    `name` is what they are called from now on. Locks: those chats, by id.
    After commit: what `close_chat` tells; `chat` event transferred and `chat.queued` to the desk.
    """
    with unit_of_work() as unit:
        for chat in _open_chats(Q(customer_id=user_id) | Q(admin_id=user_id)):
            if chat.customer_id == user_id:
                chats.end_chat(unit, chat, by_id=user_id, by=name)
            else:
                _give_up(unit, chat, user_id=user_id, name=name, by_id=user_id)
        members.end_all_grants(unit, user_id=user_id, name=name, by_id=user_id)


def _open_chats(whose: Q) -> list[Chat]:
    return list(Chat.objects.select_for_update(no_key=True).filter(whose, closed_at=None).order_by("pk"))


def _give_up(unit: UnitOfWork, chat: Chat, *, user_id: int, name: str, by_id: int | None) -> None:
    _hand_over(unit, chat, agent_id=None, by=name, by_id=user_id)
    audit.record(actor_id=by_id, action="chat.left", target=chat, facts={"from": user_id})


def _hand_over(unit: UnitOfWork, chat: Chat, *, agent_id: int | None, by: str, by_id: int) -> None:
    """Change who answers a locked chat, and tell everybody. It wakes: whoever gets it shall see it."""
    chat.former_admin_id, chat.admin_id, chat.snoozed_until = chat.admin_id or chat.former_admin_id, agent_id, None
    chat.assigned_at = datetime.now(UTC) if agent_id else None
    chat.save(update_fields=["admin", "former_admin", "assigned_at", "snoozed_until"])
    agent = telling.name_of(agent_id) if agent_id else None
    words = f"{by} transferred the chat to {agent}." if agent else f"{by} returned the chat to the queue."
    payload = chat_state("transferred", by=by, by_id=by_id, words=words, agent_id=agent_id, agent=agent)
    telling.tell_chat(unit, chat.pk, payload)
    telling.tell_whose_turn(unit, chat)
