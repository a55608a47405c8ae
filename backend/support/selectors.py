"""Reading chats. Every function says for whom; what is not theirs does not exist for them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet

from backend.common.errors import Forbidden
from backend.common.principal import SUPPORT_AGENT, Principal
from backend.identity.models import User, UserRole
from backend.realtime import selectors as topics
from backend.realtime.selectors import Page
from backend.support.errors import AttachmentUnknown, ChatUnknown
from backend.support.frames import MESSAGE, desk_topic_of, topic_of
from backend.support.models import AgentStatus, Attachment, Chat, ChatGrant, ChatLabel, ReadPosition

JOIN = "join_chat"
UNREAD_MAX = 100
STATES = ("open", "waiting", "snoozed", "closed")


# One chat


def may_join(actor: Principal) -> bool:
    """Whether a grant can open other people's chats to them: agents, staff and superusers."""
    return actor.has_role(SUPPORT_AGENT) or actor.is_staff or actor.is_superuser


def has_grant(chat_id: uuid.UUID, user_id: int) -> bool:
    """Whether somebody was let into this chat. Asked when a door or socket opens, never for the rows of a list."""
    return ChatGrant.objects.filter(content_object=chat_id, user=user_id, permission__codename=JOIN).exists()


def is_staff_in(chat: Chat, actor: Principal) -> bool:
    """Whether they answer in this chat: as its agent, or by a grant."""
    if chat.customer_id == actor.id:
        return False
    if chat.admin_id == actor.id and actor.has_role(SUPPORT_AGENT):
        return True
    return may_join(actor) and has_grant(chat.pk, actor.id)


def get_chat(*, actor: Principal, chat_id: uuid.UUID) -> Chat:
    """Return a chat that the actor may see: its members', and for agents also a waiting one. Raises: ChatUnknown."""
    chat = find_chat(chat_id)
    if chat is None:
        raise ChatUnknown
    waits_for_them = chat.admin_id is None and chat.is_active and actor.has_role(SUPPORT_AGENT)
    if not (chat.customer_id == actor.id or waits_for_them or is_staff_in(chat, actor)):
        raise ChatUnknown
    return chat


def get_chat_of_member(*, actor: Principal, chat_id: uuid.UUID) -> Chat:
    """Return a chat that the actor is a member of: its customer, its agent, or by a grant. Raises: ChatUnknown."""
    chat = find_chat(chat_id)
    if chat is None or not (chat.customer_id == actor.id or is_staff_in(chat, actor)):
        raise ChatUnknown
    return chat


def get_chat_of_staff(*, actor: Principal, chat_id: uuid.UUID) -> Chat:
    """Return a chat in which the actor answers. Raises: ChatUnknown."""
    chat = find_chat(chat_id)
    if chat is None or not is_staff_in(chat, actor):
        raise ChatUnknown
    return chat


def find_chat(chat_id: uuid.UUID) -> Chat | None:
    return Chat.objects.filter(pk=chat_id).first()


def list_colleagues(*, actor: Principal) -> QuerySet[User]:
    """Whom an agent can give a chat to: everybody who answers chats, by name. Raises: Forbidden."""
    if not may_join(actor):
        raise Forbidden
    held = UserRole.objects.filter(role__name=SUPPORT_AGENT, is_active=True, role__is_active=True)
    return User.objects.filter(is_active=True, pk__in=held.values("user_id")).order_by("first_name", "pk")


def role_in(chat: Chat, user_id: int) -> str:
    return "customer" if chat.customer_id == user_id else "agent"


def labels_of(chat: Chat) -> list[str]:
    return sorted(ChatLabel.objects.filter(chat=chat).values_list("label__name", flat=True))


def messages_after(chat: Chat, after: int, *, limit: int) -> Page:
    """Return the chat's events after a position, oldest first."""
    return topics.events_after(topic_of(chat.pk), after, limit=limit)


def notes_after(chat: Chat, after: int, *, limit: int) -> Page:
    """Return what only staff may see of a chat, after a position, oldest first."""
    return topics.events_after(desk_topic_of(chat.pk), after, limit=limit)


def members_of(chat: Chat) -> QuerySet[ChatGrant]:
    """Who takes part by a grant, in the order they came."""
    return (
        ChatGrant.objects.filter(content_object=chat, permission__codename=JOIN).select_related("user").order_by("pk")
    )


# Lists


def list_chats_of_agent(
    *, actor: Principal, is_active: bool | None = None, state: str = "", priority: int | None = None, label: str = ""
) -> QuerySet[Chat]:
    """The chats assigned to the actor, newest first: open ones, closed ones, or with None both; by what they are."""
    chats = Chat.objects.filter(admin_id=actor.id)
    if is_active is not None:
        chats = chats.filter(closed_at__isnull=is_active)
    now = datetime.now(UTC)
    if state == "closed":
        chats = chats.exclude(closed_at=None)
    elif state == "snoozed":
        chats = chats.filter(closed_at=None, snoozed_until__gt=now)
    elif state == "open":
        chats = chats.filter(closed_at=None).exclude(snoozed_until__gt=now)
    elif state == "waiting":
        chats = chats.none()  # What waits is nobody's.
    if priority is not None:
        chats = chats.filter(priority=priority)
    return chats.filter(labels__label__name__iexact=label) if label else chats


@dataclass(frozen=True, slots=True)
class ChatRow:
    """A chat in an agent's list, with what they want to know at a glance. `unread` counts up to 100."""

    chat: Chat
    labels: list[str]
    unread: int
    head: int


def page_of_chats(
    chats: QuerySet[Chat], *, actor: Principal, after: tuple[datetime, uuid.UUID] | None, limit: int
) -> tuple[list[ChatRow], bool]:
    """Return the chats that follow a position in an agent's list, newest first, and whether there are more.

    Five queries, however many chats.
    """
    if after is not None:
        created_at, chat_id = after
        chats = chats.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, pk__gt=chat_id))
    prefetch = Prefetch("labels", ChatLabel.objects.select_related("label"))
    found = list(chats.order_by("-created_at", "id").prefetch_related(prefetch)[: limit + 1])
    return _rows(found[:limit], actor), len(found) > limit


def _rows(chats: Sequence[Chat], actor: Principal) -> list[ChatRow]:
    read = dict(ReadPosition.objects.filter(chat__in=chats, user=actor.id).values_list("chat_id", "seq"))
    positions: dict[str, Any] = {topic_of(chat.pk): read.get(chat.pk, 0) for chat in chats}
    unread = topics.count_after(positions, kind=MESSAGE, but_by=actor.id, most=UNREAD_MAX)
    heads = topics.heads_of(positions)
    return [
        ChatRow(
            chat,
            sorted(one.label.name for one in chat.labels.all()),
            unread.get(topic_of(chat.pk), 0),
            heads.get(topic_of(chat.pk), 0),
        )
        for chat in chats
    ]


def list_chats_at_desk(*, actor: Principal, is_open: bool) -> QuerySet[Chat]:
    """The chats in which the actor answers or answered, newest first: assigned to them, and those they were let into.

    One query now, for the latter's ids: mostly there are none, and then the list runs along its index.
    """
    shared = ChatGrant.objects.filter(user=actor.id, permission__codename=JOIN)
    ids = list(shared.values_list("content_object_id", flat=True)) if may_join(actor) else []
    chats = Chat.objects.filter(Q(admin_id=actor.id) | Q(pk__in=ids) if ids else Q(admin_id=actor.id))
    return (chats.filter(closed_at=None) if is_open else chats).select_related("customer")


def count_waiting() -> int:
    """How many chats wait for an agent."""
    return Chat.objects.filter(admin=None, closed_at=None).count()


def loads(*, actor: Principal, now: datetime) -> list[dict[str, Any]]:
    """Return how busy the desk's agents are, the busiest first: superusers see everybody, an agent themselves.

    Three queries. Raises: Forbidden.
    """
    if not actor.is_superuser and not actor.has_role(SUPPORT_AGENT):
        raise Forbidden
    agents = list_colleagues(actor=actor)
    people = list(agents if actor.is_superuser else agents.filter(pk=actor.id))
    busy = Chat.objects.filter(admin__in=people, closed_at=None).order_by().values("admin_id")
    snoozed = Q(snoozed_until__gt=now)
    counts = {row["admin_id"]: row for row in busy.annotate(n=Count("*"), snoozed=Count("pk", filter=snoozed))}
    states = AgentStatus.objects.in_bulk([person.pk for person in people])
    rows = []
    for person in people:
        row, state = counts.get(person.pk, {"n": 0, "snoozed": 0}), states.get(person.pk)
        here = state is not None and state.lease_until is not None and state.lease_until > now
        on = state is None or state.is_switched_on
        rows.append({"agent": person, "open": row["n"], "snoozed": row["snoozed"], "is_here": here, "is_on": on})
    return sorted(rows, key=lambda row: (-row["open"], row["agent"].pk))


def list_queue(*, actor: Principal) -> QuerySet[Chat]:
    """The chats that wait for an agent, the most urgent first, then in the order they came; not one's own."""
    waiting = Chat.objects.filter(admin=None, closed_at=None).exclude(customer_id=actor.id)
    return waiting.order_by("-priority", "created_at", "id")


def list_unanswered(*, asked_before: datetime) -> QuerySet[Chat]:
    """The chats that wait for a first answer to what was asked before a moment, the longest waiting first."""
    waiting = Chat.objects.filter(admin=None, closed_at=None, first_answered_at=None, first_asked_at__lt=asked_before)
    return waiting.order_by("first_asked_at", "id")


def is_unanswered(chat_id: uuid.UUID) -> bool:
    """Whether a chat still waits for a first answer."""
    return Chat.objects.filter(pk=chat_id, admin=None, closed_at=None, first_answered_at=None).exists()


def queue_position(chat: Chat) -> int | None:
    """Return the chat's place in the queue, from 1; None when it does not wait."""
    if chat.admin_id is not None or chat.closed_at is not None:
        return None
    earlier = Q(created_at__lt=chat.created_at) | Q(created_at=chat.created_at, id__lt=chat.id)
    ahead = Q(priority__gt=chat.priority) | Q(Q(priority=chat.priority) & earlier)
    return Chat.objects.filter(ahead, admin=None, closed_at=None).count() + 1


def get_attachment(*, actor: Principal, chat_id: uuid.UUID, attachment_id: uuid.UUID) -> Attachment:
    """Return an attachment, with its file, that the actor may fetch now: sent in a chat that they are a member of and
    not withdrawn; what is not sent yet, its uploader. Raises: ChatUnknown, AttachmentUnknown."""
    chat = get_chat_of_member(actor=actor, chat_id=chat_id)
    found = Attachment.objects.filter(pk=attachment_id, chat=chat, withdrawn_at=None).select_related("file").first()
    if found is None or (found.seq is None and found.uploader_id != actor.id):
        raise AttachmentUnknown
    return found
