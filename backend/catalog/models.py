"""Tagged items that people search: diagnostic tests, and the help articles that the staff write.

An item without an owner is the house's own; once published, everybody signed in finds it. An item with an owner is
private to that person (S3-B1). The same holds for tags: an item carries tags of its own owner only.
"""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

NAME_MAX = 255
DESCRIPTION_MAX = 50_000
MINUTES_MAX = 2_147_483_647


class Tag(models.Model):
    """A word on items: a symptom, a cause, a topic (S3-M3). `owner` null is the house."""

    id = models.BigAutoField(primary_key=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    name = models.CharField(max_length=NAME_MAX)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "name"], name="catalog_tag_unique_per_owner", nulls_distinct=False
            ),
            models.CheckConstraint(name="catalog_tag_has_a_name", condition=~Q(name="")),
        ]
        indexes: ClassVar = [models.Index(Lower("name"), name="catalog_tag_any_case")]

    def __str__(self) -> str:
        return self.name


class Item(models.Model):
    """A test or an article (S3-M2). `search` is kept by triggers, tags included: no writer can forget it."""

    class Kind(models.TextChoices):
        DIAGNOSTIC_TEST = "diagnostic_test"
        HELP_ARTICLE = "help_article"

    id = models.BigAutoField(primary_key=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.DIAGNOSTIC_TEST)
    slug = models.SlugField(max_length=80, null=True, blank=True, unique=True, help_text="An article's address.")
    title = models.CharField(max_length=NAME_MAX)
    description = models.TextField(blank=True, max_length=DESCRIPTION_MAX)
    time_minutes = models.IntegerField(null=True, blank=True, validators=[MinValueValidator(0)])
    price = models.DecimalField(
        max_digits=5, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    link = models.CharField(max_length=NAME_MAX, blank=True)
    tags: "models.ManyToManyField[Tag, ItemTag]" = models.ManyToManyField(
        Tag, through="catalog.ItemTag", related_name="items"
    )
    published_at = models.DateTimeField(null=True, blank=True, help_text="Null is a draft, or private.")
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    search = SearchVectorField(null=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="catalog_item_test_has_price_and_minutes",
                condition=Q(kind="help_article") | Q(price__isnull=False, time_minutes__isnull=False),
            ),
            models.CheckConstraint(
                name="catalog_item_price_not_negative", condition=Q(price__isnull=True) | Q(price__gte=0)
            ),
            models.CheckConstraint(
                name="catalog_item_minutes_not_negative",
                condition=Q(time_minutes__isnull=True) | Q(time_minutes__gte=0),
            ),
            models.CheckConstraint(
                name="catalog_item_article_is_the_house_s",
                condition=Q(kind="diagnostic_test") | Q(owner__isnull=True, slug__isnull=False),
            ),
            models.CheckConstraint(
                name="catalog_item_private_is_not_published",
                condition=Q(owner__isnull=True) | Q(published_at__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["owner", "-id"], name="catalog_item_of_owner", condition=Q(owner__isnull=False)),
            models.Index(
                fields=["kind", "-id"],
                name="catalog_item_published",
                condition=Q(owner__isnull=True, published_at__isnull=False),
            ),
            # Without the pending list, so that no reader pays for the last writers.
            GinIndex(fields=["search"], name="catalog_item_search", fastupdate=False),
        ]

    def __str__(self) -> str:
        return self.title


class ItemTag(models.Model):
    """That an item carries a tag. A trigger refuses tags of somebody else."""

    id = models.BigAutoField(primary_key=True)
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="+", db_index=False)
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["item", "tag"], name="catalog_item_tag_unique")]
        indexes: ClassVar = [models.Index(fields=["tag", "item"], name="catalog_item_tag_by_tag")]

    def __str__(self) -> str:
        return f"{self.item_id} {self.tag_id}"


class ItemImage(models.Model):
    """The picture of an item, drawn anew by us. Whoever deletes an item drops its picture first, so that no file stays
    behind: hence PROTECT."""

    item = models.OneToOneField(Item, primary_key=True, on_delete=models.PROTECT, related_name="image")
    file = models.OneToOneField("common.StoredFile", on_delete=models.PROTECT, related_name="+")
    content_type = models.CharField(max_length=40)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.item_id} {self.content_type}"
