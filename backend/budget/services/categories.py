"""Managing the categories that everybody shares: staff only, each act audited (S1-B14).

What refers to a category is the database's to know: a deletion races with new expenses, and one of both loses there.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError

from backend.audit import services as audit
from backend.budget.categories_needed import NEEDED
from backend.budget.errors import CategoryInUse, CategoryUnknown, InvalidField, StaffOnly
from backend.budget.models import Category, SubCategory
from backend.budget.selectors.categories import references_to
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work

OF_CATEGORY = "budget_subcategory_of_category"
_ONE = {"subcategories": "subcategory", "expenses": "expense", "incomes": "income", "budgets": "budget"}


def add_category(*, actor: Principal, **fields: Any) -> Category:
    """Raises: StaffOnly."""
    require_staff(actor)
    with unit_of_work():
        category = Category.objects.create(**fields)
        audit.record(actor_id=actor.id, action="category.created", target=category, facts={"name": category.name})
    return category


def change_category(*, actor: Principal, category_id: uuid.UUID, changes: Mapping[str, Any]) -> Category:
    """Change some fields; the type only while nothing is entered under it (BUG-S1-17).

    Repeating: changes and records nothing. Raises: StaffOnly, CategoryUnknown, CategoryInUse. Locks: the category.
    """
    require_staff(actor)
    with _refused("category", category_id, "changed in its type"), unit_of_work():
        category = Category.objects.select_for_update(no_key=True).filter(pk=category_id).first()
        if category is None:
            raise CategoryUnknown
        if category.pk in NEEDED and changes.get("type", category.type) != category.type:
            raise CategoryInUse("The bank's own entries need this category as it is.")
        _change(actor, category, "category", changes)
    return category


def delete_category(*, actor: Principal, category_id: uuid.UUID) -> None:
    """Delete a category that nothing refers to. Raises: StaffOnly, CategoryUnknown, CategoryInUse (E-S1-11)."""
    require_staff(actor)
    _require_free(category_id)
    with _refused("category", category_id, "deleted"), unit_of_work():
        audit.record(actor_id=actor.id, action="category.deleted", target=Category(pk=category_id))
        if not Category.objects.filter(pk=category_id).delete()[0]:
            raise CategoryUnknown


def add_subcategory(*, actor: Principal, category_id: uuid.UUID, **fields: Any) -> SubCategory:
    """Raises: StaffOnly, InvalidField."""
    require_staff(actor)
    with _category_named(), unit_of_work():
        subcategory = SubCategory.objects.create(category_id=category_id, **fields)
        facts = {"name": subcategory.name}
        audit.record(actor_id=actor.id, action="subcategory.created", target=subcategory, facts=facts)
    return subcategory


def change_subcategory(*, actor: Principal, subcategory_id: uuid.UUID, changes: Mapping[str, Any]) -> SubCategory:
    """Change some fields; its category only while no expense is entered under it.

    Repeating: changes and records nothing.
    Raises: StaffOnly, CategoryUnknown, InvalidField, CategoryInUse. Locks: the subcategory.
    """
    require_staff(actor)
    refused = _refused("subcategory", subcategory_id, "moved to another category")
    with _category_named(), refused, unit_of_work():
        subcategory = SubCategory.objects.select_for_update(no_key=True).filter(pk=subcategory_id).first()
        if subcategory is None:
            raise CategoryUnknown("There is no such subcategory.")
        if subcategory.pk in NEEDED and changes.get("category_id", subcategory.category_id) != subcategory.category_id:
            raise CategoryInUse("The bank's own entries need this subcategory where it is.")
        _change(actor, subcategory, "subcategory", changes)
    return subcategory


def delete_subcategory(*, actor: Principal, subcategory_id: uuid.UUID) -> None:
    """Delete a subcategory that no expense refers to. Raises: StaffOnly, CategoryUnknown, CategoryInUse."""
    require_staff(actor)
    _require_free(subcategory_id)
    with _refused("subcategory", subcategory_id, "deleted"), unit_of_work():
        audit.record(actor_id=actor.id, action="subcategory.deleted", target=SubCategory(pk=subcategory_id))
        if not SubCategory.objects.filter(pk=subcategory_id).delete()[0]:
            raise CategoryUnknown("There is no such subcategory.")


def require_staff(actor: Principal) -> None:
    """Raises: StaffOnly."""
    if not (actor.is_staff or actor.is_superuser):
        raise StaffOnly


def _change(actor: Principal, thing: Category | SubCategory, word: str, changes: Mapping[str, Any]) -> None:
    changed = [name for name, value in changes.items() if getattr(thing, name) != value]
    for name in changed:
        setattr(thing, name, changes[name])
    if changed:
        thing.save(update_fields=changed)
        audit.record(actor_id=actor.id, action=f"{word}.changed", target=thing, facts={"fields": sorted(changed)})


def _require_free(pk: uuid.UUID) -> None:
    if pk in NEEDED:
        raise CategoryInUse("The bank's own entries need it.")


@contextmanager
def _refused(what: str, pk: uuid.UUID, done: str) -> Iterator[None]:
    """Say what refers to it when the database refuses. Raises: CategoryInUse."""
    try:
        yield
    except IntegrityError as refusal:
        if what == "subcategory" and _breaks(refusal, OF_CATEGORY):
            raise  # It names no category: `_category_named` says so.
        cause = refusal
    else:
        return
    found = references_to(what, pk)
    words = [f"{count} {_ONE[name] if count == 1 else name}" for name, count in found.items()]
    raise CategoryInUse(f"It cannot be {done}: in use by {' and '.join(words) or 'another'}.", **found) from cause


@contextmanager
def _category_named() -> Iterator[None]:
    """Raises: InvalidField when a subcategory names a category that does not exist."""
    try:
        yield
    except IntegrityError as refusal:
        if not _breaks(refusal, OF_CATEGORY):
            raise
        raise InvalidField("category", "There is no such category.") from refusal


def _breaks(refusal: IntegrityError, constraint: str) -> bool:
    return getattr(getattr(refusal.__cause__, "diag", None), "constraint_name", None) == constraint
