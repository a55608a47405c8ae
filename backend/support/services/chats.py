"""Opening, taking, closing and reopening chats."""

import uuid
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from backend.audit import services as audit
from backend.common.errors import Unavailable
from backend.common.principal import Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.notifications import services as notifications
from backend.notifications.notices import ChatClosed
from backend.support import selectors
from backend.support.errors import (
    AnotherChatOpen,
    ChatTaken,
    ChatUnknown,
    NoAgents,
    NotAnAgent,
    OwnChat,
    ReopeningTooLate,
)
from backend.support.errors import ChatClosed as ChatIsClosed
from backend.support.frames import chat_state
from backend.support.models import Chat
from backend.support.services import access, agents, telling


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
        telling.tell_chat(unit, chat.pk, chat_state("opened", by=actor.display_name, by_id=actor.id, words=opened))
        telling.tell_assigned(unit, chat)
        telling.tell_whose_turn(unit, chat, customer=actor.display_name)
    return chat


def take_chat(*, actor: Principal, chat_id: uuid.UUID) -> Chat:
    """Make the caller the agent of a waiting chat and return it. Their load limit does not count here.

    Repeating: for its agent, the same chat again.
    Raises: NotAnAgent, ChatUnknown, ChatIsClosed, OwnChat, ChatTaken (somebody was quicker).
    Locks: the agent (shared), then the chat.
    After commit: `chat` event assigned; `chat.assigned` to the agent and the desk.
    """
    access.require_agent(actor)
    with unit_of_work() as unit:
        if not agents.lock_agent(actor.id):
            raise NotAnAgent
        chat = access.lock_chat(chat_id)
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
        telling.tell_assigned(unit, chat)
        telling.tell_whose_turn(unit, chat)
    return chat


def close_chat(*, actor: Principal, chat_id: uuid.UUID) -> Chat:
    """Close a chat: its agent may, and a superuser (K-47). The transcript stays (K-48).

    Repeating: a closed chat stays closed, and nobody is told again.
    Raises: ChatUnknown (not there, or not the caller's), ChatTaken (it was theirs, and is a colleague's now).
    Locks: the chat.
    After commit: `chat` event closed, and both sides' sockets end with 4010; `chat.closed` to customer and desk.
    """
    with unit_of_work() as unit:
        chat = access.lock_chat(chat_id)
        if chat.admin_id != actor.id and not actor.is_superuser:
            raise ChatTaken if chat.former_admin_id == actor.id and chat.closed_at is None else ChatUnknown
        if chat.closed_at is not None:
            return chat
        end_chat(unit, chat, by_id=actor.id, by=actor.display_name)
    return chat


def end_chat(unit: UnitOfWork, chat: Chat, *, by_id: int, by: str) -> None:
    """Close a locked, open chat and tell everybody."""
    chat.closed_at, chat.closed_by_id, chat.snoozed_until = datetime.now(UTC), by_id, None
    chat.save(update_fields=["closed_at", "closed_by", "snoozed_until"])
    audit.record(actor_id=by_id, action="chat.closed", target=chat, subject_id=chat.customer_id)
    telling.tell_chat(unit, chat.pk, chat_state("closed", by=by, by_id=by_id, words=f"{by} closed the chat."))
    notice = ChatClosed(chat_id=str(chat.pk), closed_by=by_id)
    inbox = notifications.inbox_of(chat.customer_id)
    notifications.tell(unit, topics=[inbox, notifications.DESK_SUPPORT], notice=notice)


def reopen_chat(*, actor: Principal, chat_id: uuid.UUID) -> Chat:
    """Open a closed chat again, within 7 days: its customer may, and who answered in it.

    It stays with its agent while that is one; else it goes to an available one, or waits.
    Repeating: an open chat is returned as it is, and nobody is told again.
    Raises: ChatUnknown, ReopeningTooLate, AnotherChatOpen (one customer has one open chat).
    Locks: the agent (shared), then the chat.
    After commit: `chat` event reopened, and assigned where the agent is another; as for a new chat otherwise.
    """
    seen = selectors.get_chat_of_member(actor=actor, chat_id=chat_id)
    if seen.closed_at is None:
        return seen
    with unit_of_work() as unit:
        keeps = seen.admin_id is not None and agents.lock_agent(seen.admin_id)
        agent_id = seen.admin_id if keeps else agents.pick_agent(customer_id=seen.customer_id)
        chat = access.lock_chat(chat_id)
        if chat.closed_at is None:
            return chat
        if chat.closed_at < datetime.now(UTC) - timedelta(days=settings.SUPPORT["reopen_days"]):
            raise ReopeningTooLate
        chat.closed_at, chat.closed_by_id, chat.admin_id = None, None, agent_id
        if not keeps:
            chat.assigned_at = datetime.now(UTC) if agent_id else None
        _save_open(chat, actor)
        audit.record(actor_id=actor.id, action="chat.reopened", target=chat)
        words = f"{actor.display_name} reopened the chat."
        telling.tell_chat(unit, chat.pk, chat_state("reopened", by=actor.display_name, by_id=actor.id, words=words))
        if not keeps:
            telling.tell_assigned(unit, chat)
        telling.tell_whose_turn(unit, chat)
    return chat


def _save_open(chat: Chat, actor: Principal) -> None:
    """Store a chat as open. Raises: AnotherChatOpen."""
    try:
        with transaction.atomic():
            chat.save(update_fields=["closed_at", "closed_by", "admin", "assigned_at"])
    except IntegrityError:
        newer = _open_chat_of(chat.customer_id)
        known = newer is not None and actor.id in (newer.customer_id, newer.admin_id)
        raise AnotherChatOpen(**({"chat_id": str(newer.pk)} if newer is not None and known else {})) from None


def _open_chat_of(customer_id: int) -> Chat | None:
    return Chat.objects.filter(customer_id=customer_id, closed_at=None).first()


def _found_or_gone(chat: Chat | None) -> Chat:
    if chat is None:  # Opened by the other call and closed again since: the caller may simply ask once more.
        raise Unavailable
    return chat
