"""Opening, taking and closing chats."""

import uuid
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from backend.audit import services as audit
from backend.common.errors import Unavailable
from backend.common.principal import SUPPORT_AGENT, Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.identity.models import User
from backend.notifications import services as notifications
from backend.notifications.notices import ChatAssigned, ChatClosed, ChatQueued
from backend.support.errors import ChatClosed as ChatIsClosed
from backend.support.errors import ChatTaken, ChatUnknown, NoAgents, NotAnAgent, OwnChat
from backend.support.frames import CHAT, chat_state, topic_of
from backend.support.models import Chat
from backend.support.services import agents


def get_or_open_chat(*, actor: Principal) -> Chat:
    """Return the caller's open chat, or open one and give it to the available agent with the fewest chats.

    Repeating: the same chat, also for two calls at once (E-S1-15).
    Raises: NoAgents, when no active user is a support agent at all (E-S1-14).
    Locks: assigning as a whole (agents.pick_agent), until commit.
    After commit: `chat` events opened and assigned; `chat.assigned` to the agent, or `chat.queued` to the desk.
    """
    existing = _open_chat_of(actor.id)
    if existing is not None:
        return existing
    with unit_of_work() as unit:
        if not agents.active_agents().exists():
            raise NoAgents
        chat = Chat(customer_id=actor.id, admin_id=agents.pick_agent(customer_id=actor.id))
        chat.assigned_at = datetime.now(UTC) if chat.admin_id else None
        try:
            with transaction.atomic():
                chat.save(force_insert=True)
        except IntegrityError:
            # Two calls at once meet in the unique index; the later one finds the earlier one's chat committed.
            return _found_or_gone(_open_chat_of(actor.id))
        audit.record(actor_id=actor.id, action="chat.opened", target=chat, subject_id=chat.customer_id)
        opened = f"{actor.display_name} opened the chat."
        _tell_chat(unit, chat, chat_state("opened", by=actor.display_name, by_id=actor.id, words=opened))
        _tell_whose_turn(unit, chat, customer=actor.display_name)
    return chat


def take_chat(*, actor: Principal, chat_id: uuid.UUID) -> Chat:
    """Make the caller the agent of a waiting chat and return it.

    Repeating: for its agent, the same chat again.
    Raises: NotAnAgent, ChatUnknown, ChatIsClosed, OwnChat, ChatTaken (somebody was quicker).
    Locks: the chat.
    After commit: `chat` event assigned; `chat.assigned` to the agent and the desk.
    """
    _require_agent(actor)
    with unit_of_work() as unit:
        chat = _locked(chat_id)
        if chat.closed_at is not None:
            raise ChatIsClosed if chat.admin_id == actor.id else ChatUnknown
        if chat.customer_id == actor.id:
            raise OwnChat
        if chat.admin_id == actor.id:
            return chat
        if chat.admin_id is not None:
            raise ChatTaken
        chat.admin_id, chat.assigned_at = actor.id, datetime.now(UTC)
        chat.save(update_fields=["admin", "assigned_at"])
        audit.record(actor_id=actor.id, action="chat.taken", target=chat, subject_id=chat.customer_id)
        customer = User.objects.only("first_name", "name", "email").get(pk=chat.customer_id).get_short_name()
        _tell_whose_turn(unit, chat, customer=customer)
    return chat


def close_chat(*, actor: Principal, chat_id: uuid.UUID) -> Chat:
    """Close a chat: its agent may, and a superuser (K-47). The transcript stays (K-48).

    Repeating: a closed chat stays closed, and nobody is told again.
    Raises: ChatUnknown (not there, or not the caller's).
    Locks: the chat.
    After commit: `chat` event closed, and both sides' sockets end with 4010; `chat.closed` to customer and desk.
    """
    with unit_of_work() as unit:
        chat = _locked(chat_id)
        if chat.admin_id != actor.id and not actor.is_superuser:
            raise ChatUnknown
        if chat.closed_at is not None:
            return chat
        _close(unit, chat, by_id=actor.id, by=actor.display_name)
    return chat


def leave_chats(*, user_id: int, name: str) -> None:
    """End a person's part in open chats: their own are closed, those that they answer wait for a colleague.

    `name` is what they are called from now on. Locks: those chats, by id.
    After commit: what `close_chat` tells; `chat.queued` to the desk.
    """
    with unit_of_work() as unit:
        theirs = Chat.objects.select_for_update(no_key=True).filter(closed_at=None).order_by("pk")
        for chat in theirs.filter(Q(customer_id=user_id) | Q(admin_id=user_id)):
            if chat.customer_id == user_id:
                _close(unit, chat, by_id=user_id, by=name)
                continue
            chat.admin_id = chat.assigned_at = None
            chat.save(update_fields=["admin", "assigned_at"])
            audit.record(actor_id=user_id, action="chat.left", target=chat, subject_id=chat.customer_id)
            customer = User.objects.only("first_name", "name", "email").get(pk=chat.customer_id).get_short_name()
            _tell_whose_turn(unit, chat, customer=customer)


def _close(unit: UnitOfWork, chat: Chat, *, by_id: int, by: str) -> None:
    chat.closed_at, chat.closed_by_id = datetime.now(UTC), by_id
    chat.save(update_fields=["closed_at", "closed_by"])
    audit.record(actor_id=by_id, action="chat.closed", target=chat, subject_id=chat.customer_id)
    _tell_chat(unit, chat, chat_state("closed", by=by, by_id=by_id, words=f"{by} closed the chat."))
    notice = ChatClosed(chat_id=str(chat.pk), closed_by=by_id)
    inbox = notifications.inbox_of(chat.customer_id)
    notifications.tell(unit, topics=[inbox, notifications.DESK_SUPPORT], notice=notice)


def _open_chat_of(customer_id: int) -> Chat | None:
    return Chat.objects.filter(customer_id=customer_id, closed_at=None).first()


def _found_or_gone(chat: Chat | None) -> Chat:
    if chat is None:  # Opened by the other call and closed again since: the caller may simply ask once more.
        raise Unavailable
    return chat


def _require_agent(actor: Principal) -> None:
    if not actor.has_role(SUPPORT_AGENT):
        raise NotAnAgent


def _locked(chat_id: uuid.UUID) -> Chat:
    chat = Chat.objects.select_for_update(no_key=True).filter(pk=chat_id).first()
    if chat is None:
        raise ChatUnknown
    return chat


def _tell_chat(unit: UnitOfWork, chat: Chat, payload: dict[str, object]) -> None:
    unit.emit(topics=[topic_of(chat.pk)], kind=CHAT, payload=payload)


def _tell_whose_turn(unit: UnitOfWork, chat: Chat, *, customer: str) -> None:
    """Say in the chat who answers, and tell the agent and the desk; or tell the desk that somebody waits."""
    about: dict[str, Any] = {"chat_id": str(chat.pk), "customer_id": chat.customer_id, "customer": customer}
    if chat.admin_id is None:
        notifications.tell(unit, topics=[notifications.DESK_SUPPORT], notice=ChatQueued(**about))
        return
    agent = User.objects.only("first_name", "name", "email").get(pk=chat.admin_id).get_short_name()
    words = f"{agent} joined the chat."
    _tell_chat(unit, chat, chat_state("assigned", by=agent, by_id=chat.admin_id, words=words))
    inbox = notifications.inbox_of(chat.admin_id)
    notice = ChatAssigned(**about, agent_id=chat.admin_id)
    notifications.tell(unit, topics=[inbox, notifications.DESK_SUPPORT], notice=notice)
