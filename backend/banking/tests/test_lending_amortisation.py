"""Schedules against an oracle in exact fractions, which shares no arithmetic with them (issue 08, build 2)."""

from calendar import monthrange
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from backend.banking import amortisation
from backend.banking.amortisation import Conditions, DayCount, Method, Uneven

ANNUITY, EQUAL = Method.ANNUITY, Method.EQUAL_PRINCIPAL
HALF_A_CENT = Fraction(1, 200)
CENT = Fraction(1, 100)

amounts = st.integers(1, 10**9).map(lambda cents: Decimal(cents) / 100)
rates = st.integers(0, 1_000_000).map(lambda parts: Decimal(parts) / 10_000)
days = st.dates(date(2000, 1, 1), date(2099, 12, 31))
conditions = st.builds(
    Conditions, annual_rate=rates, method=st.sampled_from(Method), day_count=st.sampled_from(DayCount)
)
relaxed = settings(max_examples=150, deadline=None)


def rate_of(given_conditions: Conditions, start: date, end: date) -> Fraction:
    """What a unit costs from a day to another, exactly, counted here day by day and month by month."""
    if given_conditions.day_count == DayCount.ACTUAL_365:
        part = Fraction(end.toordinal() - start.toordinal(), 365)
    else:
        first, last = (day.year * 360 + day.month * 30 + (30 if day.day == 31 else day.day) for day in (start, end))
        part = Fraction(last - first, 360)
    return Fraction(given_conditions.annual_rate) / 100 * part


def periods_of(start: date, dues: list[date]) -> list[tuple[date, date]]:
    return list(zip([start, *dues[:-1]], dues, strict=True))


def exact_annuity(amount: Decimal, given_conditions: Conditions, start: date, dues: list[date]) -> Fraction:
    """The payment that, by compounding forwards, leaves exactly nothing: amount * G / S."""
    grown, summed = Fraction(1), Fraction(0)
    for period in periods_of(start, dues):
        factor = 1 + rate_of(given_conditions, *period)
        grown, summed = grown * factor, summed * factor + 1
    return Fraction(amount) * grown / summed


def half_up(value: Fraction) -> Fraction:
    return Fraction(floor(value * 100 + Fraction(1, 2)), 100)


def made(amount, given_conditions, start, months):
    dues = amortisation.due_dates(start, months)
    try:
        rows = amortisation.schedule(amount=amount, conditions=given_conditions, start=start, dues=dues)
    except Uneven:
        return dues, None
    return dues, rows


@relaxed
@given(amounts, conditions, days, st.integers(1, 120))
def test_a_schedule_adds_up_to_the_cent(amount, given_conditions, start, months):
    dues, rows = made(amount, given_conditions, start, months)
    assume(rows is not None)

    assert [row.due_on for row in rows] == dues
    assert sum(row.principal for row in rows) == amount
    balance = Fraction(amount)
    for row, period in zip(rows, periods_of(start, dues), strict=True):
        exact = balance * rate_of(given_conditions, *period)
        assert abs(Fraction(row.interest) - exact) <= HALF_A_CENT
        assert Fraction(row.interest) == half_up(exact)
        balance -= Fraction(row.principal)
        assert Fraction(row.balance) == balance
        assert row.principal >= Decimal("0.01")
        assert row.interest >= 0 <= row.balance
        assert all(value.as_tuple().exponent == -2 for value in (row.principal, row.interest, row.balance))
    assert rows[-1].balance == 0


@relaxed
@given(amounts, rates, st.sampled_from(DayCount), days, st.integers(1, 60))
def test_an_annuity_is_level_but_for_what_rounding_leaves_to_the_last(amount, rate, day_count, start, months):
    terms = Conditions(annual_rate=rate, method=ANNUITY, day_count=day_count)
    dues, rows = made(amount, terms, start, months)
    assume(rows is not None)
    exact = exact_annuity(amount, terms, start, dues)
    level = amortisation.level_of(amount=amount, conditions=terms, start=start, dues=dues)

    assert abs(Fraction(level) - exact) <= HALF_A_CENT
    assert {row.payment for row in rows[:-1]} <= {level}
    # What each rounding moved, by half a cent at most, has grown with the rates behind it.
    grown = Fraction(0)
    for period in periods_of(start, dues):
        grown = grown * (1 + rate_of(terms, *period)) + CENT
    assert abs(Fraction(rows[-1].payment) - exact) <= grown
    assert rows[-1].payment < 2 * level


@relaxed
@given(amounts, rates, st.sampled_from(DayCount), days, st.integers(1, 120))
def test_equal_parts_differ_by_a_cent_at_most(amount, rate, day_count, start, months):
    _, rows = made(amount, Conditions(annual_rate=rate, method=EQUAL, day_count=day_count), start, months)

    assert (rows is None) == (amount * 100 < months)
    if rows:
        parts = [row.principal for row in rows]
        assert max(parts) - min(parts) <= Decimal("0.01")


@relaxed
@given(
    st.integers(50_000, 10**9).map(lambda cents: Decimal(cents) / 100),
    st.integers(0, 240_000).map(lambda parts: Decimal(parts) / 10_000),
    st.sampled_from(Method),
    st.sampled_from(DayCount),
    days,
    st.integers(1, 84),
)
def test_what_people_borrow_is_never_too_little(amount, rate, method, day_count, start, months):
    """500 and more, up to 24 % a year, for up to seven years."""
    assert made(amount, Conditions(annual_rate=rate, method=method, day_count=day_count), start, months)[1] is not None


@relaxed
@given(amounts, conditions, days, st.integers(1, 60), st.data())
def test_a_part_repaid_early_leaves_a_schedule_that_adds_up(amount, terms, start, months, data):
    """Either way: the rest over the same dates in lower instalments, or in instalments as high for a shorter time."""
    dues, rows = made(amount, terms, start, months)
    assume(rows is not None)
    place = data.draw(st.integers(0, months - 1))
    owed = amount if place == 0 else rows[place - 1].balance
    since = start if place == 0 else dues[place - 1]
    day = date.fromordinal(data.draw(st.integers(since.toordinal(), dues[place].toordinal() - 1)))
    left = owed - Decimal(data.draw(st.integers(0, int(owed * 100) - 1))) / 100
    level = amortisation.level_of(amount=amount, conditions=terms, start=start, dues=dues)
    accrued = amortisation.interest_for(owed, terms, since, day)
    assert Fraction(accrued) == half_up(Fraction(owed) * rate_of(terms, since, day))

    for again in (
        lambda: amortisation.schedule(amount=left, conditions=terms, start=day, dues=dues[place:]),
        lambda: amortisation.shortened(amount=left, conditions=terms, start=day, dues=dues[place:], level=level),
    ):
        try:
            plan = again()
        except Uneven:
            continue
        assert sum(row.principal for row in plan) == left
        assert (plan[-1].balance, len(plan) <= months - place) == (0, True)
        assert min(row.principal for row in plan) >= Decimal("0.01")
        assert [row.due_on for row in plan] == dues[place : place + len(plan)]
        assert plan[0].interest == amortisation.interest_for(left, terms, day, dues[place])
    if terms.method == ANNUITY and place + len(plan) < months:
        assert {row.payment for row in plan[:-1]} <= {level}
        assert plan[-1].payment <= level


@relaxed
@given(amounts, st.integers(1, 600_000).map(lambda parts: Decimal(parts) / 10_000), days, st.integers(1, 24))
def test_the_annual_rate_is_the_one_at_which_the_payments_are_worth_the_amount(amount, rate, start, months):
    """Halfway to the next hundredth of a percent on either side, the payments are worth more, and less."""
    assume(amount >= 100)
    terms = Conditions(annual_rate=rate, method=ANNUITY, day_count=DayCount.THIRTY_360)
    _, rows = made(amount, terms, start, months)
    assume(rows is not None)
    said = amortisation.apr_of(amount, start, [(row.due_on, row.payment) for row in rows])

    def worth(percent: Fraction) -> Fraction:
        return sum(
            Fraction(row.payment) / (1 + float(percent) / 100) ** (float(rate_of(ONE, start, row.due_on)))
            for row in rows
        )

    slack = float(amount) * 1e-9
    assert worth(Fraction(said) - Fraction(6, 1000)) >= float(amount) - slack
    assert worth(Fraction(said) + Fraction(6, 1000)) <= float(amount) + slack


ONE = Conditions(annual_rate=Decimal(100), method=ANNUITY, day_count=DayCount.THIRTY_360)


@given(days, st.integers(1, 480))
@settings(max_examples=60, deadline=None)
def test_due_dates_are_a_month_apart(start, months):
    dues = amortisation.due_dates(start, months)

    assert len(dues) == months
    assert all(
        (last.year * 12 + last.month) - (first.year * 12 + first.month) == 1 for first, last in periods_of(start, dues)
    )
    assert {day.day for day in dues} == {min(start.day, 28)}
    assert all(day.day <= monthrange(day.year, day.month)[1] for day in dues)


# Worked by hand


def test_a_worked_annuity():
    """12,000 at 6 % over 12 months: 0.5 % a month, 1,032.80 each (1,032.7972), the textbook's figure."""
    terms = Conditions(annual_rate=Decimal(6), method=ANNUITY, day_count=DayCount.THIRTY_360)
    start = date(2026, 1, 15)
    _, rows = made(Decimal("12000.00"), terms, start, 12)

    assert [str(part) for part in (rows[0].interest, rows[0].principal, rows[0].balance)] == [
        "60.00",
        "972.80",
        "11027.20",
    ]
    assert {str(row.payment) for row in rows[:-1]} == {"1032.80"}
    assert str(rows[-1].payment) == "1032.78"
    assert str(sum(row.interest for row in rows)) == "393.58"
    assert str(amortisation.apr_of(Decimal(12000), start, [(row.due_on, row.payment) for row in rows])) == "6.17"


def test_worked_equal_parts_by_the_calendar():
    """1,000 at 7.3 %: 0.02 % a day. 31 days of January's 1,000 are 6.20, 28 of 666.67 are 3.73, 31 of 333.34 2.07."""
    terms = Conditions(annual_rate=Decimal("7.3"), method=EQUAL, day_count=DayCount.ACTUAL_365)
    _, rows = made(Decimal("1000.00"), terms, date(2026, 1, 1), 3)

    assert [(row.due_on.isoformat(), str(row.principal), str(row.interest), str(row.balance)) for row in rows] == [
        ("2026-02-01", "333.33", "6.20", "666.67"),
        ("2026-03-01", "333.33", "3.73", "333.34"),
        ("2026-04-01", "333.34", "2.07", "0.00"),
    ]


@pytest.mark.parametrize(
    ("start", "end", "thirty", "actual"),
    [
        ("2026-01-31", "2026-02-28", 28, 28),
        ("2026-02-28", "2026-03-28", 30, 28),
        ("2028-02-28", "2028-03-28", 30, 29),
        ("2026-03-30", "2026-03-31", 0, 1),
        ("2026-12-31", "2027-12-31", 360, 365),
        ("2026-05-10", "2026-05-10", 0, 0),
    ],
)
def test_how_days_are_counted(start, end, thirty, actual):
    begin, stop = date.fromisoformat(start), date.fromisoformat(end)
    assert amortisation.days_between(DayCount.THIRTY_360, begin, stop) == thirty
    assert amortisation.days_between(DayCount.ACTUAL_365, begin, stop) == actual


def test_halves_are_rounded_up():
    """10.00 at 3 % for a month of 30 days is 0.025."""
    terms = Conditions(annual_rate=Decimal(3), method=ANNUITY, day_count=DayCount.THIRTY_360)
    assert amortisation.interest_for(Decimal(10), terms, date(2026, 1, 1), date(2026, 2, 1)) == Decimal("0.03")
    assert amortisation.interest_for(Decimal(10), terms, date(2026, 2, 1), date(2026, 1, 1)) == 0


def test_what_rounding_would_shape_is_refused():
    """Twelve cents over twelve months go; eleven do not; nor does what never gets past its interest."""
    free = Conditions(annual_rate=Decimal(0), method=EQUAL, day_count=DayCount.THIRTY_360)
    dear = Conditions(annual_rate=Decimal(100), method=ANNUITY, day_count=DayCount.THIRTY_360)
    assert {row.principal for row in made(Decimal("0.12"), free, date(2026, 1, 1), 12)[1]} == {Decimal("0.01")}
    assert made(Decimal("0.11"), free, date(2026, 1, 1), 12)[1] is None
    assert made(Decimal("100.00"), dear, date(2026, 1, 1), 480)[1] is None


def test_nothing_is_charged_where_the_rate_is_nothing():
    free = Conditions(annual_rate=Decimal(0), method=ANNUITY, day_count=DayCount.ACTUAL_365)
    start = date(2026, 1, 31)
    _, rows = made(Decimal("100.00"), free, start, 3)
    assert [str(row.payment) for row in rows] == ["33.33", "33.33", "33.34"]
    assert amortisation.apr_of(Decimal(100), start, [(row.due_on, row.payment) for row in rows]) == 0
