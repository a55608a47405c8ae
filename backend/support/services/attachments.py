"""Files in chats: uploaded first, then carried by one message, fetched by the chat's members, taken back, erased."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from backend.audit import services as audit
from backend.common import content, hooks, vault
from backend.common.errors import DomainError
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.realtime.services import Outcome, append
from backend.support import selectors
from backend.support.errors import AttachmentSent, AttachmentUnknown, ChatClosed, TooManyWaiting
from backend.support.frames import Said
from backend.support.models import Attachment, Chat

KIND = "attachment"
SIZE_MAX = 10 * 1024 * 1024
EXTENSIONS = frozenset({"png", "jpg", "jpeg", "gif", "webp", "pdf"})
WAITING_MAX = 20
UNSENT_FOR = timedelta(days=1)
EXPIRE_MAX = 500
ERASED_NAME = "erased"

# What `store_carrying` answers in an outcome's `refusal`.
REFUSALS: dict[str, type[DomainError]] = {"attachment": AttachmentUnknown, "attachment_sent": AttachmentSent}
_REFUSING = {
    "attachment": "guard AS (SELECT n, 'attachment'::text AS refusal FROM incoming)",
    "attachment_sent": "guard AS (SELECT n, 'attachment_sent'::text AS refusal FROM incoming)",
}

Stored = list[Any]  # outcomes, one for each message
Store = Callable[[Sequence[Said]], Stored]


def require_room(*, actor: Principal, chat_id: uuid.UUID) -> None:
    """Decide whether the actor may upload to the chat, before the file is there. Raises: as `store_attachment`."""
    _require_room(selectors.get_chat_of_member(actor=actor, chat_id=chat_id), actor)


def _require_room(chat: Chat, actor: Principal) -> None:
    if not chat.is_active:
        raise ChatClosed
    if Attachment.objects.filter(chat=chat, uploader_id=actor.id, seq=None).count() >= WAITING_MAX:
        raise TooManyWaiting


def store_attachment(*, actor: Principal, chat_id: uuid.UUID, name: str, file: vault.Incoming) -> Attachment:
    """Check a file that has arrived, store it, and return the attachment; a message can carry it from now on.

    Raises: ContentRefused, StorageAway; ChatUnknown, ChatClosed, TooManyWaiting, also when that has come about while
    the file arrived. Nothing is left of it then.
    Locks: the chat.
    """
    with file.open() as plain:
        found = content.check(plain, name=name, extensions=EXTENSIONS)
    file.store()
    with unit_of_work():
        Chat.objects.select_for_update(no_key=True).filter(pk=chat_id).first()
        _require_room(selectors.get_chat_of_member(actor=actor, chat_id=chat_id), actor)
        attachment = Attachment.objects.create(
            chat_id=chat_id,
            uploader_id=actor.id,
            file=file.keep(owner_id=actor.id),
            name=name,
            content_type=found.content_type,
            width=found.width,
            height=found.height,
        )
        audit.record(actor_id=actor.id, action="chat.attachment_uploaded", target=attachment)
    return attachment


def shown(attachment: Attachment) -> dict[str, Any]:
    """Return what a message shows of an attachment."""
    facts = {
        "id": str(attachment.pk),
        "name": attachment.name,
        "content_type": attachment.content_type,
        "size": attachment.file.size,
    }
    if attachment.width is not None:
        facts |= {"width": attachment.width, "height": attachment.height}
    return facts


def store_carrying(messages: Sequence[Said], *, store: Store) -> Stored:
    """Store messages of which some carry attachments: all of them, by `store`, or none.

    What cannot be carried (another's, unknown, expired, sent) refuses its message and no other.
    Locks: the chats and the attachments, each in id order, then what `store` locks.
    """
    with transaction.atomic():
        chat_ids = sorted({message.chat_id for message in messages if message.attachments})
        list(Chat.objects.select_for_update(no_key=True).filter(pk__in=chat_ids).order_by("pk").values_list("pk"))
        claimed = claim(messages)
        good = [message for message in claimed if isinstance(message, Said)]
        stored = iter(store(good) if good else [])
        outcomes = [
            next(stored) if isinstance(entry, Said) else _refused(message, entry)
            for message, entry in zip(messages, claimed, strict=True)
        ]
        for message, outcome in zip(messages, outcomes, strict=True):
            if message.attachments and isinstance(outcome, Outcome) and outcome.event is not None:
                Attachment.objects.filter(pk__in=message.attachments).update(seq=outcome.event.seq)
    return outcomes


def claim(messages: Sequence[Said]) -> list[Said | str]:
    """Return each message with what it shows of its attachments, or the word for why it cannot carry them.

    Locks: the attachments, in id order, until the caller has marked or given them up.
    """
    wanted = sorted({each for message in messages for each in message.attachments})
    rows = Attachment.objects.select_for_update(of=("self",)).filter(pk__in=wanted, withdrawn_at=None)
    found = {row.pk: row for row in rows.select_related("file").order_by("pk")}
    taken: set[uuid.UUID] = set()
    return [_claimed(message, found, taken) if message.attachments else message for message in messages]


def _claimed(message: Said, found: dict[uuid.UUID, Attachment], taken: set[uuid.UUID]) -> Said | str:
    rows = [found.get(each) for each in message.attachments]
    carried = [row for row in rows if row and _is_ones_own(row, message)]
    if len(carried) < len(rows):
        return "attachment"
    if any(row.seq is not None or row.pk in taken for row in carried):
        return "attachment_sent"
    taken.update(message.attachments)
    return replace(message, shown=tuple(shown(row) for row in carried))


def _is_ones_own(row: Attachment, message: Said) -> bool:
    return row.chat_id == message.chat_id and row.uploader_id == message.author.id and row.file.destroyed_at is None


def _refused(message: Said, refusal: str) -> Outcome:
    """Refuse a message, unless it is the repeat of a stored one: then its attachments are sent, by itself."""
    return append([message.draft()], guard=_REFUSING[refusal])[0]


def withdraw(*, chat_id: uuid.UUID, seq: int) -> int:
    """Make the attachments of a message unfetchable, in the caller's transaction; return how many. They are kept, as
    the withdrawn text is. Repeating: nothing."""
    carried = Attachment.objects.filter(chat_id=chat_id, seq=seq, withdrawn_at=None)
    return carried.update(withdrawn_at=datetime.now(UTC))


def expire_unsent() -> int:
    """Remove what was uploaded and not sent within a day, at most `EXPIRE_MAX` at a time; return how many.

    Safe to repeat, and to run twice at once.
    """
    old = Attachment.objects.filter(seq=None, created_at__lt=datetime.now(UTC) - UNSENT_FOR)
    with transaction.atomic():
        rows = list(old.select_for_update(skip_locked=True).order_by("created_at")[:EXPIRE_MAX])
        Attachment.objects.filter(pk__in=[row.pk for row in rows]).delete()
        vault.discard([row.file_id for row in rows])
    return len(rows)


def erase_files_of(*, user_id: int) -> None:
    """Destroy what a person attached, anywhere: the keys, the files' names, and what was never sent as a whole.

    Messages keep saying that something was there. In the caller's transaction.
    """
    theirs = Attachment.objects.filter(uploader_id=user_id)
    unsent = list(theirs.filter(seq=None).values_list("pk", "file_id"))
    theirs.filter(pk__in=[pk for pk, _ in unsent]).delete()
    vault.discard([file_id for _, file_id in unsent])
    vault.destroy(theirs.values_list("file_id", flat=True))
    theirs.update(name=ERASED_NAME)
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE realtime_event e SET payload = jsonb_set(e.payload, '{attachments}', (
                   SELECT jsonb_agg(shown || jsonb_build_object('name', %(name)s::text) ORDER BY place)
                   FROM jsonb_array_elements(e.payload->'attachments') WITH ORDINALITY AS list (shown, place)))
               FROM support_attachment a JOIN realtime_topic t ON t.key = 'chat.' || a.chat_id
               WHERE a.uploader_id = %(user_id)s AND e.topic_id = t.id AND e.seq = a.seq
                 AND jsonb_array_length(e.payload->'attachments') > 0""",
            {"name": ERASED_NAME, "user_id": user_id},
        )


def export_attachments(export: hooks.Export) -> None:
    """Add what a person has attached to what they are given about themselves."""
    theirs = Attachment.objects.filter(uploader_id=export.user_id).order_by("created_at", "pk")
    rows = theirs.values(
        "id", "chat_id", "name", "content_type", "created_at", "seq", size=F("file__size"), sha256=F("file__sha256")
    )
    export.add(
        "support/attachments.json",
        (
            {**row, "id": str(row["id"]), "chat_id": str(row["chat_id"]), "created_at": row["created_at"].isoformat()}
            for row in rows.iterator()
        ),
    )
