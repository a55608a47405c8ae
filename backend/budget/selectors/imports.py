"""Reading one's own imports, and for the jobs: an import's file and where its entries can go."""

import uuid
import zlib
from collections.abc import Iterator, Sequence

from django.db.models import QuerySet

from backend.budget.categories_needed import OTHER_EXPENSE, OTHER_INCOME
from backend.budget.errors import ImportUnknown
from backend.budget.models import Category, Import, ImportChunk, ImportLine, Kind, SubCategory
from backend.budget.sheets.entries import Places
from backend.common.principal import Principal

LIST_MAX = 100
LINES_MAX = 1000


def list_imports(*, actor: Principal) -> QuerySet[Import]:
    """The actor's imports, the latest first."""
    return Import.objects.filter(user_id=actor.id).order_by("-created_at")[:LIST_MAX]


def get_import(*, actor: Principal, import_id: uuid.UUID) -> Import:
    """Raises: ImportUnknown."""
    found = Import.objects.filter(pk=import_id, user_id=actor.id).first()
    if found is None:
        raise ImportUnknown
    return found


def lines_of(
    found: Import, *, outcome: str | None = None, after: int = 0, limit: int = LINES_MAX
) -> Sequence[ImportLine]:
    """Return what was not loaded, by line, after the line `after`."""
    lines = ImportLine.objects.filter(owner=found, line__gt=after)
    if outcome is not None:
        lines = lines.filter(outcome=outcome)
    return list(lines.order_by("line")[:limit])


def pieces_of(import_id: uuid.UUID) -> Iterator[bytes]:
    """Return an import's file, one stored piece after the other, each by a query of its own."""
    number = 0
    while True:
        body = ImportChunk.objects.filter(owner_id=import_id, number=number).values_list("body", flat=True).first()
        if body is None:
            return
        yield zlib.decompress(body)
        number += 1


def places() -> Places:
    """Return where the entries of a file can go, by name. Of several with one name the first one made counts."""
    subcategories = SubCategory.objects.order_by("-name", "-id").values_list("category_id", "name", "id")
    return Places(
        categories={
            (kind, name.lower()): pk
            for kind, name, pk in Category.objects.order_by("-name", "-id").values_list("type", "name", "id")
        },
        subcategories={(category, name.lower()): pk for category, name, pk in subcategories},
        fallback={
            Kind.EXPENSE: (OTHER_EXPENSE.category_id, OTHER_EXPENSE.subcategory_id),
            Kind.INCOME: (OTHER_INCOME.category_id, None),
        },
    )
