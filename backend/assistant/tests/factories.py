"""Chats with something in them, help articles, and what is stored of the assistant's work."""

import uuid
from collections.abc import Callable
from typing import Any

from backend.assistant.models import Circuit, Spending, Tally
from backend.audit.models import AuditLog
from backend.catalog.services import articles
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.realtime.models import Event

CARD = "Open Accounts, choose the account and tap Block card. It takes effect at once."


def write_article(make_user: Callable[..., User], title: str = "Block a lost or stolen card", text: str = CARD) -> str:
    """Publish a help article; return its slug."""
    writer = principal_of(make_user(is_staff=True))
    item = articles.write_article(actor=writer, title=title, description=text, tags=("card",))
    articles.publish_article(actor=writer, slug=item.slug or "")
    return str(item.slug)


def spent(user: User | None) -> int:
    """Return what somebody, or the house, has used in all."""
    return sum(Spending.objects.filter(user=user).values_list("tokens", flat=True))


def outcomes() -> list[tuple[str, str, int]]:
    return list(Tally.objects.order_by("task", "outcome").values_list("task", "outcome", "questions"))


def trail(*actions: str) -> list[dict[str, Any]]:
    """Return the facts of what was recorded of the assistant, oldest first."""
    rows = AuditLog.objects.filter(action__in=actions or ("assistant.asked", "assistant.ended")).order_by("id")
    return [row.facts for row in rows]


def failures() -> int:
    state = Circuit.objects.filter(pk=1).first()
    return state.failures if state else 0


def everything() -> tuple[int, ...]:
    """How much there is of what a question leaves behind: a refusal adds to none of it."""
    return tuple(model.objects.count() for model in (Event, AuditLog, Spending, Tally, Circuit))


def nobody() -> uuid.UUID:
    return uuid.uuid4()
