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
    sums = {
        name: Sum(name) for name in ("questions", "prompt_tokens", "answer_tokens", "cost", "milliseconds")
    }
    rows = Tally.objects.order_by("task", "outcome").values("task", "outcome").annotate(**{f"all_{name}": one for name, one in sums.items()})
    found = [
        Figure(
            task=row["task"],
            outcome=row["outcome"],
            questions=row["all_questions"],
            prompt_tokens=row["all_prompt_tokens"],
            answer_tokens=row["all_answer_tokens"],
            cost=row["all_cost"],
            seconds=row["all_milliseconds"] / 1000,
        )
        for row in rows
    ]
    state = Circuit.objects.filter(pk=1).first()
    return Figures(found, bool(state and state.opened_until and state.opened_until > datetime.now(UTC)))
