"""Topics of a test's own, and what is stored in them."""

import uuid
from typing import Any

from backend.common.unit_of_work import Draft
from backend.realtime.models import Event, Topic
from backend.realtime.selectors import NO_LIMIT, Page, events_after


def new_topic() -> str:
    return f"test.{uuid.uuid4().hex}"


def draft(topic: str, text: str = "", **fields: Any) -> Draft:
    return Draft(topic, fields.pop("kind", "noted"), {"text": text}, text=text, **fields)


def stored(topic: str) -> list[tuple[int, str]]:
    """Return every stored event of the topic as its number and its text."""
    rows = Event.objects.filter(topic__key=topic).order_by("seq")
    return [(row.seq, row.payload["text"]) for row in rows]


def head_of(topic: str) -> int | None:
    return Topic.objects.filter(key=topic).values_list("head", flat=True).first()


def everything(topic: str) -> Page:
    return events_after(topic, 0, limit=NO_LIMIT)
