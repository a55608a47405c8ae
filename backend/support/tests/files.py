"""Files in chats, for tests: uploaded straight by the service, or as a form by a client."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from backend.common import vault
from backend.common.tests.made_files import picture
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.support.models import Attachment, Chat
from backend.support.services import attachments


def upload(chat: Chat, user: User, name: str = "card.png", content: bytes | None = None) -> Attachment:
    with vault.incoming(kind=attachments.KIND) as file:
        file.write(picture() if content is None else content)
        return attachments.store_attachment(actor=principal_of(user), chat_id=chat.pk, name=name, file=file)


def send_form(client: APIClient, chat: Chat, content: bytes, name: str = "card.png", field: str = "file") -> Any:
    form = {field: SimpleUploadedFile(name, content)}
    return client.post(f"/api/chats/{chat.pk}/attachments/", form, format="multipart")


def files_of_test() -> list[Path]:
    """What lies in the storage and on its way there."""
    folders = (Path(settings.STORAGES["default"]["OPTIONS"]["location"]), Path(settings.VAULT_SPOOL))
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]
