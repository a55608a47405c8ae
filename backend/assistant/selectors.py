"""Reading what the assistant did, for operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from django.db.models import Sum

from backend.assistant.models import Circuit, Tally


@dataclass(frozen=True, slots=True)
class Figure:
    """What questions of one kind that ended in one way have come to, since the beginning."""

    task: str
    outcome: str
    questions: int
    prompt_tokens: int
    answer_tokens: int
    cost: Decimal
    seconds: float


@dataclass(frozen=True, slots=True)
class Figures:
    rows: Sequence[Figure]
    is_resting: bool


def figures() -> Figures:
    """Return the assistant's counters for a page of metrics: they only grow, and are those of all processes. Two
    queries, over one row for each day, task and outcome."""
    rows = Tally.objects.order_by("task", "outcome").values_list("task", "outcome")
    found = [
        Figure(task, outcome, questions, prompt_tokens, answer_tokens, cost, milliseconds / 1000)
        for task, outcome, questions, prompt_tokens, answer_tokens, cost, milliseconds in rows.annotate(
            Sum("questions"), Sum("prompt_tokens"), Sum("answer_tokens"), Sum("cost"), Sum("milliseconds")
        )
    ]
    state = Circuit.objects.filter(pk=1).first()
    return Figures(found, bool(state and state.opened_until and state.opened_until > datetime.now(UTC)))
