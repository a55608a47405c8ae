"""How a chat's events look to clients, and what a client may say."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.common.principal import Principal
from backend.common.unit_of_work import Draft
from backend.realtime.events import StoredEvent, joined
from backend.realtime.selectors import NO_LIMIT
from backend.support.errors import InvalidMessage

FAMILY = "chat"
MESSAGE = "message"
CHAT = "chat"
NOTE = "note"  # on the desk topic: what staff say to one another
FACT = "fact"  # on the desk topic: what happened that only staff may see; shown as a note
TEXT_MAX = 4000
CLIENT_ID_MAX = 64
ATTACHMENTS_MAX = 5

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def topic_of(chat_id: uuid.UUID | str) -> str:
    return f"{FAMILY}.{chat_id}"


def desk_topic_of(chat_id: uuid.UUID | str) -> str:
    """Return the topic of what only staff may see, so that the customer's `seq` has no holes."""
    return f"{FAMILY}.{chat_id}.desk"


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


# Notes are numbered apart from what the customer sees, so their ids get a bit that no `seq` reaches.
_DESK_BIT = 1 << 47


def note_id(chat_id: uuid.UUID | str, desk_seq: int) -> str:
    return _folded(str(chat_id), desk_seq | _DESK_BIT)


def render_chat_event(event: StoredEvent) -> bytes:
    """Return the frame of a `message`, `chat` or `note` event: the same live, in the array, and over REST."""
    chat_id = event.topic[len(FAMILY) + 1 :]
    if event.kind in (NOTE, FACT):
        return _rendered_note(event, chat_id.removesuffix(".desk"))
    head: dict[str, object] = {"type": event.kind, "seq": event.seq, "id": _folded(chat_id, event.seq)}
    if event.kind == MESSAGE:
        head["client_id"] = event.client_id
    head["timestamp"] = event.at
    return joined(head, event.payload)


def _rendered_note(event: StoredEvent, chat_id: str) -> bytes:
    head: dict[str, object] = {"type": NOTE, "desk_seq": event.seq, "id": note_id(chat_id, event.seq)}
    head |= {"client_id": event.client_id, "timestamp": event.at}
    return joined(head, event.payload)


@dataclass(frozen=True, slots=True)
class Said:
    """A checked message: what to say in which chat, and the sender's own name for it.

    `attachments` are the ids that it is to carry; `shown` is what of them stands in the stored message.
    `expected_seq` is up to where an agent has seen the chat; None where that does not matter.
    """

    chat_id: uuid.UUID
    author: Principal
    role: str
    text: str
    client_id: str | None
    expected_seq: int | None = None
    attachments: tuple[uuid.UUID, ...] = ()
    shown: tuple[dict[str, Any], ...] = ()

    def draft(self) -> Draft:
        return Draft(
            topic=topic_of(self.chat_id),
            kind=MESSAGE,
            payload={
                "user": self.author.display_name,
                "user_id": self.author.id,
                "role": self.role,
                "message": self.text,
                "attachments": list(self.shown),
            },
            author_id=self.author.id,
            client_id=self.client_id,
            text=self._said,
            expected_seq=self.expected_seq,
        )

    @property
    def _said(self) -> str:
        """What a repeat under the same `client_id` must have in common. No text has a NUL in it."""
        return "\0".join([self.text, *map(str, self.attachments)])


def said(fields: Mapping[str, Any], *, chat_id: uuid.UUID, author: Principal, role: str) -> Said:
    """Check what a client sent, by socket or by REST: 1 to 4,000 characters; with attachments also none.

    Raises: InvalidMessage.
    """
    attachments = _attachments_in(fields)
    text = "" if attachments and not fields.get("message") else checked_text(fields, "message")
    client_id, expected = checked_client_id(fields), fields.get("expected_seq")
    if expected is not None and (type(expected) is not int or not 0 <= expected < NO_LIMIT):
        raise InvalidMessage("expected_seq", "`expected_seq` is the `seq` of the last event you have seen.")
    seen = expected if role == "agent" else None
    return Said(chat_id, author, role, text, client_id, expected_seq=seen, attachments=attachments)


def checked_text(fields: Mapping[str, Any], name: str) -> str:
    """Return a text that can be said, of 1 to 4,000 characters. Raises: InvalidMessage."""
    text = fields.get(name)
    if not isinstance(text, str):
        raise InvalidMessage(name, f"`{name}` must be text.")
    if not text.strip():
        raise InvalidMessage(name, f"`{name}` must not be empty.")
    if len(text) > TEXT_MAX:
        raise InvalidMessage(name, f"`{name}` has {len(text)} characters; at most {TEXT_MAX} are allowed.")
    if _UNSTORABLE.search(text):
        raise InvalidMessage(name, f"`{name}` contains characters that cannot be stored.")
    return text


def checked_client_id(fields: Mapping[str, Any]) -> str | None:
    """Return the sender's own name for what they send, if there is one. Raises: InvalidMessage."""
    client_id = fields.get("client_id")
    if client_id is None or _is_client_id(client_id):
        return client_id
    raise InvalidMessage("client_id", f"`client_id` must be text of 1 to {CLIENT_ID_MAX} characters.")


def _attachments_in(fields: Mapping[str, Any]) -> tuple[uuid.UUID, ...]:
    """Return the ids of the attachments that a message is to carry. Raises: InvalidMessage."""
    given = fields.get("attachments")
    if not given and given in (None, []):
        return ()
    if not isinstance(given, list) or len(given) > ATTACHMENTS_MAX or not all(isinstance(each, str) for each in given):
        raise InvalidMessage("attachments", f"`attachments` must be a list of at most {ATTACHMENTS_MAX} ids.")
    try:
        ids = tuple(uuid.UUID(each) for each in given)
    except ValueError:
        raise InvalidMessage("attachments", "`attachments` must be ids of files uploaded to this chat.") from None
    if len(set(ids)) < len(ids):
        raise InvalidMessage("attachments", "`attachments` names a file twice.")
    return ids


def _is_client_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= CLIENT_ID_MAX and not _UNSTORABLE.search(value)


def chat_state(state: str, *, by: str, by_id: int | None, words: str, **more: Any) -> dict[str, Any]:
    """Return the payload of a `chat` event: a state for programs, and words an older client can show as they are."""
    return {"state": state, "user": by, "user_id": by_id, "message": words, **more}


def note(text: str, *, by: str, by_id: int) -> dict[str, Any]:
    """Return the payload of something that staff say to one another."""
    return {"user": by, "user_id": by_id, "message": text, "fact": None}


def desk_fact(fact: str, *, by: str, by_id: int | None, words: str, **more: Any) -> dict[str, Any]:
    """Return the payload of something that happened and that only staff may see; `words` begin with the name."""
    return {"user": by, "user_id": by_id, "message": words, "fact": fact, **more}
