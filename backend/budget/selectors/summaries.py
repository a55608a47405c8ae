"""What came in and went out, by month and by category: one query over the owner's index, the rest is arithmetic."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from django.db import connection

from backend.budget.models import Kind
from backend.budget.months import day_after, months_after
from backend.common.principal import Principal

ZERO = Decimal("0.00")
# Days first, months and names afterwards: a hundred thousand entries meet neither a calendar nor a join.
SUMS = """
SELECT date_trunc('month', day)::date AS month, days.kind, c.id, c.name, c.hex_color,
       sum(total), sum(number)::bigint
FROM (
    SELECT creation_date AS day, kind, category_id, sum(amount) AS total, count(*) AS number
    FROM budget_entry
    WHERE user_id = %s AND deleted_at IS NULL AND creation_date >= %s AND creation_date < %s
    GROUP BY 1, 2, 3
) days
JOIN budget_category c ON c.id = days.category_id
GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A sum, and that of the month before."""

    total: Decimal
    previous: Decimal

    @property
    def change(self) -> Decimal:
        return self.total - self.previous

    @property
    def change_percent(self) -> Decimal | None:
        """To one place; None where there is nothing to compare with."""
        return _percent(self.change, abs(self.previous)) if self.previous else None


@dataclass(frozen=True, slots=True)
class CategorySum:
    id: uuid.UUID
    name: str
    kind: str
    hex_color: str
    compared: Comparison
    count: int
    share_percent: Decimal | None


@dataclass(frozen=True, slots=True)
class MonthSum:
    month: date
    income: Decimal
    expense: Decimal


@dataclass(frozen=True, slots=True)
class Summary:
    """`months` runs from the earliest to the one that is summed up; `categories` has the largest sums first."""

    month: date
    income: Comparison
    expense: Comparison
    balance: Comparison
    categories: Sequence[CategorySum]
    months: Sequence[MonthSum]


def summarise(*, actor: Principal, month: date, months: int) -> Summary:
    """Sum up a month of the actor's entries, beside the one before and with `months` of history."""
    before = months_after(month, -1)
    history = [months_after(month, -back) for back in reversed(range(months))]
    rows = sums(user_id=actor.id, start=min(before, history[0]), end=day_after(month))
    totals: dict[tuple[date, str], Decimal] = {}
    for when, kind, _, _, _, total, _ in rows:
        totals[when, kind] = totals.get((when, kind), ZERO) + total

    def compare(kind: str) -> Comparison:
        return Comparison(totals.get((month, kind), ZERO), totals.get((before, kind), ZERO))

    income, expense = compare(Kind.INCOME), compare(Kind.EXPENSE)
    return Summary(
        month=month,
        income=income,
        expense=expense,
        balance=Comparison(income.total - expense.total, income.previous - expense.previous),
        categories=_by_category(rows, month, before, {Kind.INCOME: income.total, Kind.EXPENSE: expense.total}),
        months=[
            MonthSum(when, totals.get((when, Kind.INCOME), ZERO), totals.get((when, Kind.EXPENSE), ZERO))
            for when in history
        ],
    )


Sums = Sequence[tuple[date, str, uuid.UUID, str, str, Decimal, int]]


def sums(*, user_id: int, start: date, end: date) -> Sums:
    """Return the sum and number of a person's entries by month, kind and category, from `start` to before `end`."""
    with connection.cursor() as cursor:
        cursor.execute(SUMS, [user_id, start, end])
        return cursor.fetchall()


def _by_category(rows: Sums, month: date, before: date, of: dict[str, Decimal]) -> list[CategorySum]:
    now = {row[2]: row for row in rows if row[0] == month}
    then = {row[2]: row for row in rows if row[0] == before}
    found = []
    for pk, (_, kind, _, name, color, _, _) in {**then, **now}.items():
        total, count = (now[pk][5], now[pk][6]) if pk in now else (ZERO, 0)
        compared = Comparison(total, then[pk][5] if pk in then else ZERO)
        share = _percent(total, of[kind]) if of[kind] else None
        found.append(CategorySum(pk, name, kind, color, compared, count, share))
    return sorted(found, key=lambda one: (one.kind, -one.compared.total, one.name, one.id))


def _percent(part: Decimal, whole: Decimal) -> Decimal:
    return (part * 100 / whole).quantize(Decimal("0.1"), ROUND_HALF_UP)
