"""Calendar months, by their first day."""

from datetime import UTC, date, datetime


def this_month() -> date:
    return month_of(datetime.now(UTC).date())


def month_of(day: date) -> date:
    return day.replace(day=1)


def months_after(month: date, count: int) -> date:
    """Return the month so many later, or with a negative count earlier; within the years that a date can have."""
    number = min(max(month.year * 12 + month.month - 1 + count, 12), 9999 * 12 + 11)
    return date(number // 12, number % 12 + 1, 1)


def day_after(month: date) -> date:
    """Return the first day that is no longer in the month; the last month of all ends a day early."""
    return date.max if (month.year, month.month) == (9999, 12) else months_after(month, 1)
