"""What the assistant keeps about a person: written out for them, and deleted with them."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from backend.assistant.models import AnswerPreference, AutomaticAnswer, Spending
from backend.assistant.services.preferences import preferences_of
from backend.common import hooks


def export_use(export: hooks.Export) -> None:
    """Write out what the person chose, what they used on which day, and in which chats they were answered by itself."""
    export.add("assistant/preferences.json", [asdict(preferences_of(export.user_id))])
    days = Spending.objects.filter(user=export.user_id).order_by("day")
    export.add(
        "assistant/use.json",
        ({"day": one.day.isoformat(), "questions": one.questions, "tokens": one.tokens} for one in days.iterator()),
    )
    export.add("assistant/automatic_answers.json", _answers(export.user_id))


def _answers(user_id: int) -> Iterator[dict[str, Any]]:
    rows = AutomaticAnswer.objects.filter(chat__customer=user_id).order_by("created_at")
    for row in rows.iterator():
        yield {"chat": str(row.chat_id), "state": row.state, "seq": row.seq, "at": row.created_at.isoformat()}


def erase_use(erasure: hooks.Erasure) -> None:
    """Delete what the person chose and used. That a chat of theirs was answered automatically stays with the chat."""
    Spending.objects.filter(user=erasure.user_id).delete()
    AnswerPreference.objects.filter(pk=erasure.user_id).delete()
    AutomaticAnswer.objects.filter(stopped_by=erasure.user_id).update(stopped_by=None)
