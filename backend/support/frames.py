"""How a chat's events look to clients, and what a client may say."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.common.principal import Principal
from backend.common.unit_of_work import Draft
from backend.realtime.events import StoredEvent, joined
from backend.support.errors import InvalidMessage

FAMILY = "chat"
MESSAGE = "message"
CHAT = "chat"
TEXT_MAX = 4000
CLIENT_ID_MAX = 64

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def topic_of(chat_id: uuid.UUID | str) -> str:
    return f"{FAMILY}.{chat_id}"


def event_id(chat_id: uuid.UUID, seq: int) -> str:
    """Return the id of a chat's event: the chat's own id with `seq` folded into it.

    Unique without being stored, and whoever knows the chat can read the position back (`seq_of_event`).
    """
    return _folded(str(chat_id), seq)


def _folded(chat_id: str, seq: int) -> str:
    """Fold `seq` into the last twelve digits as text: UUID objects cost ten times that, for each event rendered."""
    return f"{chat_id[:24]}{int(chat_id[24:], 16) ^ seq:012x}"


def seq_of_event(chat_id: uuid.UUID, message_id: uuid.UUID) -> int:
    """Return the position that an event id stands for. For an id of another chat it is a position that none has."""
    return chat_id.int ^ message_id.int


def render_chat_event(event: StoredEvent) -> bytes:
    """Return the frame of a `message` or `chat` event: the same live, in the array, and over REST."""
    chat_id = event.topic[len(FAMILY) + 1 :]
    head: dict[str, object] = {"type": event.kind, "seq": event.seq, "id": _folded(chat_id, event.seq)}
    if event.kind == MESSAGE:
        head["client_id"] = event.client_id
    head["timestamp"] = event.at
    return joined(head, event.payload)


@dataclass(frozen=True, slots=True)
class Said:
    """A checked message: what to say in which chat, and the sender's own name for it."""

    chat_id: uuid.UUID
    author: Principal
    role: str
    text: str
    client_id: str | None

    def draft(self) -> Draft:
        return Draft(
            topic=topic_of(self.chat_id),
            kind=MESSAGE,
            payload={
                "user": self.author.display_name,
                "user_id": self.author.id,
                "role": self.role,
                "message": self.text,
                "attachments": [],
            },
            author_id=self.author.id,
            client_id=self.client_id,
            text=self.text,
        )


def said(fields: Mapping[str, Any], *, chat_id: uuid.UUID, author: Principal, role: str) -> Said:
    """Check what a client sent, by socket or by REST (1 to 4,000 characters). Raises: InvalidMessage."""
    text, client_id = fields.get("message"), fields.get("client_id")
    if not isinstance(text, str):
        raise InvalidMessage("message", "`message` must be text.")
    if not text.strip():
        raise InvalidMessage("message", "`message` must not be empty.")
    if len(text) > TEXT_MAX:
        raise InvalidMessage("message", f"`message` has {len(text)} characters; at most {TEXT_MAX} are allowed.")
    if _UNSTORABLE.search(text):
        raise InvalidMessage("message", "`message` contains characters that cannot be stored.")
    if client_id is not None and not _is_client_id(client_id):
        raise InvalidMessage("client_id", f"`client_id` must be text of 1 to {CLIENT_ID_MAX} characters.")
    return Said(chat_id, author, role, text, client_id)


def _is_client_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= CLIENT_ID_MAX and not _UNSTORABLE.search(value)


def chat_state(state: str, *, by: str, by_id: int | None, words: str, **more: Any) -> dict[str, Any]:
    """Return the payload of a `chat` event: a state for programs, and words an older client can show as they are."""
    return {"state": state, "user": by, "user_id": by_id, "message": words, **more}
