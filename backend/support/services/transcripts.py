"""A chat on paper: what was said and what happened, read page by page, as lines of JSON or as a PDF."""

import heapq
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import IO, Any

import orjson

from backend.audit import services as audit
from backend.common import drawing
from backend.common.errors import Forbidden
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import User
from backend.realtime import selectors as topics
from backend.realtime.events import StoredEvent
from backend.support import selectors
from backend.support.errors import TranscriptTooLong
from backend.support.frames import FACT, NOTE, desk_topic_of, topic_of
from backend.support.models import Chat

PAGE = 500
PDF_LINES_MAX = 5_000
PDF_CHARACTERS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """Something said or something that happened. `kind` is message, note or chat."""

    seq: int
    kind: str
    at: datetime
    user: str
    user_id: int | None
    role: str
    text: str
    attachments: list[str]
    edited_at: str | None
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Transcript:
    """What is to be exported: the events up to `head`, and the notes up to `desk_head` where they are wanted."""

    chat: Chat
    head: int
    desk_head: int | None
    zone: tzinfo | None
    made_at: datetime
    customer: str
    agent: str

    def lines(self) -> Iterator[Line]:
        """Read everything, oldest first; never more than a page of each topic at once, and no cursor between them."""
        said = _events(topic_of(self.chat.pk), self.head)
        if self.desk_head is not None:
            said = heapq.merge(said, _events(desk_topic_of(self.chat.pk), self.desk_head), key=lambda event: event.at)
        return (_line(event) for event in said)


def export_transcript(
    *, actor: Principal, chat_id: uuid.UUID, form: str, notes: bool, zone: tzinfo | None
) -> Transcript:
    """Return what a member may have of a chat, as it stands now; its reading begins with `lines`.

    Raises: ChatUnknown; Forbidden, when a customer asks for notes. Locks: nothing.
    """
    chat = selectors.get_chat_of_member(actor=actor, chat_id=chat_id)
    if notes and not selectors.is_staff_in(chat, actor):
        raise Forbidden
    topic, desk_topic = topic_of(chat_id), desk_topic_of(chat_id)
    heads = topics.heads_of([topic, desk_topic])
    with unit_of_work():
        audit.record(
            actor_id=actor.id, action="transcript.exported", target=chat, facts={"format": form, "notes": notes}
        )
    names = User.objects.only("first_name", "name", "email").in_bulk([chat.customer_id, chat.admin_id or 0])
    customer, agent = (names[pk].get_short_name() if pk in names else "" for pk in (chat.customer_id, chat.admin_id))
    desk_head = heads.get(desk_topic, 0) if notes else None
    return Transcript(chat, heads.get(topic, 0), desk_head, zone, datetime.now(UTC), customer, agent)


def as_json(transcript: Transcript) -> Iterator[bytes]:
    """Yield one JSON object, line by line."""
    chat = transcript.chat
    head = {
        "chat_id": chat.pk,
        "customer": transcript.customer,
        "agent": transcript.agent,
        "created_at": chat.created_at,
        "closed_at": chat.closed_at,
        "exported_at": transcript.made_at,
        "time_zone": str(transcript.zone) if transcript.zone else None,
    }
    yield orjson.dumps(head, option=orjson.OPT_UTC_Z)[:-1] + b',"lines":['
    comma = b""
    for line in transcript.lines():
        fields: dict[str, Any] = {
            "type": line.kind,
            "seq": line.seq,
            "timestamp": line.at,
            "local_time": line.at.astimezone(transcript.zone).isoformat() if transcript.zone else None,
            "user": line.user,
            "user_id": line.user_id,
            "role": line.role,
            "message": line.text,
            "attachments": line.attachments,
            "edited_at": line.edited_at,
            "withdrawn": line.withdrawn,
        }
        yield comma + orjson.dumps(fields, option=orjson.OPT_UTC_Z)
        comma = b","
    yield b"]}"


def as_pdf(transcript: Transcript) -> IO[bytes]:
    """Draw a PDF in a process of its own and return it as a file, at its beginning.

    Raises: TranscriptTooLong; Unavailable, when too many are being drawn or this one takes too long.
    """
    return drawing.draw("backend.support.transcript_pdf", _script(transcript))


def _script(transcript: Transcript) -> Iterator[dict[str, Any]]:
    """Say what `transcript_pdf` draws. Raises: TranscriptTooLong."""
    yield _head(transcript)
    characters = 0
    for count, line in enumerate(transcript.lines(), 1):
        text = _worded(line)
        characters += len(text)
        if count > PDF_LINES_MAX or characters > PDF_CHARACTERS_MAX:
            raise TranscriptTooLong
        note = ", internal note" if line.kind == NOTE else ""
        yield {
            "who": f"{line.user} ({line.role or 'agent'}{note})",
            "at": _shown(line.at, transcript.zone),
            "text": text,
            "grey": line.kind == "chat",
        }


def _head(transcript: Transcript) -> dict[str, Any]:
    chat, zone = transcript.chat, transcript.zone
    closed = f", closed {_shown(chat.closed_at, zone)}" if chat.closed_at else ""
    return {
        "title": "Support chat",
        "about": [
            f"Chat {chat.pk}",
            f"Customer: {transcript.customer}" + (f"   Agent: {transcript.agent}" if transcript.agent else ""),
            f"Opened {_shown(chat.created_at, zone)}{closed}",
            f"Exported {_shown(transcript.made_at, zone)}",
        ],
        "made_at": transcript.made_at.isoformat(),
    }


def _worded(line: Line) -> str:
    if line.withdrawn:
        return "[withdrawn]"
    names = "".join(f"\n[attachment: {name}]" for name in line.attachments)
    return line.text + (" [edited]" if line.edited_at else "") + names


def _shown(at: datetime, zone: tzinfo | None) -> str:
    """Return a time for people: in UTC, and first in the reader's own zone where that is known."""
    utc = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S} {zone} ({utc})" if zone else utc


def _events(topic: str, until: int) -> Iterator[StoredEvent]:
    after = 0
    while after < until:
        page = topics.events_after(topic, after, limit=PAGE, until=until)
        yield from page.events
        after = page.cursor or until


def _line(event: StoredEvent) -> Line:
    fields = orjson.loads(event.payload)
    withdrawn = "withdrawn_at" in fields
    return Line(
        seq=event.seq,
        kind=NOTE if event.kind == FACT else event.kind,
        at=datetime.fromisoformat(event.at),
        user=fields.get("user", ""),
        user_id=fields.get("user_id"),
        role=fields.get("role", ""),
        text="" if withdrawn else fields.get("message") or "",
        attachments=[] if withdrawn else [str(one.get("name", "")) for one in fields.get("attachments", [])],
        edited_at=fields.get("edited_at"),
        withdrawn=withdrawn,
    )
