"""Locking a chat for whoever wants to change it, and telling those who come too late why.

A chat may go to somebody else between the look that showed it and the lock that lets one change it. Everything here
compares the two, so that of several who act at once one does it, and the others hear that it is a colleague's now.
"""

import uuid

from backend.common.principal import SUPPORT_AGENT, Principal
from backend.support import selectors
from backend.support.errors import ChatClosed, ChatTaken, ChatUnknown, NotADeskManager, NotAnAgent
from backend.support.models import Chat


def require_agent(actor: Principal) -> None:
    if not actor.has_role(SUPPORT_AGENT):
        raise NotAnAgent


def require_manager(actor: Principal) -> None:
    """What the whole desk uses is managed by staff and superusers."""
    if not (actor.is_staff or actor.is_superuser):
        raise NotADeskManager


def lock_chat(chat_id: uuid.UUID) -> Chat:
    """Return the chat, locked. Raises: ChatUnknown."""
    chat = Chat.objects.select_for_update(no_key=True).filter(pk=chat_id).first()
    if chat is None:
        raise ChatUnknown
    return chat


def lock_chat_for_staff(
    *, actor: Principal, chat_id: uuid.UUID, may_be_closed: bool = False, superusers: bool = False
) -> Chat:
    """Return an open chat in which the actor answers, locked; with `superusers`, any chat to those.

    Raises: ChatUnknown, ChatTaken (a colleague's by now), ChatClosed.
    Locks: the chat.
    """
    before = selectors.find_chat(chat_id)
    chat = lock_chat(chat_id)
    if not (selectors.is_staff_in(chat, actor) or (superusers and actor.is_superuser)):
        if before is not None and (actor.id == chat.former_admin_id or selectors.is_staff_in(before, actor)):
            raise ChatTaken
        raise ChatUnknown
    if before is None or before.admin_id != chat.admin_id:
        raise ChatTaken
    if chat.closed_at is not None and not may_be_closed:
        raise ChatClosed
    return chat


def lock_chat_for_triage(*, actor: Principal, chat_id: uuid.UUID) -> Chat:
    """Return an open chat that waits for any agent, or in which the actor answers, locked.

    Raises: as `lock_chat_for_staff`. Locks: the chat.
    """
    chat = lock_chat(chat_id)
    waits = chat.admin_id is None and chat.closed_at is None and chat.customer_id != actor.id
    return chat if waits and actor.has_role(SUPPORT_AGENT) else lock_chat_for_staff(actor=actor, chat_id=chat_id)
