"""One picture for each item: judged by its bytes, drawn anew so that nothing else travels along, kept in the vault."""

import io
import threading
from collections.abc import Iterable
from typing import Any, BinaryIO, cast

from PIL import Image, ImageOps

from backend.audit import services as audit
from backend.catalog import selectors
from backend.catalog.errors import ImageUnknown, ItemUnknown
from backend.catalog.models import Item, ItemImage
from backend.catalog.services import articles
from backend.catalog.services.shelves import lock_shelf
from backend.common import content, vault
from backend.common.content import ContentRefused
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work

KIND = "catalog_image"
SIZE_MAX = 5 * 1024 * 1024
EXTENSIONS = frozenset({"png", "jpg", "jpeg", "webp"})
PIXELS_MAX = 16_000_000  # 64 MB once it is opened, one at a time
EDGE_MAX = 1_600
FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}

_drawing = threading.BoundedSemaphore(1)


def require_editable(*, actor: Principal, item_id: int) -> Item:
    """Return an item that the actor may change: their own, or as staff the house's.

    Raises: ItemUnknown, StaffOnly (published by the house, and the actor is no staff).
    """
    seen = Item.objects.filter(owner_id=None) if articles.is_writer(actor) else Item.objects.none()
    item = (seen | selectors.visible_to(actor)).filter(pk=item_id).defer("search").first()
    if item is None:
        raise ItemUnknown
    if item.owner_id is None:
        articles.require_writer(actor)
    return item


def set_image(*, actor: Principal, item_id: int, name: str, file: vault.Incoming) -> ItemImage:
    """Give an item the picture that has arrived, in place of the one it had.

    Raises: ContentRefused, StorageAway; as `require_editable`. Nothing is left of the picture then.
    Locks: the item's shelf. After commit: the old picture's bytes leave the storage.
    """
    with file.open() as opened:
        plain = cast(BinaryIO, opened)
        found = content.check(plain, name=name, extensions=EXTENSIONS)
        if (found.width or 0) * (found.height or 0) > PIXELS_MAX:
            raise ContentRefused("too_large", f"A picture may have at most {PIXELS_MAX // 1_000_000} million pixels.")
        drawn, size = _draw_anew(plain, FORMATS[found.content_type])
    with vault.incoming(kind=KIND) as clean:
        clean.write(drawn)
        clean.store()
        with unit_of_work():
            item = _locked(actor, item_id)
            drop_images([item.pk])
            image = ItemImage.objects.create(
                item=item,
                file=clean.keep(owner_id=item.owner_id),
                content_type=found.content_type,
                width=size[0],
                height=size[1],
            )
            audit.record(actor_id=actor.id, action="catalog_image.set", target=item)
    return image


def delete_image(*, actor: Principal, item_id: int) -> None:
    """Take an item's picture away. Raises: as `require_editable`, ImageUnknown. Locks: the item's shelf."""
    with unit_of_work():
        item = _locked(actor, item_id)
        if not drop_images([item.pk]):
            raise ImageUnknown
        audit.record(actor_id=actor.id, action="catalog_image.deleted", target=item)


def drop_images(item_ids: Iterable[Any]) -> int:
    """Remove the pictures of items that lose them or are about to go, in the caller's transaction; return how many."""
    images = ItemImage.objects.filter(item_id__in=item_ids)
    files = list(images.values_list("file_id", flat=True))
    if files:
        images.delete()
        vault.discard(files)
    return len(files)


def _locked(actor: Principal, item_id: int) -> Item:
    """Lock the item's shelf and return the item as it is then; the shelf never changes."""
    lock_shelf(require_editable(actor=actor, item_id=item_id).owner_id)
    return require_editable(actor=actor, item_id=item_id)


def _draw_anew(plain: BinaryIO, kind: str) -> tuple[bytes, tuple[int, int]]:
    """Return the picture upright, no longer than `EDGE_MAX`, and nothing but its pixels: no place, no camera, no note.

    Of a moving picture the first frame. Raises: ContentRefused.
    """
    plain.seek(0)
    try:
        # As a whole: the vault's stream gives less than it is asked for where two chunks meet.
        with _drawing, Image.open(io.BytesIO(plain.read()), formats=[kind]) as picture:
            picture.draft("RGB", (EDGE_MAX, EDGE_MAX))  # A JPEG is opened no larger than it will be.
            upright = ImageOps.exif_transpose(picture)
            pixels = upright.convert("RGBA" if kind != "JPEG" and upright.has_transparency_data else "RGB")
            pixels.thumbnail((EDGE_MAX, EDGE_MAX))
            pixels.info = {}
            drawn = io.BytesIO()
            pixels.save(drawn, kind, quality=85)
    except (OSError, ValueError, SyntaxError) as fault:
        raise ContentRefused("damaged", "This picture is damaged or not complete.") from fault
    return drawn.getvalue(), pixels.size
