"""A row more of each model of support (backend/tests/pages.py)."""

import uuid
from datetime import UTC, datetime

from django.contrib.auth.models import Permission

from backend.common.models import StoredFile
from backend.identity.principals import principal_of
from backend.support.models import AgentStatus, Attachment, CannedReply, Chat, ChatGrant, Handover, Label, Rating
from backend.support.services import chats
from backend.tests.stage import Stage


def _chat(stage: Stage) -> Chat:
    return chats.get_or_open_chat(actor=principal_of(stage.make_user()))


def _attachment(stage: Stage) -> None:
    file = StoredFile.objects.create(kind="x", path=uuid.uuid4().hex, size=1, sha256="x", wrapped_key=b"x")
    chat = _chat(stage)
    Attachment.objects.create(chat=chat, uploader=chat.customer, file=file, name="x", content_type="image/png")


def _grant(stage: Stage) -> None:
    may = Permission.objects.filter(content_type__app_label="support", content_type__model="chat").first()
    ChatGrant.objects.create(content_object=_chat(stage), user=stage.make_user(), permission=may)


ROWS = {
    "support.Chat": _chat,
    "support.AgentStatus": lambda stage: AgentStatus.objects.create(user=stage.make_user("SUPPORT_AGENT")),
    "support.Attachment": _attachment,
    "support.ChatGrant": _grant,
    "support.Handover": lambda stage: Handover.objects.create(
        chat=_chat(stage), from_agent=stage.desk.pk, at=datetime.now(UTC)
    ),
    "support.CannedReply": lambda stage: CannedReply.objects.create(
        shortcut=uuid.uuid4().hex, text="x", owner=stage.make_user()
    ),
    "support.Label": lambda stage: Label.objects.create(name=uuid.uuid4().hex),
    "support.Rating": lambda stage: Rating.objects.create(chat=_chat(stage), stars=5),
}
