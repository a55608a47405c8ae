"""The partner door's lists: pages by number as S4's clients read them (E-S4-13), pages by cursor for whoever asks."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from backend.banking.selectors import partner as selectors
from backend.common import cursors, keysets
from backend.common.keysets import Row
from backend.common.pagination import count_of

SIZE, SIZE_MAX = 10, 100
PAGING = [
    OpenApiParameter("page", int, description="One past the end is the last one."),
    OpenApiParameter("page_size", int, description=f"Default {SIZE}; more than {SIZE_MAX} is {SIZE_MAX}."),
    OpenApiParameter(
        "cursor", str, description="Pages that cost the same anywhere: empty for the first, then what `next` said."
    ),
]


def listed(
    request: Request, rows: QuerySet[Any, Row], render: Callable[[Sequence[Row]], list[Row]], *, key: str
) -> Response:
    """Answer `?page=`, or `?cursor=` where it is given; `key` is the rows' primary key."""
    if not cursors.is_paged(request):
        return Response(_numbered(request, rows, render))
    page = keysets.page_of(
        request, lambda after, limit: selectors.rows_after(rows, after, limit, key=key), at="created_at", key=key
    )
    return Response({**page, "results": render(page["results"])})


def _numbered(
    request: Request, rows: QuerySet[Any, Row], render: Callable[[Sequence[Row]], list[Row]]
) -> dict[str, Any]:
    number, size = _number(request, "page", 1), min(_number(request, "page_size", SIZE), SIZE_MAX)
    count, is_estimated = count_of(rows)
    if not is_estimated:
        number = min(number, _pages(count, size))
    found = _slice(rows, number, size)
    if not found and number > 1:  # Past the end of a list that was too long to count: now it has to be.
        count = rows.count()
        number = _pages(count, size)
        found = _slice(rows, number, size)
    pages = max(_pages(count, size), number + (len(found) > size))
    body = {
        "next": _address(request, number + 1) if len(found) > size else None,
        "previous": _address(request, number - 1) if number > 1 else None,
        "count": count,
        "total_pages": pages,
        "current_page": number,
        "results": render(found[:size]),
    }
    return {**body, "count_estimated": True} if is_estimated else body


def page_schema(name: str, row: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return what a page looks like, for the OpenAPI document."""
    fields: dict[str, Any] = {
        "next": serializers.CharField(allow_null=True, help_text="The next page's address, or its cursor."),
        "previous": serializers.URLField(allow_null=True, required=False),
        "count": serializers.IntegerField(required=False),
        "total_pages": serializers.IntegerField(required=False),
        "current_page": serializers.IntegerField(required=False),
        "count_estimated": serializers.BooleanField(required=False, help_text="Beyond 10,000 rows."),
        "results": row(many=True),
    }
    made: serializers.Serializer[Any] = type(name, (serializers.Serializer,), fields)()
    return made


def _slice(rows: QuerySet[Any, Row], number: int, size: int) -> list[Row]:
    start = (number - 1) * size
    return list(rows[start : start + size + 1])


def _pages(count: int, size: int) -> int:
    return max(1, math.ceil(count / size))


def _number(request: Request, name: str, default: int) -> int:
    """Raises: ValidationError for what is no whole number from 1 (BUG-S4-13)."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise ValidationError({name: ["A whole number from 1."]})
    return int(text)


def _address(request: Request, number: int) -> str:
    here = request.build_absolute_uri()
    return remove_query_param(here, "page") if number == 1 else replace_query_param(here, "page", number)
