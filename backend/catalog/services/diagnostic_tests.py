"""Diagnostic tests of one's own (S3-R7 to S3-R11)."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from backend.audit import services as audit
from backend.catalog.errors import TestUnknown
from backend.catalog.models import Item
from backend.catalog.services.images import drop_images
from backend.catalog.services.shelves import lock_shelf
from backend.catalog.services.tags import set_tags
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work


def add_test(
    *,
    actor: Principal,
    title: str,
    time_minutes: int,
    price: Decimal,
    link: str = "",
    description: str = "",
    tags: Iterable[str] = (),
) -> Item:
    """Store a test of the caller's own with its tags, all or nothing (BUG-S3-3). Locks: the caller's shelf."""
    with unit_of_work():
        lock_shelf(actor.id)
        item = Item.objects.create(
            owner_id=actor.id,
            created_by_id=actor.id,
            kind=Item.Kind.DIAGNOSTIC_TEST,
            title=title,
            time_minutes=time_minutes,
            price=price,
            link=link,
            description=description,
        )
        set_tags(item, tags)
        audit.record(actor_id=actor.id, action="catalog_test.created", target=item)
    return item


def change_test(*, actor: Principal, test_id: int, changes: dict[str, Any], tags: Iterable[str] | None = None) -> Item:
    """Change a test of the caller's own; `tags` None leaves its tags as they are, anything else replaces them (S3-B3).

    Raises: TestUnknown. Locks: the caller's shelf.
    """
    with unit_of_work():
        lock_shelf(actor.id)
        item = own_test(actor, test_id)
        for name, value in changes.items():
            setattr(item, name, value)
        item.version += 1
        item.save(update_fields=[*changes, "version", "updated_at"])
        if tags is not None:
            set_tags(item, tags)
        facts = {"fields": sorted([*changes, *(["tags"] if tags is not None else [])])}
        audit.record(actor_id=actor.id, action="catalog_test.changed", target=item, facts=facts)
    return item


def delete_test(*, actor: Principal, test_id: int) -> None:
    """Delete a test of the caller's own; its tags stay. Raises: TestUnknown. Locks: the caller's shelf."""
    with unit_of_work():
        lock_shelf(actor.id)
        item = own_test(actor, test_id)
        audit.record(actor_id=actor.id, action="catalog_test.deleted", target=item)
        drop_images([item.pk])
        item.delete()


def own_test(actor: Principal, test_id: int) -> Item:
    """Return the caller's test. Raises: TestUnknown, for somebody else's too."""
    own = Item.objects.filter(pk=test_id, owner_id=actor.id, kind=Item.Kind.DIAGNOSTIC_TEST)
    item = own.defer("search").first()
    if item is None:
        raise TestUnknown
    return item
