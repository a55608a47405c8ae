"""Reading one's budgets, each with what its month has spent: one query for all."""

import uuid
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection

from backend.budget.errors import BudgetUnknown
from backend.budget.months import day_after
from backend.common.principal import Principal

LIST_MAX = 1000
_SELECT = """
SELECT b.id, b.category_id, c.name, b.amount, coalesce(s.spent, 0)
FROM budget_budget b JOIN budget_category c ON c.id = b.category_id
LEFT JOIN (
    SELECT category_id, sum(amount) AS spent FROM budget_entry
    WHERE user_id = %(user)s AND kind = 'expense' AND deleted_at IS NULL
      AND creation_date >= %(start)s AND creation_date < %(end)s
    GROUP BY category_id
) s ON s.category_id = b.category_id
WHERE b.user_id = %(user)s AND (%(budget)s::uuid IS NULL OR b.id = %(budget)s::uuid)
ORDER BY c.name, b.id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget and how much of it a month has spent."""

    id: uuid.UUID
    category_id: uuid.UUID
    category_name: str
    amount: Decimal
    spent: Decimal

    @property
    def left(self) -> Decimal:
        return self.amount - self.spent

    @property
    def percent(self) -> int:
        """Whole percent, rounded down: 100 means that it is spent."""
        return int(self.spent * 100 / self.amount)


def list_budgets(*, actor: Principal, month: date, budget_id: uuid.UUID | None = None) -> list[BudgetState]:
    """The actor's budgets by the names of their categories, with what that month has spent."""
    values: dict[str, Any] = {
        "user": actor.id,
        "start": month,
        "end": day_after(month),
        "budget": budget_id,
        "limit": LIST_MAX,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SELECT, values)
        return [BudgetState(*row) for row in cursor.fetchall()]


def get_budget(*, actor: Principal, month: date, budget_id: uuid.UUID) -> BudgetState:
    """Raises: BudgetUnknown."""
    found = list_budgets(actor=actor, month=month, budget_id=budget_id)
    if not found:
        raise BudgetUnknown
    return found[0]
