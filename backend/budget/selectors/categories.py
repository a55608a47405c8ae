"""Reading the categories that everybody shares, and what refers to them."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from backend.budget.errors import CategoryUnknown, InvalidField
from backend.budget.models import Category, Kind, SubCategory
from backend.common.principal import Principal

COUNTED_MAX = 1000
# What can refer to a category or subcategory: its word in the answer, its table, which of its rows.
_REFERRING = {
    "category": {
        "subcategories": "budget_subcategory WHERE category_id = %s",
        "expenses": "budget_entry WHERE category_id = %s AND kind = 'expense'",
        "incomes": "budget_entry WHERE category_id = %s AND kind = 'income'",
        "budgets": "budget_budget WHERE category_id = %s",
    },
    "subcategory": {"expenses": "budget_entry WHERE subcategory_id = %s"},
}


def list_categories(*, kind: str | None) -> QuerySet[Category]:
    return Category.objects.all() if kind is None else Category.objects.filter(type=kind)


def list_subcategories(*, category_id: uuid.UUID | None) -> QuerySet[SubCategory]:
    return SubCategory.objects.all() if category_id is None else SubCategory.objects.filter(category_id=category_id)


def get_category(*, category_id: uuid.UUID) -> Category:
    """Raises: CategoryUnknown."""
    found = Category.objects.filter(pk=category_id).first()
    if found is None:
        raise CategoryUnknown
    return found


def get_subcategory(*, subcategory_id: uuid.UUID) -> SubCategory:
    """Raises: CategoryUnknown."""
    found = SubCategory.objects.filter(pk=subcategory_id).first()
    if found is None:
        raise CategoryUnknown("There is no such subcategory.")
    return found


LATELY_MAX = 500
_USUAL = """
    SELECT category_id, subcategory_id FROM (
        SELECT category_id, subcategory_id, title, creation_date FROM budget_entry
        WHERE user_id = %s AND kind = %s AND deleted_at IS NULL
        ORDER BY creation_date DESC, creation_time DESC, id DESC LIMIT %s
    ) lately WHERE lower(btrim(title)) = lower(btrim(%s))
    GROUP BY category_id, subcategory_id ORDER BY count(*) DESC, max(creation_date) DESC LIMIT 1
"""


def usual_place(*, actor: Principal, kind: str, title: str) -> tuple[uuid.UUID, uuid.UUID | None] | None:
    """Return where the actor puts entries of this title: the most frequent place among their newest 500. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_USUAL, [actor.id, kind, LATELY_MAX, title])
        row = cursor.fetchone()
    return (row[0], row[1]) if row else None


def references_to(what: str, pk: uuid.UUID) -> Mapping[str, int]:
    """Return how many of each kind refer to it, counted up to 1,000, without those that are none."""
    counted = [
        f"(SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT %s) x)"  # noqa: S608 - constants only
        for rows in _REFERRING[what].values()
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(counted)}", [pk, COUNTED_MAX] * len(counted))
        found: Any = cursor.fetchone()
    return {word: count for word, count in zip(_REFERRING[what], found, strict=True) if count}


def fault_of(*, kind: str, category_id: uuid.UUID, subcategory_id: uuid.UUID | None) -> InvalidField | None:
    """Say what does not fit about an entry's categories (E-S1-8); None if it all does."""
    category = Category.objects.filter(pk=category_id).first()
    if category is None:
        return InvalidField("category", "There is no such category.")
    if category.type != kind:
        return InvalidField("category", f"This category is for entries of the type {category.type}, not {kind}.")
    if kind == Kind.INCOME:
        return None
    subcategory = SubCategory.objects.filter(pk=subcategory_id).first() if subcategory_id else None
    if subcategory is None:
        return InvalidField("subcategory", "There is no such subcategory.")
    if subcategory.category_id != category.pk:
        return InvalidField("subcategory", f"This subcategory is not one of {category.name}.")
    return None
