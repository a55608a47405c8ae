"""What lists of several places share: filters that stay in the address, and pages by the newest id."""

import base64
import binascii
import uuid
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext

from backend.common.errors import RuleViolation

SIZE = 50


def choice_in(request: HttpRequest, name: str, choices: Any) -> str:
    """Return one of these words of the address, or nothing: a filter that is none filters nothing."""
    value = request.GET.get(name, "")
    return value if value in choices else ""


def number_in(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def word_in(request: HttpRequest, name: str, most: int = 64) -> str:
    return request.GET.get(name, "").strip().replace("\x00", "")[:most]


def page_by_id(request: HttpRequest, rows: QuerySet[Any, Any]) -> tuple[list[Any], str]:
    """Return a page of rows that are listed by falling id, and the address of the next one, or nothing."""
    before = number_in(request, "before")
    found = list((rows if before is None else rows.filter(pk__lt=before))[: SIZE + 1])
    if len(found) <= SIZE:
        return found, ""
    asked = request.GET.copy()
    asked["before"] = str(found[SIZE - 1].pk)
    return found[:SIZE], f"?{asked.urlencode()}"


def position_text(at: datetime, key: uuid.UUID) -> str:
    """Return the position after something in a list by time, for an address."""
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{key}".encode()).decode()


def position_in(text: str) -> tuple[datetime, uuid.UUID] | None:
    """Return the position that a cursor names. Raises: RuleViolation."""
    if not text:
        return None
    try:
        moment, _, chat_id = base64.urlsafe_b64decode(text.encode("ascii")).decode("ascii").partition("|")
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None:
            raise ValueError("a cursor of ours has a time zone")
        return at, uuid.UUID(chat_id)
    except (ValueError, binascii.Error):
        raise RuleViolation(gettext("This list has no such page.")) from None
