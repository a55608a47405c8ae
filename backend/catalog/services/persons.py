"""What the catalogue keeps about a person: written out for them, and deleted with them."""

from collections.abc import Iterator
from typing import Any

from backend.catalog import selectors
from backend.catalog.models import Item, ItemTag, Tag
from backend.catalog.services.images import drop_images
from backend.catalog.services.shelves import lock_shelf
from backend.common import hooks

CHUNK = 500


def export_catalog(export: hooks.Export) -> None:
    """Write out the person's own tests and tags, and which articles they wrote."""
    export.add("catalog/tests.json", _tests_of(export.user_id))
    own_tags = Tag.objects.filter(owner_id=export.user_id).order_by("name")
    export.add("catalog/tags.json", own_tags.values("id", "name").iterator(CHUNK))
    written = Item.objects.filter(owner_id=None, created_by_id=export.user_id).order_by("id")
    export.add(
        "catalog/written_for_the_house.json", ({"title": title} for title in written.values_list("title", flat=True))
    )


def erase_from_catalog(erasure: hooks.Erasure) -> None:
    """Delete the person's own tests and tags: they were nobody else's. What they wrote for the house stays the
    house's. Locks: the person's shelf."""
    lock_shelf(erasure.user_id)
    own = Item.objects.filter(owner_id=erasure.user_id)
    drop_images(own.values("pk"))
    ItemTag.objects.filter(item__in=own).delete()
    own.delete()
    Tag.objects.filter(owner_id=erasure.user_id).delete()


def _tests_of(user_id: int) -> Iterator[dict[str, Any]]:
    fields = ("id", "title", "description", "time_minutes", "price", "link", "created_at", "updated_at", "image__width")
    last = 0
    while ids := list(
        Item.objects.filter(owner_id=user_id, pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]
    ):
        for row in selectors.rows_of(ids, fields):
            yield {
                **row,
                "price": str(row["price"]),
                "created_at": row["created_at"].isoformat(),
                "updated_at": row["updated_at"].isoformat(),
                "tags": [tag["name"] for tag in row["tags"]],
            }
        last = ids[-1]
