"""What erasing a person means here: the transcript stays readable, without the name; open chats are left."""

from backend.common import hooks
from backend.realtime import services as topics
from backend.support.frames import CHAT
from backend.support.services import attachments, chats


def erase_from_chats(erasure: hooks.Erasure) -> None:
    """Take the person's name off everything they said or did in any chat or on the desk, destroy what they attached,
    and have them leave."""
    user_id, name = erasure.user_id, erasure.name
    topics.rename_author(user_id=user_id, name=name, worded_kind=CHAT)
    topics.rename_author(user_id=user_id, name=name, id_field="customer_id", name_field="customer")
    attachments.erase_files_of(user_id=user_id)
    chats.leave_chats(user_id=user_id, name=name)
