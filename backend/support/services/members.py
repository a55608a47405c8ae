"""A supervisor or second agent takes part in a chat, by a guardian grant (design.md section 3)."""

import uuid

from guardian.shortcuts import assign_perm

from backend.audit import services as audit
from backend.common.principal import Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.notifications import services as notifications
from backend.notifications.notices import ChatShared
from backend.support import selectors
from backend.support.errors import ChatUnknown, MemberUnknown, NotAMember, TooManyMembers
from backend.support.frames import FACT, desk_fact, desk_topic_of
from backend.support.models import Chat, ChatGrant
from backend.support.services import access, agents, telling

MEMBERS_MAX = 10


def add_member(*, actor: Principal, chat_id: uuid.UUID, user_id: int) -> ChatGrant:
    """Let an agent, staff member or superuser into a chat: they read it, see its notes and speak as agents.

    The chat's agent may, and a superuser. Everybody in the chat sees them come: the staff by a note, the customer by
    their presence.
    Repeating: the same grant, and nobody is told again.
    Raises: ChatUnknown, ChatTaken, ChatClosed, MemberUnknown, TooManyMembers.
    Locks: the new member (shared), then the chat.
    After commit: `note` with the fact `member_joined`; `chat.shared` in their inbox.
    """
    with unit_of_work() as unit:
        agents.lock_agent(user_id)
        chat = _locked_by_its_agent(actor, chat_id)
        existing = selectors.members_of(chat).filter(user=user_id).first()
        if existing is not None:
            return existing
        person = User.objects.filter(pk=user_id, is_active=True).first()
        if person is None or user_id in (chat.customer_id, chat.admin_id) or not _may_join(person):
            raise MemberUnknown
        if selectors.members_of(chat).count() >= MEMBERS_MAX:
            raise TooManyMembers
        assign_perm(f"support.{selectors.JOIN}", person, chat)
        audit.record(actor_id=actor.id, action="chat.member_added", target=chat, facts={"member": user_id})
        name = person.get_short_name()
        about = {"member_id": user_id, "member": name}
        telling.tell_desk(unit, chat.pk, "member_joined", actor=actor, words=f"let in {name}.", **about)
        notice = ChatShared(chat_id=str(chat.pk), shared_by=actor.id)
        notifications.tell(unit, topics=[notifications.inbox_of(user_id)], notice=notice)
        return selectors.members_of(chat).get(user=user_id)


def remove_member(*, actor: Principal, chat_id: uuid.UUID, user_id: int) -> None:
    """Withdraw a grant: the chat's agent may, a superuser, and the member themselves.

    Raises: ChatUnknown, ChatTaken, NotAMember. Locks: the chat.
    After commit: `note` with the fact `member_left`, upon which the member's sockets end with 4006.
    """
    with unit_of_work() as unit:
        if actor.id == user_id:
            chat = access.lock_chat_for_staff(actor=actor, chat_id=chat_id, may_be_closed=True)
        else:
            chat = _locked_by_its_agent(actor, chat_id, may_be_closed=True)
        grant = selectors.members_of(chat).filter(user=user_id).first()
        if grant is None:
            raise NotAMember
        name = grant.user.get_short_name()
        grant.delete()
        audit.record(actor_id=actor.id, action="chat.member_removed", target=chat, facts={"member": user_id})
        about = {"member_id": user_id, "member": name}
        words = "left the chat." if actor.id == user_id else f"removed {name}."
        telling.tell_desk(unit, chat.pk, "member_left", actor=actor, words=words, **about)


def end_all_grants(unit: UnitOfWork, *, user_id: int, name: str, by_id: int | None) -> None:
    """Withdraw every grant somebody has, in the caller's unit of work: they may join no chats any more."""
    for grant in ChatGrant.objects.filter(user=user_id).select_related("content_object").order_by("content_object"):
        chat = grant.content_object
        grant.delete()
        audit.record(actor_id=by_id, action="chat.member_removed", target=chat, facts={"member": user_id})
        about = {"member_id": user_id, "member": name}
        payload = desk_fact("member_left", by=name, by_id=user_id, words=f"{name} left the chat.", **about)
        unit.emit(topics=[desk_topic_of(chat.pk)], kind=FACT, payload=payload)


def _may_join(person: User) -> bool:
    return selectors.may_join(principal_of(person))


def _locked_by_its_agent(actor: Principal, chat_id: uuid.UUID, *, may_be_closed: bool = False) -> Chat:
    chat = access.lock_chat_for_staff(actor=actor, chat_id=chat_id, may_be_closed=may_be_closed, superusers=True)
    if chat.admin_id != actor.id and not actor.is_superuser:
        raise ChatUnknown
    return chat
