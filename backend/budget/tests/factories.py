"""Entries and categories for the tests, made by the services or asked for over HTTP."""

import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from backend.audit.models import AuditLog
from backend.budget.models import Category, Entry, SubCategory
from backend.budget.services import entries
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.realtime.models import Event

EXPENSES, INCOMES = "/api/management/expense/", "/api/management/income/"
CATEGORIES, SUBCATEGORIES = "/api/management/category/", "/api/management/subcategory/"
BUDGETS, SUMMARY = "/api/management/budget/", "/api/management/summary/"


def groceries() -> SubCategory:
    """A seeded subcategory of expenses; its category is Food."""
    return SubCategory.objects.get(name="Groceries")


def salary() -> Category:
    return Category.objects.get(name="Salary")


def today() -> date:
    return datetime.now(UTC).date()


def expense_body(**changes: Any) -> dict[str, Any]:
    """A body that is good; None takes a field out."""
    place = groceries()
    body = {
        "title": "Bread",
        "description": "Two loaves",
        "amount": "7.50",
        "creation_date": "2026-03-05",
        "creation_time": "08:30:00",
        "category": str(place.category_id),
        "subcategory": str(place.pk),
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def income_body(**changes: Any) -> dict[str, Any]:
    return expense_body(**{"subcategory": None, "category": str(salary().pk), **changes})


def make_expense(user: User, **changes: Any) -> Entry:
    place = groceries()
    fields = {
        "title": "Bread",
        "description": "",
        "amount": Decimal("7.50"),
        "creation_date": date(2026, 3, 5),
        "creation_time": time(8, 30),
        "category_id": place.category_id,
        "subcategory_id": place.pk,
        **changes,
    }
    return entries.add_entry(actor=principal_of(user), kind="expense", **fields)


def make_income(user: User, **changes: Any) -> Entry:
    fields = {
        "title": "Pay",
        "description": "",
        "amount": Decimal("100.00"),
        "creation_date": date(2026, 3, 5),
        "creation_time": time(8, 30),
        "category_id": salary().pk,
        **changes,
    }
    return entries.add_entry(actor=principal_of(user), kind="income", **fields)


def budget_notices(user: User) -> list[tuple[str, int]]:
    """The month and percent of each notice in the user's inbox, in order."""
    found = Event.objects.filter(topic__key=f"user.{user.pk}", kind="budget.reached").order_by("seq")
    return [(row.payload["month"], row.payload["percent"]) for row in found]


def state_of_everything() -> tuple[Any, ...]:
    """What a refused request must leave as it was: rows, events, audit."""
    return (
        sorted(Entry.objects.values_list()),
        sorted(Category.objects.values_list()),
        sorted(SubCategory.objects.values_list()),
        AuditLog.objects.count(),
        Event.objects.count(),
    )


def unknown() -> str:
    return str(uuid.uuid4())
