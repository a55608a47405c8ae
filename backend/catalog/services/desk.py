"""What the staff's pages write: items and tags of any shelf, audited like everything else (S3-R16)."""

from collections.abc import Iterable

from backend.audit import services as audit
from backend.catalog.models import Item, Tag
from backend.catalog.services.images import drop_images
from backend.catalog.services.shelves import lock_shelf
from backend.catalog.services.tags import set_tags
from backend.common.unit_of_work import unit_of_work


def keep_item(*, actor_id: int, item: Item, tags: Iterable[str], fields: Iterable[str]) -> None:
    """Store an item as the page shows it, with exactly these tags. `fields` are those that were changed.

    Locks: the item's shelf.
    """
    with unit_of_work():
        lock_shelf(item.owner_id)
        action = "catalog_item.changed" if item.pk else "catalog_item.created"
        if item.pk:
            item.version += 1
        else:
            item.created_by_id = actor_id
        item.save()
        set_tags(item, tags)
        audit.record(actor_id=actor_id, action=action, target=item, facts={"fields": sorted(fields)})


def drop_item(*, actor_id: int, item: Item) -> None:
    """Delete an item of any shelf. Locks: the item's shelf."""
    with unit_of_work():
        lock_shelf(item.owner_id)
        audit.record(actor_id=actor_id, action="catalog_item.deleted", target=item)
        drop_images([item.pk])
        item.delete()


def keep_tag(*, actor_id: int, tag: Tag) -> None:
    """Store a tag of any shelf, or its new name. Locks: the tag's shelf."""
    with unit_of_work():
        lock_shelf(tag.owner_id)
        action = "catalog_tag.renamed" if tag.pk else "catalog_tag.created"
        tag.save()
        audit.record(actor_id=actor_id, action=action, target=tag)


def drop_tag(*, actor_id: int, tag: Tag) -> None:
    """Delete a tag of any shelf; items stay without it. Locks: the tag's shelf."""
    with unit_of_work():
        lock_shelf(tag.owner_id)
        audit.record(actor_id=actor_id, action="catalog_tag.deleted", target=tag)
        tag.delete()
