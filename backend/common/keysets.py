"""Rows by time, the newest first, from where somebody stopped reading: at one cost wherever that is.

A bulk load gives a million rows one moment, so a position is a moment and a key, and each side of it is a range of
its own that an index over (…, -moment, key) starts right at (design.md section 9).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from backend.common import cursors

Position = tuple[datetime, UUID]
Row = dict[str, Any]


def newest_first(
    parts: Sequence[QuerySet[Any, Any]], *, at: str, key: str, after: Position | None, limit: int
) -> list[Row]:
    """Return the rows of the parts that follow a position, in one query.

    `parts` are `.values(…)` querysets that share no row and have `at` and `key` among their columns: one for each
    value of the index's first columns (one for each bank).
    """
    ranges = [part.order_by() for part in parts]
    if after is not None:
        moment, last = after
        same = [part.filter(**{at: moment, f"{key}__gt": last}) for part in ranges]
        ranges = same + [part.filter(**{f"{at}__lt": moment}) for part in ranges]
    heads = [one.order_by(f"-{at}", key)[:limit] for one in ranges]
    if len(heads) < 2:
        return list(heads[0]) if heads else []
    return list(heads[0].union(*heads[1:], all=True).order_by(f"-{at}", key)[:limit])


def page_of(
    request: Request, fetch: Callable[[Position | None, int], Sequence[Row]], *, at: str, key: str
) -> dict[str, Any]:
    """Return `{results, next}` for `?cursor=`, as `cursors.page_of` does; `at` and `key` name a row's position.

    Raises: ValidationError for a cursor that we did not write.
    """
    return cursors.page_of(
        request,
        lambda text, limit: fetch(_position(text) if text else None, limit),
        lambda row: f"{row[at].isoformat()} {row[key]}",
        kind=str,
    )


def _position(text: str) -> Position:
    moment, _, key = text.rpartition(" ")
    try:
        at, found = datetime.fromisoformat(moment), UUID(key)
    except ValueError:
        raise ValidationError({"cursor": ["This is no cursor of ours."]}) from None
    if at.tzinfo is None:
        raise ValidationError({"cursor": ["This is no cursor of ours."]})
    return at, found
