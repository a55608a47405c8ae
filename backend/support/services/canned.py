"""Replies that agents keep ready: their own, and the whole desk's. Variables are filled in here, never by clients.

`{customer}` in a text becomes the customer's first name. What stands in braces and is no variable is refused when the
reply is saved, so that nobody sends `{custmer}`. Values are put in once: what they hold is never taken for a variable.
"""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from backend.audit import services as audit
from backend.common.principal import SUPPORT_AGENT, Principal
from backend.common.unit_of_work import unit_of_work
from backend.support import selectors
from backend.support.errors import ReplyRefused, ReplyUnknown
from backend.support.frames import TEXT_MAX
from backend.support.models import CannedReply, Chat
from backend.support.services import access, telling

OWN_MAX = 200
SHARED_MAX = 500
PAGE = 100
SHORTCUT = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")

_IN_BRACES = re.compile(r"\{([^{}]*)\}")
_VALUES: dict[str, Callable[[Principal, Chat], str]] = {
    "customer": lambda actor, chat: telling.name_of(chat.customer_id),
    "agent": lambda actor, chat: actor.display_name,
    "chat": lambda actor, chat: str(chat.pk),
    "date": lambda actor, chat: f"{datetime.now(UTC):%Y-%m-%d}",
}
VARIABLES = tuple(_VALUES)


def list_replies(*, actor: Principal, shortcut: str = "") -> QuerySet[CannedReply]:
    """The replies that the actor can use whose shortcuts begin so, by shortcut; at most 100. Raises: NotAnAgent."""
    return _visible_to(actor).filter(shortcut__startswith=shortcut.lower()).order_by("shortcut", "id")[:PAGE]


def get_reply(*, actor: Principal, reply_id: uuid.UUID) -> CannedReply:
    """Raises: NotAnAgent, ReplyUnknown."""
    reply = _visible_to(actor).filter(pk=reply_id).first()
    if reply is None:
        raise ReplyUnknown
    return reply


def create_reply(*, actor: Principal, shortcut: str, text: str, is_shared: bool) -> CannedReply:
    """Keep a reply for oneself, or as staff or superuser for the whole desk.

    Raises: NotAnAgent, NotADeskManager, ReplyRefused (shortcut taken or odd, unknown variable, too many).
    """
    _require_use(actor, is_shared=is_shared)
    owner_id = None if is_shared else actor.id
    most = SHARED_MAX if is_shared else OWN_MAX
    if CannedReply.objects.filter(owner=owner_id).count() >= most:
        raise ReplyRefused("shortcut", f"There are {most} replies already.")
    return _saved(actor, CannedReply(owner_id=owner_id), {"shortcut": shortcut, "text": text}, "canned.created")


def change_reply(*, actor: Principal, reply_id: uuid.UUID, changes: dict[str, Any]) -> CannedReply:
    """Change shortcut or text of one's own reply, or as staff or superuser of a shared one.

    Raises: NotAnAgent, ReplyUnknown, NotADeskManager, ReplyRefused.
    """
    reply = get_reply(actor=actor, reply_id=reply_id)
    _require_use(actor, is_shared=reply.owner_id is None)
    return _saved(actor, reply, changes, "canned.changed")


def delete_reply(*, actor: Principal, reply_id: uuid.UUID) -> None:
    """Raises: NotAnAgent, ReplyUnknown, NotADeskManager."""
    with unit_of_work():
        reply = get_reply(actor=actor, reply_id=reply_id)
        _require_use(actor, is_shared=reply.owner_id is None)
        audit.record(actor_id=actor.id, action="canned.deleted", target=reply)
        reply.delete()


def render_reply(*, actor: Principal, chat_id: uuid.UUID, reply_id: uuid.UUID) -> str:
    """Return a reply's text as it would be said in this chat, for the agent to look over and send.

    Raises: ChatUnknown, NotAnAgent, ReplyUnknown, ReplyRefused (with its values it is too long to be said).
    """
    chat = selectors.get_chat_of_staff(actor=actor, chat_id=chat_id)
    reply = get_reply(actor=actor, reply_id=reply_id)
    values = {name: _VALUES[name](actor, chat) for name in set(_IN_BRACES.findall(reply.text))}
    text = _IN_BRACES.sub(lambda found: values[found[1]], reply.text)
    if len(text) > TEXT_MAX:
        raise ReplyRefused("text", f"With its values filled in it has over {TEXT_MAX} characters.")
    return text


def _visible_to(actor: Principal) -> QuerySet[CannedReply]:
    _require_use(actor, is_shared=False)
    return CannedReply.objects.filter(Q(owner=None) | Q(owner=actor.id))


def _require_use(actor: Principal, *, is_shared: bool) -> None:
    """Agents use and keep replies; the shared ones are kept by staff and superusers, who also see them."""
    if is_shared:
        access.require_manager(actor)
    elif not (actor.has_role(SUPPORT_AGENT) or selectors.may_join(actor)):
        access.require_agent(actor)


def _saved(actor: Principal, reply: CannedReply, changes: dict[str, Any], action: str) -> CannedReply:
    for name, value in changes.items():
        setattr(reply, name, value)
    reply.shortcut = reply.shortcut.lower()
    if not SHORTCUT.fullmatch(reply.shortcut):
        raise ReplyRefused("shortcut", "Up to 32 letters, digits, - and _, beginning with a letter or digit.")
    unknown = sorted(set(_IN_BRACES.findall(reply.text)) - set(VARIABLES))
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in VARIABLES)
        raise ReplyRefused("text", f"{{{unknown[0]}}} is no variable. There are {known}.")
    with unit_of_work():
        try:
            with transaction.atomic():
                reply.save()
        except IntegrityError:
            raise ReplyRefused("shortcut", "This shortcut is taken.") from None
        audit.record(actor_id=actor.id, action=action, target=reply, facts={"shortcut": reply.shortcut})
    return reply
