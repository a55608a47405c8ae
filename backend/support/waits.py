"""How long a waiting customer has still to wait: their place in the queue, and about how soon it will be theirs.

The estimate goes by how fast the desk has taken chats from the queue lately. Without two of them in two hours nothing
is known, and nothing is said.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection

LATELY_S = 2 * 3600
TAKEN_MAX = 50
LEAST_S, MOST_S = 60, 4 * 3600

# A chat that was assigned as it was opened never waited. The window begins with the oldest of those that are counted.
_PACE = """
    SELECT count(*), extract(epoch FROM now() - min(assigned_at))::float8 FROM (
        SELECT assigned_at FROM support_chat
        WHERE assigned_at > now() - make_interval(secs => %s) AND assigned_at > created_at + interval '1 second'
        ORDER BY assigned_at DESC LIMIT %s
    ) taken
"""
# As selectors.queue_position counts, for all at once.
_PLACES = """
    SELECT id, place FROM (
        SELECT id, row_number() OVER (ORDER BY priority DESC, created_at, id) AS place FROM support_chat
        WHERE admin_id IS NULL AND closed_at IS NULL
    ) queue WHERE id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Wait:
    """A place in the queue, from 1, and about how many seconds it will take; None where that is not known."""

    position: int
    estimate_s: int | None


def waits_of(chat_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Wait]:
    """Return how long each of these chats has to wait; those that wait no longer are missing. Two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_PLACES, [list(chat_ids)])
        places = cursor.fetchall()
    pace = _seconds_a_chat() if places else None
    return {chat_id: Wait(place, estimate_of(place, pace)) for chat_id, place in places}


def wait_of(chat_id: uuid.UUID) -> Wait | None:
    """Return how long one chat has to wait, None when it does not. Two queries."""
    return waits_of([chat_id]).get(chat_id)


def estimate_of(position: int, seconds_a_chat: float | None) -> int | None:
    """Return the estimate in whole minutes: nobody waits to the second."""
    if seconds_a_chat is None:
        return None
    minutes = -int(-position * seconds_a_chat // 60)
    return min(max(minutes * 60, LEAST_S), MOST_S)


def _seconds_a_chat() -> float | None:
    """Return how many seconds the desk has needed lately from one chat of the queue to the next."""
    with connection.cursor() as cursor:
        cursor.execute(_PACE, [LATELY_S, TAKEN_MAX])
        count, window = cursor.fetchone()
    return window / count if count >= 2 else None
