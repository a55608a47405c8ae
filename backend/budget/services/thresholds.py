"""Telling people that a budget is nearly, and then wholly, spent: once each a month, whatever they do at the same time.

Locks: the budgets concerned, by id, before their spending is summed. Whoever else changed it either is seen, or waits
for this transaction and sees it; so one of two that pass a threshold together tells, and only one.
"""

import uuid
from collections.abc import Iterable, Sequence, Set
from datetime import date
from decimal import Decimal

from django.db import connection

from backend.budget.months import day_after, month_of, this_month
from backend.common.unit_of_work import UnitOfWork
from backend.notifications import services as notifications
from backend.notifications.notices import BudgetReached

PERCENTS = (80, 100)
BudgetRow = tuple[uuid.UUID, uuid.UUID, Decimal, str]

LOCK_BUDGETS = """
SELECT b.id, b.category_id, b.amount, c.name FROM budget_budget b JOIN budget_category c ON c.id = b.category_id
WHERE b.user_id = %s AND b.category_id = ANY(%s::uuid[]) ORDER BY b.id FOR NO KEY UPDATE OF b
"""
_SPENT = (
    "SELECT category_id, date_trunc('month', creation_date)::date, sum(amount) FROM budget_entry"
    " WHERE user_id = %s AND kind = 'expense' AND deleted_at IS NULL AND category_id = ANY(%s)"
    " AND creation_date >= %s AND creation_date < %s GROUP BY 1, 2"
)
_TELL = (
    "INSERT INTO budget_budgetnotice (budget_id, month, percent) VALUES (%s, %s, %s)"
    " ON CONFLICT DO NOTHING RETURNING percent"
)


def tell_what_is_reached(unit: UnitOfWork, *, user_id: int, spent: Iterable[tuple[uuid.UUID, date]]) -> None:
    """Emit a notice for each threshold that these categories have passed on these days' months and that was not told.

    Months that are over tell nobody: a file of old entries is no news. Spending that shrinks takes no notice back, and
    reaching the threshold again in that month is not told again.
    Queries: none without such months, one without budgets, else three and one for each notice.
    """
    reached = {(category_id, month_of(day)) for category_id, day in spent if is_news(day)}
    if not reached:
        return
    with connection.cursor() as cursor:
        cursor.execute(LOCK_BUDGETS, [user_id, list({category_id for category_id, _ in reached})])
        budgets = cursor.fetchall()
    tell_of_budgets(unit, user_id=user_id, budgets=budgets, reached=reached)


def is_news(day: date) -> bool:
    """Whether spending on that day can be worth telling: its month is not over."""
    return month_of(day) >= this_month()


def tell_of_budgets(
    unit: UnitOfWork, *, user_id: int, budgets: Sequence[BudgetRow], reached: Set[tuple[uuid.UUID, date]]
) -> None:
    """As `tell_what_is_reached`, for rows of `LOCK_BUDGETS` that the caller has locked in an earlier statement."""
    if not budgets:
        return
    by_category = {row[1]: row for row in budgets}
    months = [month for _, month in reached]
    with connection.cursor() as cursor:
        cursor.execute(_SPENT, [user_id, list(by_category), min(months), day_after(max(months))])
        sums = sorted(cursor.fetchall())
    for category_id, month, total in sums:
        if (category_id, month) in reached:
            _tell(unit, user_id, by_category[category_id], month, total)


def _tell(unit: UnitOfWork, user_id: int, budget: BudgetRow, month: date, total: Decimal) -> None:
    budget_id, category_id, amount, name = budget
    for percent in PERCENTS:
        if total * 100 < amount * percent:
            return
        with connection.cursor() as cursor:
            cursor.execute(_TELL, [budget_id, month, percent])
            if cursor.fetchone() is None:
                continue
        notice = BudgetReached(
            budget_id=str(budget_id),
            category_id=str(category_id),
            category=name,
            month=f"{month:%Y-%m}",
            percent=percent,
            amount=str(amount),
            spent=str(total),
        )
        notifications.tell(unit, topics=[notifications.inbox_of(user_id)], notice=notice)
