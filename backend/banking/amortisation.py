"""How a loan is paid back: due dates, interest, schedules. Pure: dates and decimals in, rows out.

The rules, which `backend/docs/lending.md` tells people:

1. Instalments are due monthly, on the day of the month on which the loan began, on the 28th at the latest.
2. Interest of a period is balance * rate * days / year. `30E/360` counts every month as 30 days (a 31st is a 30th) of a
   year of 360; `actual/365` counts the days of the calendar over 365, in leap years too. Neither counts the last day.
3. Interest and the annuity are rounded to the cent, halves up, each once; nothing else is. A period's interest is
   computed from the balance in whole cents that is really owed then.
4. An annuity's instalments are equal, but for the last one, which takes what rounding has left. Equal parts of the
   principal differ by a cent at most. Principal parts sum to the amount exactly, and every one is at least a cent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, localcontext
from enum import StrEnum

ZERO = Decimal("0.00")
CENT = Decimal("0.01")
LAST_DAY = 28
# Far more places than money has: what is rounded to the cent is rounded once.
EXACT = Context(prec=60)
STEPS_MAX = 400


class Method(StrEnum):
    ANNUITY = "annuity"
    EQUAL_PRINCIPAL = "equal_principal"


class DayCount(StrEnum):
    THIRTY_360 = "30E/360"
    ACTUAL_365 = "actual/365"


class Uneven(ValueError):
    """The amount is so small for so many instalments that rounding to the cent would shape them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """`annual_rate` is in percent of the balance for a year."""

    annual_rate: Decimal
    method: Method
    day_count: DayCount


@dataclass(frozen=True, slots=True)
class Row:
    """An instalment to be; `balance` is what is owed behind it."""

    due_on: date
    principal: Decimal
    interest: Decimal
    balance: Decimal

    @property
    def payment(self) -> Decimal:
        return self.principal + self.interest


def due_dates(start: date, months: int) -> list[date]:
    """Return the due dates of a loan that begins on a day, each counted from that day."""
    day = min(start.day, LAST_DAY)
    places = range(start.month, start.month + months)
    return [date(start.year + place // 12, place % 12 + 1, day) for place in places]


def days_between(day_count: DayCount, start: date, end: date) -> int:
    """Return for how many days interest runs from a day to a later one."""
    if day_count == DayCount.ACTUAL_365:
        return (end - start).days
    months = (end.year - start.year) * 12 + end.month - start.month
    return months * 30 + min(end.day, 30) - min(start.day, 30)


def interest_for(balance: Decimal, conditions: Conditions, start: date, end: date) -> Decimal:
    """Return what a balance costs from a day to another, to the cent; nothing, where that is not later."""
    with localcontext(EXACT):
        return _cents(balance * _rate(conditions, start, end)) if end > start else ZERO


def level_of(*, amount: Decimal, conditions: Conditions, start: date, dues: Sequence[date]) -> Decimal:
    """Return what every instalment has in common: of an annuity what is paid, else the part of the principal."""
    with localcontext(EXACT):
        if conditions.method == Method.EQUAL_PRINCIPAL:
            return _cents(amount / len(dues))
        # What one unit paid on each due date is worth at the start, from the last one backwards.
        worth = Decimal(0)
        for begin, end in reversed(list(zip([start, *dues], dues, strict=False))):
            worth = (worth + 1) / (1 + _rate(conditions, begin, end))
        return _cents(amount / worth)


def schedule(*, amount: Decimal, conditions: Conditions, start: date, dues: Sequence[date]) -> list[Row]:
    """Return an instalment for each due date: together they pay back the amount that is owed from `start` on.

    The first period may be of any length, so this also goes on with a loan of which a part was repaid early.
    Raises: Uneven.
    """
    level = level_of(amount=amount, conditions=conditions, start=start, dues=dues)

    def principal_of(place: int, balance: Decimal, interest: Decimal) -> Decimal:
        if place == len(dues):
            return balance
        if conditions.method == Method.ANNUITY:
            return level - interest
        return balance - (amount - _share(amount, place, len(dues)))

    rows = _rows(amount, conditions, start, dues, principal_of)
    is_even = len(rows) == len(dues) and all(row.principal >= CENT for row in rows)
    if not is_even or (conditions.method == Method.ANNUITY and rows[-1].payment >= 2 * level):
        raise Uneven
    return rows


def shortened(
    *, amount: Decimal, conditions: Conditions, start: date, dues: Sequence[date], level: Decimal
) -> list[Row]:
    """Return instalments as high as they were, for as many of the due dates as it takes.

    `level` is what `level_of` said of the loan before; a last due date takes whatever is left.
    Raises: Uneven, where the level does not pay for more than the interest.
    """

    def principal_of(place: int, balance: Decimal, interest: Decimal) -> Decimal:
        part = level - interest if conditions.method == Method.ANNUITY else level
        return balance if place == len(dues) else min(part, balance)

    rows = _rows(amount, conditions, start, dues, principal_of)
    if any(row.principal < CENT for row in rows):
        raise Uneven
    return rows


def apr_of(amount: Decimal, start: date, payments: Sequence[tuple[date, Decimal]]) -> Decimal:
    """Return the effective annual rate in percent, to two places: at which the payments are worth the amount.

    Time runs in years of twelve equal months (30E/360), compounding included, whatever the loan's own day count.
    """
    days = [days_between(DayCount.THIRTY_360, start, day) for day, _ in payments]
    with localcontext(EXACT):
        # Newton's method for the worth a day later of one unit. The worth of all payments is convex in it, and 1 is not
        # below the root, so every step comes nearer from above.
        factor = Decimal(1)
        for _ in range(STEPS_MAX):
            worth = slope = Decimal(0)
            for count, (_, paid) in zip(days, payments, strict=True):
                power = paid * factor ** (count - 1)
                worth += power * factor
                slope += power * count
            step = (worth - amount) / slope
            factor -= step
            if abs(step) < Decimal("1e-30"):
                break
        return _cents(((1 / factor) ** 360 - 1) * 100)


def _rows(
    amount: Decimal,
    conditions: Conditions,
    start: date,
    dues: Sequence[date],
    principal_of: Callable[[int, Decimal, Decimal], Decimal],
) -> list[Row]:
    rows: list[Row] = []
    balance, since = _cents(amount), start
    for place, due_on in enumerate(dues, 1):
        interest = interest_for(balance, conditions, since, due_on)
        principal = principal_of(place, balance, interest)
        balance, since = balance - principal, due_on
        rows.append(Row(due_on, principal, interest, balance))
        if balance <= ZERO:
            break
    return rows


def _rate(conditions: Conditions, start: date, end: date) -> Decimal:
    year = 360 if conditions.day_count == DayCount.THIRTY_360 else 365
    return conditions.annual_rate * days_between(conditions.day_count, start, end) / (100 * year)


def _share(amount: Decimal, place: int, places: int) -> Decimal:
    """Return what of the amount is repaid behind this many equal parts, to the cent."""
    with localcontext(EXACT):
        return (amount * place / places).quantize(CENT, ROUND_FLOOR)


def _cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)
