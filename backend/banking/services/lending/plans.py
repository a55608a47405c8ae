"""A loan's schedule as rows, and what of it comes next. Called with everything locked (ground.py)."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from backend.banking import amortisation
from backend.banking.amortisation import Conditions, Row, Uneven
from backend.banking.lending_errors import TermsTooThin
from backend.banking.models import Instalment, InstalmentState
from backend.banking.services.lending.ground import Standing, conditions_of


def planned(*, amount: Decimal, conditions: Conditions, months: int, start: date) -> list[Row]:
    """Return the schedule that a loan would have if it began on a day. Raises: TermsTooThin."""
    dues = amortisation.due_dates(start, months)
    try:
        return amortisation.schedule(amount=amount, conditions=conditions, start=start, dues=dues)
    except Uneven:
        raise TermsTooThin from None


def begin(standing: Standing, *, today: date) -> None:
    """Make the schedule of a loan that is paid out today. Raises: TermsTooThin."""
    loan, terms = standing.loan, standing.terms
    amount, conditions = loan.current_loan_amount, conditions_of(terms)
    rows = planned(amount=amount, conditions=conditions, months=terms.months, start=today)
    dues = [row.due_on for row in rows]
    terms.started_on = terms.interest_from = today
    terms.level = amortisation.level_of(amount=amount, conditions=conditions, start=today, dues=dues)
    terms.apr = amortisation.apr_of(amount, today, [(row.due_on, row.payment) for row in rows])
    _store(standing, rows, first=1)
    follow(standing)


def replace_open(standing: Standing, rows: Sequence[Row]) -> None:
    """Put other instalments in the place of all that are open, and are not due yet."""
    left = open_instalments(standing)
    first = left[0].number
    Instalment.objects.filter(pk__in=[one.pk for one in left]).delete()
    _store(standing, rows, first=first)
    follow(standing)


def open_instalments(standing: Standing) -> list[Instalment]:
    """Return what is not paid, in order."""
    rows = Instalment.objects.filter(loan=standing.loan, state=InstalmentState.OPEN)
    return list(rows.order_by("number"))


def follow(standing: Standing) -> None:
    """Say on the terms which instalment is next, and save them. What was told about it is told anew when it changes."""
    terms = standing.terms
    following = Instalment.objects.filter(loan=standing.loan, state=InstalmentState.OPEN).order_by("number").first()
    if following is None:
        terms.next_due_on = terms.next_amount = terms.late_on = None
    else:
        if following.due_on != terms.next_due_on:
            terms.late_told_on = None
        terms.next_due_on = following.due_on
        terms.next_amount = following.principal + following.interest
        terms.late_on = following.due_on + timedelta(days=terms.grace_days + 1)
    terms.save()


def _store(standing: Standing, rows: Sequence[Row], *, first: int) -> None:
    Instalment.objects.bulk_create(
        Instalment(
            loan=standing.loan,
            number=number,
            due_on=row.due_on,
            principal=row.principal,
            interest=row.interest,
            balance=row.balance,
        )
        for number, row in enumerate(rows, first)
    )
