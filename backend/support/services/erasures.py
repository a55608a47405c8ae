"""What erasing a person means here: the transcript stays readable, without the name; open chats are left.

Notes, ratings and older versions of what was said are kept like what was said, and hold no name but in what renaming
covers. Replies that somebody kept for themselves go.
"""

from backend.common import hooks
from backend.realtime import services as topics
from backend.support.frames import CHAT, FACT
from backend.support.models import AgentStatus, CannedReply, ReadPosition
from backend.support.services import attachments, transfers


def erase_from_chats(erasure: hooks.Erasure) -> None:
    """Take the person's name off everything they said or did in any chat or on the desk, destroy what they attached,
    and have them leave."""
    user_id, name = erasure.user_id, erasure.name
    transfers.leave_chats(user_id=user_id, name=name)  # First: chats are locked before what was said in them.
    worded = [CHAT, FACT]
    topics.rename_author(user_id=user_id, name=name, worded_kinds=worded)
    topics.rename_author(user_id=user_id, name=name, id_field="customer_id", name_field="customer")
    attachments.erase_files_of(user_id=user_id)
    for role in ("agent", "member"):  # Whom a chat was given to, and who was let in: the last word of such a sentence.
        topics.rename_author(
            user_id=user_id, name=name, id_field=f"{role}_id", name_field=role, worded_kinds=worded, worded="last"
        )
    CannedReply.objects.filter(owner=user_id).delete()
    AgentStatus.objects.filter(pk=user_id).delete()
    ReadPosition.objects.filter(user=user_id).delete()
