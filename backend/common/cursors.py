"""Pages by cursor: they cost the same at row 1,000,000 as at row 1,000, and nothing is shown twice or left out while
others write (design.md section 9)."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

PAGE_SIZE, PAGE_SIZE_MAX = 20, 100
BIGGEST_ID = 2**63 - 1
CURSOR_HELP = "Opaque; what `next` said. Empty asks for the first page."

T = TypeVar("T")


def is_paged(request: Request) -> bool:
    """Whether the caller asks for pages: `?cursor=` is there, be it empty."""
    return "cursor" in request.query_params


def page_of(
    request: Request,
    fetch: Callable[[Any, int], Sequence[T]],
    position: Callable[[T], Any],
    *,
    kind: type = int,
) -> dict[str, Any]:
    """Return `{results, next}`: what `fetch(after, limit)` gives, and the cursor of the page behind it, or null.

    `after` is the position of the last row that was shown, of type `kind`; None for the first page.
    Raises: ValidationError for a cursor that we did not write.
    """
    size = page_size_of(request)
    found = fetch(_read(request.query_params.get("cursor", ""), kind), size + 1)
    more = len(found) > size
    return {"results": found[:size], "next": cursor_at(position(found[size - 1])) if more else None}


def page_size_of(request: Request) -> int:
    text = request.query_params.get("page_size", str(PAGE_SIZE))
    if not (text.isascii() and text.isdigit() and len(text) < 10) or not 1 <= int(text) <= PAGE_SIZE_MAX:
        raise ValidationError({"page_size": [f"A whole number from 1 to {PAGE_SIZE_MAX}."]})
    return int(text)


def cursor_at(position: Any) -> str:
    """Return the cursor that goes on behind this position."""
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


def page_schema(name: str, row: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return what a page looks like, for the OpenAPI document."""
    fields = {"results": row(many=True), "next": serializers.CharField(allow_null=True, help_text=CURSOR_HELP)}
    made: serializers.Serializer[Any] = type(name, (serializers.Serializer,), fields)()
    return made


def _read(text: str, kind: type) -> Any:
    if not text:
        return None
    position: object = None
    try:
        position = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        position = None  # No text that we wrote: of no kind.
    if type(position) is not kind or (isinstance(position, int) and not 0 <= position <= BIGGEST_ID):
        raise ValidationError({"cursor": ["This is no cursor of ours."]})
    return position
