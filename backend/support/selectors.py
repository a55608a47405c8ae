"""Reading chats. Every function says for whom; what is not theirs does not exist for them."""

import uuid

from django.db.models import Q, QuerySet

from backend.common.principal import SUPPORT_AGENT, Principal
from backend.realtime import selectors as topics
from backend.realtime.selectors import Page
from backend.support.errors import AttachmentUnknown, ChatUnknown
from backend.support.frames import topic_of
from backend.support.models import Attachment, Chat


def chats_visible_to(actor: Principal) -> QuerySet[Chat]:
    """The chats one is a member of, and for agents also the waiting ones."""
    mine = Q(customer_id=actor.id) | Q(admin_id=actor.id)
    if actor.has_role(SUPPORT_AGENT):
        mine |= Q(admin=None, closed_at=None)
    return Chat.objects.filter(mine)


def get_chat(*, actor: Principal, chat_id: uuid.UUID) -> Chat:
    """Return a chat that the actor may see. Raises: ChatUnknown."""
    chat = chats_visible_to(actor).filter(pk=chat_id).first()
    if chat is None:
        raise ChatUnknown
    return chat


def get_chat_of_member(*, actor: Principal, chat_id: uuid.UUID) -> Chat:
    """Return a chat that the actor is a member of: its customer or its agent. Raises: ChatUnknown."""
    chat = Chat.objects.filter(Q(customer_id=actor.id) | Q(admin_id=actor.id), pk=chat_id).first()
    if chat is None:
        raise ChatUnknown
    return chat


def role_in(chat: Chat, user_id: int) -> str:
    return "customer" if chat.customer_id == user_id else "agent"


def list_chats_of_agent(*, actor: Principal, is_active: bool | None) -> QuerySet[Chat]:
    """The chats assigned to the actor, newest first; open ones, closed ones, or with None both."""
    chats = Chat.objects.filter(admin_id=actor.id)
    return chats if is_active is None else chats.filter(closed_at__isnull=is_active)


def list_queue(*, actor: Principal) -> QuerySet[Chat]:
    """The chats that wait for an agent, in the order they came; not one's own."""
    return Chat.objects.filter(admin=None, closed_at=None).exclude(customer_id=actor.id).order_by("created_at", "id")


def queue_position(chat: Chat) -> int | None:
    """Return the chat's place in the queue, from 1; None when it does not wait."""
    if chat.admin_id is not None or chat.closed_at is not None:
        return None
    ahead = Q(created_at__lt=chat.created_at) | Q(created_at=chat.created_at, id__lt=chat.id)
    return Chat.objects.filter(ahead, admin=None, closed_at=None).count() + 1


def messages_after(chat: Chat, after: int, *, limit: int) -> Page:
    """Return the chat's events after a position, oldest first."""
    return topics.events_after(topic_of(chat.pk), after, limit=limit)


def get_attachment(*, actor: Principal, chat_id: uuid.UUID, attachment_id: uuid.UUID) -> Attachment:
    """Return an attachment, with its file, that the actor may fetch now: sent in a chat that they are a member of and
    not withdrawn; what is not sent yet, its uploader. Raises: ChatUnknown, AttachmentUnknown."""
    chat = get_chat_of_member(actor=actor, chat_id=chat_id)
    found = Attachment.objects.filter(pk=attachment_id, chat=chat, withdrawn_at=None).select_related("file").first()
    if found is None or (found.seq is None and found.uploader_id != actor.id):
        raise AttachmentUnknown
    return found
