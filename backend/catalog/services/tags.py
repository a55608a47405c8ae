"""Tags of one's own, and which of them an item carries."""

from collections.abc import Iterable

from backend.audit import services as audit
from backend.catalog import selectors
from backend.catalog.errors import TagExists
from backend.catalog.models import Item, ItemTag, Tag
from backend.catalog.services.shelves import lock_shelf
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work


def add_tag(*, actor: Principal, name: str) -> Tag:
    """Store a tag of the caller's own (S3-R13). Raises: TagExists. Locks: the caller's shelf."""
    with unit_of_work():
        lock_shelf(actor.id)
        _refuse_double(actor.id, name)
        tag = Tag.objects.create(owner_id=actor.id, name=name)
        audit.record(actor_id=actor.id, action="catalog_tag.created", target=tag)
    return tag


def rename_tag(*, actor: Principal, tag_id: int, name: str) -> Tag:
    """Give a tag another name, on all items that carry it (S3-R14). Raises: TagUnknown, TagExists.

    Locks: the caller's shelf.
    """
    with unit_of_work():
        lock_shelf(actor.id)
        tag = selectors.get_tag(actor=actor, tag_id=tag_id)
        if tag.name == name:
            return tag
        _refuse_double(actor.id, name)
        tag.name = name
        tag.save(update_fields=["name"])
        audit.record(actor_id=actor.id, action="catalog_tag.renamed", target=tag)
    return tag


def delete_tag(*, actor: Principal, tag_id: int) -> None:
    """Delete a tag; the items that carry it stay without it. Raises: TagUnknown. Locks: the caller's shelf."""
    with unit_of_work():
        lock_shelf(actor.id)
        tag = selectors.get_tag(actor=actor, tag_id=tag_id)
        audit.record(actor_id=actor.id, action="catalog_tag.deleted", target=tag)
        tag.delete()


def named_tags(owner_id: int | None, names: Iterable[str]) -> list[Tag]:
    """Return the shelf's tags of these names, made where they are missing (S3-B2). The shelf is locked."""
    wanted = list(dict.fromkeys(names))
    Tag.objects.bulk_create([Tag(owner_id=owner_id, name=name) for name in wanted], ignore_conflicts=True)
    return list(Tag.objects.filter(owner_id=owner_id, name__in=wanted).order_by("id"))


def set_tags(item: Item, names: Iterable[str]) -> None:
    """Have the item carry exactly these tags (S3-B3). The shelf is locked."""
    wanted = {tag.pk for tag in named_tags(item.owner_id, names)}
    carried = set(ItemTag.objects.filter(item=item).values_list("tag_id", flat=True))
    if carried - wanted:
        ItemTag.objects.filter(item=item, tag_id__in=carried - wanted).delete()
    ItemTag.objects.bulk_create([ItemTag(item=item, tag_id=tag_id) for tag_id in sorted(wanted - carried)])


def _refuse_double(owner_id: int, name: str) -> None:
    if Tag.objects.filter(owner_id=owner_id, name=name).exists():
        raise TagExists
