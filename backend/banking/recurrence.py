"""On which days a planned transfer is due. Pure: dates in, dates out.

A monthly one keeps the day it began with, and where a month has no such day, its last one: from 31 January it comes on
28 February (or 29), 31 March, 30 April. Each day is counted from the first one, so a short month shortens no later one.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from backend.banking.models import Rhythm

# Money that comes in by night is there, and a failed try can be repeated on the same day.
HOUR_OF_DAY = time(6)
LAST_YEAR = 2200


def occurrence(*, rhythm: str, starts_on: date, position: int) -> date | None:
    """Return the day of an occurrence, counted from 0; None where there is none (any more)."""
    if rhythm == Rhythm.ONCE:
        return starts_on if position == 0 else None
    if rhythm == Rhythm.WEEKLY:
        found = starts_on + timedelta(weeks=position)
        return found if found.year <= LAST_YEAR else None
    years, months = divmod(starts_on.month - 1 + position, 12)
    year, month = starts_on.year + years, months + 1
    if year > LAST_YEAR:
        return None
    return date(year, month, min(starts_on.day, monthrange(year, month)[1]))


def occurrence_until(*, rhythm: str, starts_on: date, ends_on: date | None, position: int) -> date | None:
    """As `occurrence`; None behind the end, too."""
    day = occurrence(rhythm=rhythm, starts_on=starts_on, position=position)
    return None if day is None or (ends_on is not None and day > ends_on) else day


def moment_of(day: date, *, time_zone: str) -> datetime:
    """Return when a transfer of this day is first tried: at six in the morning of the bank's zone, in UTC."""
    return datetime.combine(day, HOUR_OF_DAY, ZoneInfo(time_zone)).astimezone(UTC)
