"""Personal values and facts in the one form that is stored and hashed, with secrets masked."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

HIDDEN = "[hidden]"
_SECRET = re.compile(r"(?i)(password|passwd|secret|token|ssn|social_security|otp|pin$|cookie|api_?key|card_number|cvv)")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL takes no NUL, UTF-8 no half of a pair.


def plain(value: Any) -> Any:
    """Return the value as JSON has it: text for times, money and ids. Raises: TypeError for what has no such form."""
    kind = type(value)
    if (
        kind is str
    ):  # What nearly everything is, asked first and in the cheapest way: this is on the way of every write.
        return value if value.isascii() and "\x00" not in value else _UNSTORABLE.sub("\ufffd", value)
    if value is None or kind is int or kind is bool:
        return value
    if kind is dict:
        return {plain(str(name)): plain(one) for name, one in value.items()}
    if kind is list:
        return [plain(one) for one in value]
    return _plain_of_others(value)


def _plain_of_others(value: Any) -> Any:
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {plain(str(name)): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return str(value)


def masked(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the values without secrets: that a password changed may be known, what it was may not."""
    if values is None:
        return None
    hidden = {name: HIDDEN if _is_secret(str(name)) and value else value for name, value in values.items()}
    return {name: masked(one) if isinstance(one, Mapping) else one for name, one in plain(hidden).items()}


@lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    return _SECRET.search(name) is not None
