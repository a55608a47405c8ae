"""What goes in and out of the catalogue's routes, and how their query strings are read."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from backend.catalog.models import DESCRIPTION_MAX, MINUTES_MAX, NAME_MAX
from backend.common.cursors import BIGGEST_ID, CURSOR_HELP, PAGE_SIZE, PAGE_SIZE_MAX, page_schema
from backend.common.rendering import TextField

TAGS_MAX = 50
QUERY_MAX = 200
SCRIPTS = ("javascript:", "data:", "vbscript:")


class TagIn(serializers.Serializer[Any]):
    name = TextField(max_length=NAME_MAX)


class NestedTagIn(serializers.Serializer[Any]):
    """A tag inside an item; its `id`, if sent, says nothing: the name does."""

    name = TextField(max_length=NAME_MAX)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "name" not in attrs:  # A PATCH asks for no field, here neither.
            raise ValidationError({"name": [self.fields["name"].error_messages["required"]]})
        return attrs


class TagOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()


class DiagnosticTestIn(serializers.Serializer[Any]):
    title = TextField(max_length=NAME_MAX)
    time_minutes = serializers.IntegerField(min_value=0, max_value=MINUTES_MAX)
    price = serializers.DecimalField(max_digits=5, decimal_places=2, min_value=0)
    link = TextField(max_length=NAME_MAX, required=False, allow_blank=True)
    description = TextField(max_length=DESCRIPTION_MAX, required=False, allow_blank=True)
    tags: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=NestedTagIn(), required=False, max_length=TAGS_MAX
    )

    def validate_link(self, link: str) -> str:
        """A link is shown to people to click on."""
        if "".join(link.split()).lower().startswith(SCRIPTS):
            raise ValidationError("A link leads somewhere; it runs nothing.")
        return link


class DiagnosticTestOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    title = serializers.CharField()
    time_minutes = serializers.IntegerField()
    price = serializers.DecimalField(max_digits=5, decimal_places=2)
    link = serializers.CharField(allow_blank=True)
    tags = TagOut(many=True)


class DiagnosticTestDetailOut(DiagnosticTestOut):
    description = serializers.CharField(allow_blank=True)


class ItemOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.CharField(help_text="`diagnostic_test` or `help_article`.")
    slug = serializers.CharField(allow_null=True)
    title = serializers.CharField()
    time_minutes = serializers.IntegerField(allow_null=True)
    price = serializers.DecimalField(max_digits=5, decimal_places=2, allow_null=True)
    link = serializers.CharField(allow_blank=True)
    is_own = serializers.BooleanField(help_text="Private to the caller; else the house's, for everybody.")
    published_at = serializers.DateTimeField(allow_null=True)
    updated_at = serializers.DateTimeField()
    image = serializers.CharField(allow_null=True, help_text="The path that it is fetched from.")
    tags = TagOut(many=True)


class ItemDetailOut(ItemOut):
    description = serializers.CharField(allow_blank=True)


ItemPage = page_schema("CatalogItemPage", ItemOut)

QUERY = OpenApiParameter("q", str, description="Words in title, tags or description; each may be only begun.")
PAGING = [
    OpenApiParameter("cursor", str, description=CURSOR_HELP),
    OpenApiParameter("page_size", int, description=f"1 to {PAGE_SIZE_MAX}. Default: {PAGE_SIZE}."),
]


def query_of(request: Request) -> str:
    """Return the words searched for. Raises: ValidationError."""
    words = request.query_params.get("q", "").strip()
    if len(words) > QUERY_MAX or "\x00" in words:
        raise ValidationError({"q": [f"At most {QUERY_MAX} characters of text."]})
    return words


def tag_ids_of(request: Request) -> list[int]:
    """Return the ids in `?tags=1,2`. Raises: ValidationError for anything else (E-S3-2)."""
    text = request.query_params.get("tags", "")
    parts = text.split(",") if text else []
    ids = [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 20]
    if len(ids) != len(parts) or len(ids) > TAGS_MAX or any(number > BIGGEST_ID for number in ids):
        raise ValidationError({"tags": [f"At most {TAGS_MAX} ids of tags, separated by commas."]})
    return list(dict.fromkeys(ids))


def tags_of(request: Request) -> tuple[list[int], list[str]]:
    """Return the ids and the names in `?tags=1,fatigue`. Raises: ValidationError."""
    parts = [part.strip() for part in request.query_params.get("tags", "").split(",")]
    if parts == [""]:
        return [], []
    if not all(parts) or len(parts) > TAGS_MAX or any(len(part) > NAME_MAX or "\x00" in part for part in parts):
        raise ValidationError({"tags": [f"At most {TAGS_MAX} tags, by id or by name, separated by commas."]})
    ids = [int(part) for part in parts if _is_id(part)]
    return list(dict.fromkeys(ids)), list(dict.fromkeys(part for part in parts if not _is_id(part)))


def _is_id(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) < 20 and int(part) <= BIGGEST_ID
