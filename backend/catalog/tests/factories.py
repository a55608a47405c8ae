"""Tests, tags and articles made by the services, and how much a refused request must leave untouched."""

from decimal import Decimal
from typing import Any

from backend.audit.models import AuditLog
from backend.catalog.models import Item, ItemImage, ItemTag, Tag
from backend.catalog.services import articles, diagnostic_tests, images
from backend.common import vault
from backend.common.models import StoredFile
from backend.common.tests.made_files import picture
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.realtime.models import Event

TESTS = "/api/diagnostictest/diagnostictests/"
TAGS = "/api/diagnostictest/tags/"
ITEMS = "/api/catalog/items/"
ARTICLES = "/api/help/articles/"
BODY = {"title": "Full blood count", "time_minutes": 15, "price": "12.50"}


def add_test(user: User, title: str = "Full blood count", *tags: str, **fields: Any) -> Item:
    given = {"time_minutes": 15, "price": Decimal("12.50"), **fields}
    return diagnostic_tests.add_test(actor=principal_of(user), title=title, tags=tags, **given)


def add_article(user: User, title: str, *tags: str, published: bool = True, **fields: Any) -> Item:
    actor = principal_of(user)
    item = articles.write_article(actor=actor, title=title, tags=tags, **fields)
    return articles.publish_article(actor=actor, slug=item.slug) if published else item


def set_image(item: Item, user: User, name: str = "iron.png", content: bytes | None = None) -> ItemImage:
    with vault.incoming(kind=images.KIND) as file:
        file.write(picture() if content is None else content)
        return images.set_image(actor=principal_of(user), item_id=item.pk, name=name, file=file)


def tag_id(user: User | None, name: str) -> int:
    return Tag.objects.get(owner=user, name=name).pk


def names_on(item: Item) -> set[str]:
    return set(ItemTag.objects.filter(item=item).values_list("tag__name", flat=True))


def rows() -> dict[str, int]:
    """How much there is of everything that a write leaves behind, compared before and after."""
    return {
        model.__name__: model.objects.count() for model in (Item, Tag, ItemTag, ItemImage, StoredFile, AuditLog, Event)
    }


def actions() -> list[str]:
    """What the trail says about the catalogue, oldest first."""
    found = AuditLog.objects.filter(action__regex="^(catalog|help)").order_by("id")
    return list(found.values_list("action", flat=True))
