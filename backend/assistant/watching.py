"""What `/metrics` tells of the assistant: questions, tokens, money and time, and whether it rests."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from backend.assistant import selectors
from backend.common.metrics import counter, number


def tell() -> Iterator[Metric]:
    found = selectors.figures()
    questions = counter("ease_assistant_questions", "Questions to the model, by how they ended.", "task", "outcome")
    tokens = counter("ease_assistant_tokens", "Tokens sent (prompt) and received (answer).", "task", "direction")
    cost = counter("ease_assistant_cost", "What they cost, in the currency of the prices that are set.", "task")
    seconds = counter("ease_assistant_seconds", "How long the model took, in all.", "task")
    for task in sorted({row.task for row in found.rows}):
        rows = [row for row in found.rows if row.task == task]
        for row in rows:
            questions.add_metric([task, row.outcome], row.questions)
        tokens.add_metric([task, "prompt"], sum(row.prompt_tokens for row in rows))
        tokens.add_metric([task, "answer"], sum(row.answer_tokens for row in rows))
        cost.add_metric([task], float(sum(row.cost for row in rows)))
        seconds.add_metric([task], sum(row.seconds for row in rows))
    yield from (questions, tokens, cost, seconds)
    yield number("ease_assistant_resting", "Whether its model failed so often that it is left alone.", found.is_resting)
