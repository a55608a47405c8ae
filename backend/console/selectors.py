"""Reading what pages of the console show. Nothing here decides who may see it: the slices' own selectors do."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from backend.banking.models import Account
from backend.banking.selectors.customers import accounts_of_person
from backend.common.errors import NotFound
from backend.common.principal import AUDITOR, BANK_ADMIN, SUPPORT_AGENT, Principal
from backend.fraud import selectors as fraud
from backend.fraud.models import FraudAlert
from backend.fraud.selectors import AlertFilter
from backend.identity.models import User
from backend.realtime import selectors as topics
from backend.support import selectors as support
from backend.support.frames import MESSAGE, topic_of
from backend.support.models import Chat
from backend.support.services import ratings, triage

PAGE = 50
WATCHED_MAX = 200
PAST_MAX = 10
PREVIEW_MAX = 120
VIEWS = ("queue", "mine", "all")

count_waiting = support.count_waiting


@dataclass(frozen=True, slots=True)
class OpenChat:
    """A chat in somebody's list, as a socket begins to follow it."""

    id: str
    head: int
    unread: int


@dataclass(frozen=True, slots=True)
class Row:
    """A chat in a list of the inbox."""

    chat: Chat
    customer: str
    labels: Sequence[str]
    unread: int
    last: dict[str, Any] | None

    @property
    def priority(self) -> str:
        return self.chat.get_priority_display()


def open_chats(principal: Principal) -> list[OpenChat]:
    """The newest open chats of an agent. Six queries, however many chats."""
    found = support.list_chats_at_desk(actor=principal, is_open=True)
    rows, _ = support.page_of_chats(found, actor=principal, after=None, limit=WATCHED_MAX)
    return [OpenChat(str(row.chat.pk), row.head, row.unread) for row in rows]


def list_chats(
    *, actor: Principal, view: str, after: tuple[datetime, uuid.UUID] | None = None
) -> tuple[list[Row], bool]:
    """Return a page of one of the inbox's lists, and whether more follow. At most seven queries.

    The queue has one page: the most urgent 50, in the order in which they are taken.
    """
    shown: list[tuple[Chat, Sequence[str], int]]
    if view == "queue":
        waiting = list(support.list_queue(actor=actor).select_related("customer")[: PAGE + 1])
        shown, has_more = [(chat, [], 0) for chat in waiting[:PAGE]], len(waiting) > PAGE
    else:
        found = support.list_chats_at_desk(actor=actor, is_open=view == "mine")
        rows, has_more = support.page_of_chats(found, actor=actor, after=after, limit=PAGE)
        shown = [(row.chat, row.labels, row.unread) for row in rows]
    newest = topics.newest_of([topic_of(chat.pk) for chat, *_ in shown], kind=MESSAGE)
    rows_shown = []
    for chat, labels, unread in shown:
        event = newest.get(topic_of(chat.pk))
        last = _preview(orjson.loads(event.payload), event.at, actor) if event else None
        rows_shown.append(Row(chat, chat.customer.get_short_name(), labels, unread, last))
    return rows_shown, has_more


def _preview(event: dict[str, Any], at: str, actor: Principal) -> dict[str, Any]:
    return {
        "user": event["user"],
        "text": event["message"][:PREVIEW_MAX],
        "files": len(event["attachments"]),
        "mine": event["user_id"] == actor.id,
        "at": at,
    }


@dataclass(frozen=True, slots=True)
class Card:
    """What an agent sees beside a conversation."""

    chat: Chat
    customer: User
    labels: Sequence[str]
    label_choices: Sequence[str]
    members: Sequence[Any]
    past: Sequence[Chat]
    rating: Any
    position: int | None
    colleagues: Sequence[User]
    is_mine: bool
    answers: bool
    alerts: Sequence[FraudAlert]
    accounts: Sequence[Account]


def card_of(*, actor: Principal, chat_id: uuid.UUID) -> Card:
    """Return what the actor may know of a chat and its customer. Raises: NotFound."""
    if not actor.has_role(SUPPORT_AGENT):
        raise NotFound
    chat = support.get_chat(actor=actor, chat_id=chat_id)
    answers = support.is_staff_in(chat, actor)
    if chat.customer_id == actor.id:
        raise NotFound
    customer = User.objects.get(pk=chat.customer_id)
    own = support.list_chats_at_desk(actor=actor, is_open=False).filter(customer=customer).exclude(pk=chat.pk)
    colleagues = support.list_colleagues(actor=actor)[:100]
    return Card(
        chat=chat,
        customer=customer,
        labels=support.labels_of(chat),
        label_choices=[label.name for label in triage.list_labels(actor=actor) if label.is_active],
        members=list(support.members_of(chat)) if answers else [],
        past=list(own.order_by("-created_at")[:PAST_MAX]),
        rating=ratings.get_rating(actor=actor, chat_id=chat_id) if answers else None,
        position=support.queue_position(chat),
        colleagues=[person for person in colleagues if person.pk not in (actor.id, chat.customer_id)],
        is_mine=chat.admin_id == actor.id,
        answers=answers,
        alerts=_open_alerts(actor, customer.pk),
        accounts=list(accounts_of_person(actor=actor, user_id=customer.pk)[:PAST_MAX]),
    )


def _open_alerts(actor: Principal, user_id: int) -> list[FraudAlert]:
    """Return a person's undecided alerts to whoever reads alerts; to everybody else there are none."""
    if not actor.has_role(BANK_ADMIN, AUDITOR):
        return []
    found = fraud.list_alerts(actor=actor, wanted=AlertFilter(user_id=user_id))
    return list(found.filter(status__in=FraudAlert.UNDECIDED)[:PAST_MAX])
