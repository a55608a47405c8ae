"""Pages by number, with an exact count up to 10,000 and the planner's estimate beyond (design.md section 9)."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.utils.urls import remove_query_param, replace_query_param

COUNT_MAX = 10_000


def page_of(
    rows: QuerySet[Any], request: Request, render: Callable[[Sequence[Any]], list[Any]], *, size: int = 20
) -> dict[str, Any]:
    """Return the S2 page `{count, next, previous, results}` for `?page=` and `?page_size=` (1 to 100).

    `next` and `previous` are page numbers, as S2-R12 has them.
    Raises: ValidationError for what is no number, NotFound beyond the last page.
    """
    number = _number(request, "page", 1, 1_000_000)
    size = _number(request, "page_size", size, 100)
    count, estimated = count_of(rows)
    start = (number - 1) * size
    found = list(rows[start : start + size + 1])
    if number > 1 and not found:
        raise NotFound("There is no such page.")
    body = {
        "count": max(count, start + len(found[:size])),
        "next": number + 1 if len(found) > size else None,
        "previous": number - 1 if number > 1 else None,
        "total_pages": max(1, math.ceil(count / size)),
        "results": render(found[:size]),
    }
    return {**body, "count_estimated": True} if estimated else body


def linked_page_of(
    rows: QuerySet[Any], request: Request, render: Callable[[Sequence[Any]], list[Any]], *, size: int = 10
) -> dict[str, Any]:
    """Return the page as S0's clients read it (S0-B6): `next` and `previous` are addresses. Raises: as `page_of`."""
    page = page_of(rows, request, render, size=size)
    del page["total_pages"]
    return {**page, "next": _address(request, page["next"]), "previous": _address(request, page["previous"])}


def _address(request: Request, number: int | None) -> str | None:
    if number is None:
        return None
    here = request.build_absolute_uri()
    return remove_query_param(here, "page") if number == 1 else replace_query_param(here, "page", number)


def count_of(rows: QuerySet[Any]) -> tuple[int, bool]:
    """Return how many rows there are, and whether that is the planner's estimate."""
    exact = rows.order_by()[: COUNT_MAX + 1].count()
    if exact <= COUNT_MAX:
        return exact, False
    sql, parameters = rows.order_by().values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        plan: Any = cursor.fetchone()
    return max(int(plan[0][0]["Plan"]["Plan Rows"]), COUNT_MAX), True


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10) or not 1 <= int(text) <= most:
        raise ValidationError({name: [f"A whole number from 1 to {most}."]})
    return int(text)
