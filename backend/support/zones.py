"""Time zones that callers name."""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from rest_framework.exceptions import ValidationError


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


def zone_of(name: str) -> ZoneInfo:
    """Return the IANA time zone of this name. Raises: ValidationError."""
    if name not in _known():
        raise ValidationError("This is no time zone. Say for example Europe/Athens.")
    return ZoneInfo(name)
