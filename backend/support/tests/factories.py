"""Chats and their people, made by the services; and what is stored of them."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from backend.audit.models import AuditLog
from backend.common.unit_of_work import Draft
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.identity.services import sessions
from backend.realtime.models import Event
from backend.realtime.selectors import NO_LIMIT, events_after
from backend.realtime.services import append, append_and_ring
from backend.support.frames import MESSAGE, desk_topic_of, event_id, said, topic_of
from backend.support.models import AgentStatus, Chat
from backend.support.services import agents, chats, messages


@dataclass(frozen=True)
class Talk:
    """An open chat with both members, each with an access token. Its first two events are `opened` and `assigned`."""

    chat: Chat
    customer: User
    agent: User
    customer_token: str
    agent_token: str

    @property
    def id(self) -> uuid.UUID:
        return self.chat.pk

    @property
    def topic(self) -> str:
        return topic_of(self.chat.pk)


def nobody_is_available() -> None:
    """Switch all agents off: where data is committed, those of earlier tests keep their leases for a minute."""
    AgentStatus.objects.update(is_switched_on=False)


def make_talk(make_user: Callable[..., User]) -> Talk:
    nobody_is_available()
    customer = make_user(first_name="Ana")
    agent = make_user("SUPPORT_AGENT", first_name="Ben")
    chat = waiting_chat(customer)
    chats.take_chat(actor=principal_of(agent), chat_id=chat.pk)
    return Talk(chat, customer, agent, token_of(customer), token_of(agent))


def waiting_chat(customer: User) -> Chat:
    """Open a chat; it waits unless a test made somebody available."""
    return chats.get_or_open_chat(actor=principal_of(customer))


def token_of(user: User) -> str:
    return sessions.open_session(user=user, door="s1").access


def make_available(*users: User) -> None:
    agents.renew_leases([user.pk for user in users])


def store_messages(talk: Talk, *texts: str, rung: bool = False) -> None:
    """Store messages of the customer straight, in one statement; without any ring, as if it had been lost."""
    store = append_and_ring if rung else append
    store([_draft(talk, text) for text in texts])


def _draft(talk: Talk, text: str) -> Draft:
    payload: dict[str, Any] = {"user": talk.customer.first_name, "user_id": talk.customer.pk, "role": "customer"}
    payload |= {"message": text, "attachments": []}
    return Draft(talk.topic, MESSAGE, payload, author_id=talk.customer.pk)


def kinds_in(topic: str) -> list[str]:
    """Return the kinds of all events of a topic, oldest first."""
    return list(Event.objects.filter(topic__key=topic).order_by("seq").values_list("kind", flat=True))


def texts_in(topic: str) -> list[str]:
    """Return the texts of all messages of a chat's topic, oldest first."""
    rows = Event.objects.filter(topic__key=topic, kind=MESSAGE).order_by("seq")
    return [row.payload["message"] for row in rows]


def payloads_in(topic: str) -> list[tuple[str, dict[str, Any]]]:
    return list(Event.objects.filter(topic__key=topic).order_by("seq").values_list("kind", "payload"))


def head_of(topic: str) -> int:
    return events_after(topic, NO_LIMIT - 1, limit=1).head


def states_in(topic: str) -> list[str]:
    """Return the states that a chat's events tell of, or the facts of its desk's notes, oldest first."""
    found = [payload.get("state") or payload.get("fact") for _, payload in payloads_in(topic)]
    return [state for state in found if state]


def desk_of(talk: Talk) -> str:
    return desk_topic_of(talk.chat.pk)


def say(chat_id: uuid.UUID, user: User, text: str, *, role: str = "customer", **fields: Any) -> str:
    """Say something as a member would, and return the message's id."""
    message = said({"message": text, **fields}, chat_id=chat_id, author=principal_of(user), role=role)
    outcome = messages.post_message(message=message)
    assert outcome.event is not None
    return event_id(chat_id, outcome.event.seq)


def everything_stored() -> tuple[int, int]:
    """Return how many events and audit rows there are: a refusal adds to neither."""
    return Event.objects.count(), AuditLog.objects.count()
