"""What one's own data means here: an export holds one's book, an erasure takes all of it away."""

from collections.abc import Iterator
from typing import Any

from backend.budget.models import Budget, Entry, Import, Kind
from backend.budget.selectors.entries import Filters, all_entries
from backend.common import hooks


def export_book(export: hooks.Export) -> None:
    """Add the person's entries, also deleted ones that can be brought back, budgets, and the imports they made."""
    export.add("budget/entries.json", _entries(export.user_id))
    deleted = Entry.objects.filter(user_id=export.user_id, deleted_at__isnull=False).order_by("deleted_at", "id")
    export.add(
        "budget/deleted.json",
        (
            {
                "id": str(one.pk),
                "type": one.kind,
                "title": one.title,
                "description": one.description,
                "amount": str(one.amount),
                "date": str(one.creation_date),
                "time": str(one.creation_time),
                "deleted_at": one.deleted_at.isoformat() if one.deleted_at else None,
            }
            for one in deleted.iterator()
        ),
    )
    budgets = Budget.objects.filter(user_id=export.user_id).select_related("category").order_by("category__name", "id")
    export.add("budget/budgets.json", ({"category": one.category.name, "amount": str(one.amount)} for one in budgets))
    imports = Import.objects.filter(user_id=export.user_id).order_by("created_at")
    export.add(
        "budget/imports.json",
        ({"name": one.name, "state": one.state, "created_at": one.created_at.isoformat()} for one in imports),
    )


def erase_book(erasure: hooks.Erasure) -> None:
    """Delete the person's entries, budgets and imports: nobody else ever saw them, and the bank's ledger needs none."""
    Entry.objects.filter(user_id=erasure.user_id).delete()
    Budget.objects.filter(user_id=erasure.user_id).delete()
    Import.objects.filter(user_id=erasure.user_id).delete()


def _entries(user_id: int) -> Iterator[dict[str, Any]]:
    for piece in all_entries(user_id=user_id, filters=Filters(), kinds=Kind.values):
        for when, clock, pk, kind, title, description, amount, category, subcategory in piece:
            yield {
                "id": str(pk),
                "type": kind,
                "title": title,
                "description": description,
                "amount": amount,
                "date": str(when),
                "time": str(clock),
                "category": category,
                "subcategory": subcategory,
            }
