"""Dates, times and amounts as people and banks write them, into the forms that PostgreSQL reads.

Each function returns None for what it cannot read, so that its caller can say which line it was.
"""

import re
from collections.abc import Mapping
from datetime import date

# The name that people see -> the pattern, and where year, month and day stand in it.
DATE_FORMATS: Mapping[str, tuple[re.Pattern[str], tuple[int, int, int]]] = {
    "YYYY-MM-DD": (re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"), (1, 2, 3)),
    "DD.MM.YYYY": (re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})"), (3, 2, 1)),
    "DD/MM/YYYY": (re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})"), (3, 2, 1)),
    "MM/DD/YYYY": (re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})"), (3, 1, 2)),
    "DD-MM-YYYY": (re.compile(r"([0-9]{1,2})-([0-9]{1,2})-([0-9]{4})"), (3, 2, 1)),
    "YYYY/MM/DD": (re.compile(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})"), (1, 2, 3)),
    "DD.MM.YY": (re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{2})"), (3, 2, 1)),
    "YYYYMMDD": (re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})"), (1, 2, 3)),
}
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?")
_SIMPLE = {".": re.compile(r"-?[0-9]{1,8}(?:\.[0-9]{1,2})?"), ",": re.compile(r"-?[0-9]{1,8}(?:,[0-9]{1,2})?")}
_GROUPED = {
    ".": re.compile(r"[0-9]{1,3}(?:[, '’][0-9]{3})+(?:\.[0-9]{1,2})?|[0-9]{1,8}(?:\.[0-9]{1,2})?"),
    ",": re.compile(r"[0-9]{1,3}(?:[. '’][0-9]{3})+(?:,[0-9]{1,2})?|[0-9]{1,8}(?:,[0-9]{1,2})?"),
}
_MONEY_WORDS = re.compile(r"^(?:[A-Z]{3}|[$€£¥])\s*|\s*(?:[A-Z]{3}|[$€£¥])$")
_SEPARATORS = re.compile(r"[., '’]")
WHOLE_DIGITS_MAX = 8


def read_moment(text: str, date_format: str) -> tuple[str, str] | None:
    """Return a date in ISO form and the time of day behind it, if there is one."""
    pattern, places = DATE_FORMATS[date_format]
    found = pattern.match(text)
    if not found:
        return None
    year, month, day = (int(found[place]) for place in places)
    try:
        when = date(year + 2000 if date_format.endswith(".YY") else year, month, day).isoformat()
    except ValueError:
        return None
    rest = text[found.end() :]
    if not rest:
        return when, ""
    clock = read_time(rest.lstrip("T ,")) if rest[0] in "T ," else None
    return (when, clock) if clock else None


def read_time(text: str) -> str | None:
    """Return a time of day as HH:MM:SS."""
    found = _TIME.fullmatch(text)
    if not found or int(found[1]) > 23 or int(found[2]) > 59 or int(found[3] or 0) > 59:
        return None
    return f"{int(found[1]):02}:{found[2]}:{found[3] or '00'}"


def read_amount(text: str, decimal: str) -> tuple[str, bool] | None:
    """Return an amount without its sign, and whether that was a minus."""
    if _SIMPLE[decimal].fullmatch(text):
        is_negative = text[0] == "-"
        return (text[1:] if is_negative else text).replace(",", "."), is_negative
    text = " ".join(text.replace("−", "-").split())
    is_bracketed = text[:1] == "(" and text[-1:] == ")"
    text, sign = (text[1:-1], "-") if is_bracketed else _unsigned(text)
    text = _MONEY_WORDS.sub("", _MONEY_WORDS.sub("", text)).strip()
    if not sign:
        text, sign = _unsigned(text)
    if not _GROUPED[decimal].fullmatch(text):
        return None
    whole, _, places = text.partition(decimal)
    whole = _SEPARATORS.sub("", whole)
    if len(whole) > WHOLE_DIGITS_MAX:
        return None
    return f"{whole}.{places}" if places else whole, sign == "-"


def _unsigned(text: str) -> tuple[str, str]:
    """Return the text without the sign before or behind it, and the sign."""
    if text[:1] in {"-", "+"}:
        return text[1:].strip(), text[0]
    return (text[:-1].strip(), "-") if text[-1:] == "-" else (text, "")
