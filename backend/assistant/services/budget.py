"""What may be asked, and what it cost: the day's tokens of a person and of the house, and the circuit breaker.

All of it is in the database, so it holds for all processes together and while Redis is away. A question is booked with
the most that it can use before anything leaves the house, and settled to what it used.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection

from backend.assistant.dialogue import Answering, Request, require_on
from backend.assistant.errors import AssistantResting, BudgetSpent
from backend.assistant.models import Circuit, Spending, Task
from backend.audit import services as audit
from backend.common.unit_of_work import unit_of_work
from backend.support.models import Chat

ANSWERED, UNKNOWN, CANCELLED = "answered", "unknown", "cancelled"
WELL = {ANSWERED, UNKNOWN, "refused"}  # The server did its part.

_BOOK = """
    INSERT INTO assistant_spending AS s (user_id, day, questions, tokens) VALUES (%s, %s, 1, %s)
    ON CONFLICT (user_id, day) DO UPDATE SET questions = s.questions + 1, tokens = s.tokens + excluded.tokens
    WHERE s.tokens + excluded.tokens <= %s RETURNING s.tokens
"""
_COUNT = """
    INSERT INTO assistant_tally AS t (day, task, outcome, questions, prompt_tokens, answer_tokens, cost, milliseconds)
    VALUES (%s, %s, %s, 1, %s, %s, %s, %s)
    ON CONFLICT (day, task, outcome) DO UPDATE SET questions = t.questions + 1,
        prompt_tokens = t.prompt_tokens + excluded.prompt_tokens,
        answer_tokens = t.answer_tokens + excluded.answer_tokens, cost = t.cost + excluded.cost,
        milliseconds = t.milliseconds + excluded.milliseconds
"""
_TRY_CLOSED = """
    UPDATE assistant_circuit SET trial_until = %(until)s
    WHERE failures < %(most)s OR (coalesce(opened_until, %(now)s) <= %(now)s
        AND coalesce(trial_until, %(now)s) <= %(now)s)
    RETURNING failures
"""
_CLOSE = """
    UPDATE assistant_circuit SET failures = 0, opened_until = NULL, trial_until = NULL WHERE id = 1 AND failures > 0
"""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A question that was let in: who pays for it, and what is booked."""

    task: Task
    payer_id: int
    actor_id: int | None
    chat: Chat | None
    request: Request
    booked: int
    hidden: int
    day: date = field(default_factory=lambda: datetime.now(UTC).date())
    since: float = field(default_factory=time.monotonic)


def admit(
    *, task: Task, payer_id: int, actor_id: int | None, request: Request, hidden: int, chat: Chat | None = None
) -> Ticket:
    """Book a question and record that it is asked. To be called before anything leaves the house.

    `hidden` is how many personal values were taken out of it. Repeating books again.
    Raises: AssistantOff, AssistantResting, BudgetSpent. Locks: the person's spending, then the house's.
    """
    require_on()
    booked = request.prompt_tokens + request.tokens_max
    ticket = Ticket(task, payer_id, actor_id, chat, request, booked, hidden)
    with unit_of_work():
        _book(payer_id, ticket.day, booked, settings.ASSISTANT["person_tokens"])
        _book(None, ticket.day, booked, settings.ASSISTANT["house_tokens"])
        _pass_circuit()
        audit.record(
            actor_id=actor_id,
            action="assistant.asked",
            target=chat,
            subject_id=chat.customer_id if chat else payer_id,
            facts={**_facts(ticket), "tokens_booked": booked, "values_hidden": hidden},
        )
    return ticket


def settle(ticket: Ticket, answering: Answering, outcome: str) -> None:
    """Put what a question used in the place of what was booked for it, and count how it ended.

    Locks: as `admit`, then the day's tally and the circuit breaker.
    """
    answering.settle()
    used = answering.prompt_tokens + answering.answer_tokens
    took_ms = int((time.monotonic() - ticket.since) * 1000)
    counts = {"prompt_tokens": answering.prompt_tokens, "answer_tokens": answering.answer_tokens}
    with unit_of_work():
        with connection.cursor() as cursor:
            for payer_id in (ticket.payer_id, None):
                cursor.execute(
                    """UPDATE assistant_spending SET tokens = greatest(tokens + %s, 0)
                       WHERE user_id IS NOT DISTINCT FROM %s AND day = %s""",
                    [used - ticket.booked, payer_id, ticket.day],
                )
            cost = cost_of(answering.prompt_tokens, answering.answer_tokens)
            cursor.execute(_COUNT, [ticket.day, ticket.task, outcome, *counts.values(), cost, took_ms])
        _note_health(outcome)
        audit.record(
            actor_id=ticket.actor_id,
            action="assistant.ended",
            target=ticket.chat,
            subject_id=ticket.chat.customer_id if ticket.chat else ticket.payer_id,
            facts={**_facts(ticket), **counts, "outcome": outcome, "milliseconds": took_ms},
        )


def cost_of(prompt_tokens: int, answer_tokens: int) -> Decimal:
    chosen = settings.ASSISTANT
    return (prompt_tokens * chosen["price_in"] + answer_tokens * chosen["price_out"]) / Decimal(1_000_000)


def tokens_left(user_id: int) -> int:
    """Return how many tokens a person has left today."""
    spent = Spending.objects.filter(user_id=user_id, day=datetime.now(UTC).date()).values_list("tokens", flat=True)
    return max(settings.ASSISTANT["person_tokens"] - sum(spent), 0)


def _facts(ticket: Ticket) -> dict[str, Any]:
    return {"task": ticket.task.value, "prompt": ticket.request.prompt.version, "model": settings.ASSISTANT["model"]}


def _book(payer_id: int | None, day: date, tokens: int, most: int) -> None:
    """Add to what is spent, unless it would be more than `most`. Raises: BudgetSpent."""
    with connection.cursor() as cursor:
        if tokens <= most:
            cursor.execute(_BOOK, [payer_id, day, tokens, most])
        if tokens > most or cursor.fetchone() is None:
            raise BudgetSpent


# The circuit breaker


def _pass_circuit() -> None:
    """Let a question through while the circuit is closed; when its rest is over, one at a time. Raises:
    AssistantResting."""
    state = Circuit.objects.filter(pk=1).first() or Circuit()
    if state.failures < settings.ASSISTANT["trip_after"]:
        return  # Nearly always: it takes no lock.
    now = datetime.now(UTC)
    facts = {
        "now": now,
        "until": now + timedelta(seconds=settings.ASSISTANT["total_s"]),
        "most": settings.ASSISTANT["trip_after"],
    }
    with connection.cursor() as cursor:
        cursor.execute(_TRY_CLOSED, facts)
        if cursor.fetchone() is None:
            raise AssistantResting


def _note_health(outcome: str) -> None:
    """Count a failure, or close the circuit after a success. Somebody who stopped an answer says nothing about it."""
    if outcome == CANCELLED:
        return
    with connection.cursor() as cursor:
        if outcome in WELL:
            cursor.execute(_CLOSE)
            return
        until = datetime.now(UTC) + timedelta(seconds=settings.ASSISTANT["rest_s"])
        cursor.execute(
            """INSERT INTO assistant_circuit AS c (id, failures) VALUES (1, 1)
               ON CONFLICT (id) DO UPDATE SET failures = c.failures + 1, trial_until = NULL,
                   opened_until = CASE WHEN c.failures + 1 >= %s THEN %s::timestamptz ELSE c.opened_until END""",
            [settings.ASSISTANT["trip_after"], until],
        )


def is_resting() -> bool:
    """Whether the circuit is open just now."""
    state = Circuit.objects.filter(pk=1).first()
    return state is not None and state.opened_until is not None and state.opened_until > datetime.now(UTC)
