"""A row more of each model of the assistant (backend/tests/pages.py)."""

from datetime import UTC, date, datetime, timedelta

from backend.assistant.models import AnswerPreference, AutomaticAnswer, Circuit, Spending, Tally
from backend.identity.principals import principal_of
from backend.support.services import chats
from backend.tests.stage import Stage


def _answer(stage: Stage) -> None:
    chat = chats.get_or_open_chat(actor=principal_of(stage.make_user()))
    AutomaticAnswer.objects.create(chat=chat, claimed_until=datetime.now(UTC))


def _tally(stage: Stage) -> None:
    day = date(2026, 1, 1) + timedelta(days=Tally.objects.count())
    Tally.objects.create(day=day, task="summary", outcome="answered", questions=1)


ROWS = {
    "assistant.AutomaticAnswer": _answer,
    "assistant.Spending": lambda stage: Spending.objects.create(user=stage.make_user(), day=date(2026, 1, 1), tokens=1),
    "assistant.Tally": _tally,
    "assistant.Circuit": lambda stage: Circuit.objects.get_or_create(pk=1),
    "assistant.AnswerPreference": lambda stage: AnswerPreference.objects.create(user=stage.make_user()),
}
