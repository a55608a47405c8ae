"""What the customer thought of a chat that was closed."""

import uuid
from datetime import UTC, datetime, timedelta

from django.conf import settings

from backend.audit import services as audit
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.support import selectors
from backend.support.errors import ChatStillOpen, ChatUnknown, ReopeningTooLate
from backend.support.frames import chat_state
from backend.support.models import Rating
from backend.support.services import access, telling


def rate_chat(*, actor: Principal, chat_id: uuid.UUID, stars: int, comment: str) -> tuple[Rating, bool]:
    """Store the customer's rating of a closed chat, or change it; return it, and whether it is the first one.

    It may be given and changed as long as the chat could be reopened. The comment is for the staff in the chat.
    Repeating: the same rating changes nothing, and nobody is told again.
    Raises: ChatUnknown (also to whoever is not its customer), ChatStillOpen, ReopeningTooLate.
    Locks: the chat. After commit: `chat` event rated, with `stars`.
    """
    with unit_of_work() as unit:
        chat = access.lock_chat(chat_id)
        if chat.customer_id != actor.id:
            raise ChatUnknown
        if chat.closed_at is None:
            raise ChatStillOpen("A chat is rated once it is closed.")
        if chat.closed_at < datetime.now(UTC) - timedelta(days=settings.SUPPORT["reopen_days"]):
            raise ReopeningTooLate
        rating = Rating.objects.filter(chat=chat).first()
        if rating is not None and (rating.stars, rating.comment) == (stars, comment):
            return rating, False
        is_first = rating is None
        rating = rating or Rating(chat=chat)
        rating.stars, rating.comment = stars, comment
        rating.save(force_insert=is_first)
        audit.record(actor_id=actor.id, action="chat.rated", target=chat, facts={"stars": stars})
        words = f"{actor.display_name} rated the chat: {stars} of 5."
        payload = chat_state("rated", by=actor.display_name, by_id=actor.id, words=words, stars=stars)
        telling.tell_chat(unit, chat.pk, payload)
    return rating, is_first


def get_rating(*, actor: Principal, chat_id: uuid.UUID) -> Rating | None:
    """Return a chat's rating to its members, if there is one. Raises: ChatUnknown."""
    chat = selectors.get_chat_of_member(actor=actor, chat_id=chat_id)
    return Rating.objects.filter(chat=chat).first()
