"""Who is told what: the chat, its desk topic, inboxes and the desk of all agents."""

import uuid
from datetime import UTC, datetime
from typing import Any

from backend.common.principal import Principal
from backend.common.unit_of_work import Draft, UnitOfWork
from backend.identity.models import User
from backend.notifications import services as notifications
from backend.notifications.notices import ChatAssigned, ChatQueued
from backend.support.frames import CHAT, FACT, NOTE, chat_state, desk_fact, desk_topic_of, note, topic_of
from backend.support.models import Chat


def now_text() -> str:
    """Return the time as events carry it."""
    return time_text(datetime.now(UTC))


def time_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def name_of(user_id: int) -> str:
    return User.objects.only("first_name", "name", "email").get(pk=user_id).get_short_name()


def tell_chat(unit: UnitOfWork, chat_id: uuid.UUID, payload: dict[str, Any]) -> None:
    unit.emit(topics=[topic_of(chat_id)], kind=CHAT, payload=payload)


def tell_desk(unit: UnitOfWork, chat_id: uuid.UUID, fact: str, *, actor: Principal, words: str, **more: Any) -> None:
    """Say to the staff in a chat what happened; `words` go on after the actor's name.

    As an event without an author, since it may name somebody else too: erasing finds such ones by whom they name.
    """
    name = actor.display_name
    payload = desk_fact(fact, by=name, by_id=actor.id, words=f"{name} {words}", **more)
    unit.emit(topics=[desk_topic_of(chat_id)], kind=FACT, payload=payload)


def leave_note(unit: UnitOfWork, chat_id: uuid.UUID, text: str, *, actor: Principal) -> None:
    payload = note(text, by=actor.display_name, by_id=actor.id)
    unit.emit_draft(Draft(desk_topic_of(chat_id), NOTE, payload, author_id=actor.id, text=text))


def tell_whose_turn(unit: UnitOfWork, chat: Chat, *, customer: str = "") -> None:
    """Tell the agent who has got the chat, and the desk; or tell the desk that somebody waits."""
    customer = customer or name_of(chat.customer_id)
    about: dict[str, Any] = {"chat_id": str(chat.pk), "customer_id": chat.customer_id, "customer": customer}
    if chat.admin_id is None:
        notifications.tell(unit, topics=[notifications.DESK_SUPPORT], notice=ChatQueued(**about))
        return
    inbox = notifications.inbox_of(chat.admin_id)
    notice = ChatAssigned(**about, agent_id=chat.admin_id)
    notifications.tell(unit, topics=[inbox, notifications.DESK_SUPPORT], notice=notice)


def tell_assigned(unit: UnitOfWork, chat: Chat) -> None:
    """Say in the chat who answers now, if anybody does."""
    if chat.admin_id is not None:
        agent = name_of(chat.admin_id)
        words = f"{agent} joined the chat."
        tell_chat(unit, chat.pk, chat_state("assigned", by=agent, by_id=chat.admin_id, words=words))
