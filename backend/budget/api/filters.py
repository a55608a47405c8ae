"""Which entries, from a query string: dates and times of day (S1-B11), amounts, categories, text, order."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from backend.budget.api.shapes import uuid_of
from backend.budget.months import this_month
from backend.budget.selectors.entries import NEWEST_FIRST, ORDERINGS, Filters

TEXT_MAX = 100
MONTH = re.compile(r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])")
# What a bound must look like: its form, how it is read, and the form in words.
_FORMS: Mapping[str, tuple[re.Pattern[str], Callable[[str], Any], str]] = {
    "date": (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), date.fromisoformat, "YYYY-MM-DD, a day that exists"),
    "time": (re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}"), time.fromisoformat, "HH:MM:SS"),
    "amount": (re.compile(r"[0-9]{1,18}(\.[0-9]{1,2})?"), Decimal, "a number with at most two decimal places"),
}

WHEN = [
    OpenApiParameter("start_date", str, description="YYYY-MM-DD"),
    OpenApiParameter("end_date", str, description="YYYY-MM-DD; today if only the start is given"),
    OpenApiParameter("start_time", str, description="HH:MM:SS, of every day"),
    OpenApiParameter("end_time", str, description="HH:MM:SS, of every day"),
]
WHICH = [
    *WHEN,
    OpenApiParameter("min_amount", str, description="At least so much"),
    OpenApiParameter("max_amount", str, description="At most so much"),
    OpenApiParameter("category", str, description="A category's id"),
    OpenApiParameter("subcategory", str, description="A subcategory's id"),
    OpenApiParameter("q", str, description="Words in the title or the description, as they stand there"),
]
ORDER = OpenApiParameter("ordering", str, enum=ORDERINGS, description=f"Default: {NEWEST_FIRST}")


def filters_of(request: Request) -> Filters:
    """Raises: ValidationError."""
    query = request.query_params
    start_date, end_date = _bounds(query, "start_date", "end_date", "date", today=datetime.now(UTC).date())
    start_time, end_time = _bounds(query, "start_time", "end_time", "time")
    min_amount, max_amount = _bounds(query, "min_amount", "max_amount", "amount")
    return Filters(
        start_date=start_date,
        end_date=end_date,
        start_time=start_time,
        end_time=end_time,
        min_amount=min_amount,
        max_amount=max_amount,
        category_id=uuid_of("category", query.get("category")),
        subcategory_id=uuid_of("subcategory", query.get("subcategory")),
        text=_text(query.get("q", "")),
    )


def ordering_of(request: Request) -> str:
    """Raises: ValidationError."""
    ordering = str(request.query_params.get("ordering") or NEWEST_FIRST)
    if ordering not in ORDERINGS:
        raise ValidationError({"ordering": [f"One of {', '.join(ORDERINGS)}."]})
    return ordering


def number_of(request: Request, name: str, *, default: int, most: int, least: int = 1) -> int:
    """Return a whole number from `least` to `most`. Raises: ValidationError."""
    text = request.query_params.get(name)
    if not text:
        return default
    if not re.fullmatch("[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise ValidationError({name: [f"A whole number from {least} to {most}."]})
    return int(text)


def month_of(request: Request) -> date:
    """Return the first day of the month that is asked for; this one if none is. Raises: ValidationError."""
    text = request.query_params.get("month")
    if not text:
        return this_month()
    if not MONTH.fullmatch(text):
        raise ValidationError({"month": ["Write it as YYYY-MM."]})
    return date.fromisoformat(f"{text}-01")


def _bounds(query: Mapping[str, Any], start: str, end: str, form: str, today: date | None = None) -> tuple[Any, Any]:
    low, high = _bound(query, start, form), _bound(query, end, form)
    if low is not None and high is None:
        high = today
    if low is not None and high is not None and low > high:
        raise ValidationError({start: [f"The start is after the end, {high}."]})
    return low, high


def _bound(query: Mapping[str, Any], name: str, form: str) -> Any:
    text = query.get(name)
    if not text:
        return None
    pattern, read, words = _FORMS[form]
    try:
        if not pattern.fullmatch(text):
            raise ValueError(text)
        return read(text)
    except ValueError:
        raise ValidationError({name: [f"Write it as {words}."]}) from None


def _text(text: str) -> str:
    if "\x00" in text or len(text) > TEXT_MAX:
        raise ValidationError({"q": [f"At most {TEXT_MAX} characters, and no NUL among them."]})
    return text
