"""Help articles: staff write and publish them, everybody signed in reads them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.utils.text import slugify

from backend.audit import services as audit
from backend.catalog.errors import ArticleUnknown, StaffOnly, StaleVersion
from backend.catalog.models import Item
from backend.catalog.services import images
from backend.catalog.services.shelves import lock_shelf
from backend.catalog.services.tags import set_tags
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work

HOUSE = None
SLUG_MAX = 70  # The column has room for a number behind it.


def is_writer(actor: Principal) -> bool:
    """Whether the person writes for the house: the flags of S1's desk."""
    return actor.is_staff or actor.is_superuser


def write_article(*, actor: Principal, title: str, description: str = "", tags: Iterable[str] = ()) -> Item:
    """Store a draft under an address made from its title, which never changes. Raises: StaffOnly.

    Locks: the house's shelf.
    """
    require_writer(actor)
    with unit_of_work():
        lock_shelf(HOUSE)
        item = Item.objects.create(
            kind=Item.Kind.HELP_ARTICLE,
            slug=_free_slug(title),
            title=title,
            description=description,
            created_by_id=actor.id,
        )
        set_tags(item, tags)
        audit.record(actor_id=actor.id, action="help_article.written", target=item)
    return item


def change_article(
    *,
    actor: Principal,
    slug: str,
    changes: dict[str, Any],
    tags: Iterable[str] | None = None,
    expected_version: int | None = None,
) -> Item:
    """Change an article, draft or published; the version goes up by one. `tags` None leaves its tags as they are.

    Raises: StaffOnly, ArticleUnknown, StaleVersion (somebody changed it since `expected_version`, which it names).
    Locks: the house's shelf.
    """
    require_writer(actor)
    with unit_of_work():
        lock_shelf(HOUSE)
        item = _article(slug)
        if expected_version is not None and expected_version != item.version:
            raise StaleVersion(version=item.version)
        for name, value in changes.items():
            setattr(item, name, value)
        item.version += 1
        item.save(update_fields=[*changes, "version", "updated_at"])
        if tags is not None:
            set_tags(item, tags)
        facts = {"fields": sorted([*changes, *(["tags"] if tags is not None else [])]), "version": item.version}
        audit.record(actor_id=actor.id, action="help_article.changed", target=item, facts=facts)
    return item


def publish_article(*, actor: Principal, slug: str) -> Item:
    """Let everybody read the article. Repeating it changes nothing. Raises: StaffOnly, ArticleUnknown."""
    return _set_published(actor, slug, datetime.now(UTC), "help_article.published")


def withdraw_article(*, actor: Principal, slug: str) -> Item:
    """Make the article a draft again. Repeating it changes nothing. Raises: StaffOnly, ArticleUnknown."""
    return _set_published(actor, slug, None, "help_article.withdrawn")


def delete_article(*, actor: Principal, slug: str) -> None:
    """Delete an article for good. Raises: StaffOnly, ArticleUnknown. Locks: the house's shelf."""
    require_writer(actor)
    with unit_of_work():
        lock_shelf(HOUSE)
        item = _article(slug)
        audit.record(actor_id=actor.id, action="help_article.deleted", target=item, facts={"slug": slug})
        images.drop_images([item.pk])
        item.delete()


def _set_published(actor: Principal, slug: str, at: datetime | None, action: str) -> Item:
    require_writer(actor)
    with unit_of_work():
        lock_shelf(HOUSE)
        item = _article(slug)
        if (item.published_at is None) == (at is None):
            return item
        item.published_at = at
        item.save(update_fields=["published_at", "updated_at"])
        audit.record(actor_id=actor.id, action=action, target=item)
    return item


def _article(slug: str) -> Item:
    item = Item.objects.filter(kind=Item.Kind.HELP_ARTICLE, slug=slug).defer("search").first()
    if item is None:
        raise ArticleUnknown
    return item


def _free_slug(title: str) -> str:
    """Return the title as an address; numbered when another article has it. The shelf is locked."""
    wanted = slugify(title)[:SLUG_MAX].strip("-") or "article"
    taken = set(Item.objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
    number, slug = 2, wanted
    while slug in taken:
        slug, number = f"{wanted}-{number}", number + 1
    return slug


def require_writer(actor: Principal) -> None:
    """Raises: StaffOnly."""
    if not is_writer(actor):
        raise StaffOnly
