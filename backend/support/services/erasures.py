"""What erasing a person means here: the transcript stays readable, without the name; open chats are closed."""

from datetime import UTC, datetime

from backend.common import hooks
from backend.realtime import services as topics
from backend.support.models import Chat


def erase_from_chats(erasure: hooks.Erasure) -> None:
    """Close the person's own open chats, and take their name off everything they said or did in any."""
    Chat.objects.filter(customer_id=erasure.user_id, closed_at=None).update(closed_at=datetime.now(UTC))
    Chat.objects.filter(admin_id=erasure.user_id, closed_at=None).update(admin=None, assigned_at=None)
    topics.rename_author(user_id=erasure.user_id, name=erasure.name)
