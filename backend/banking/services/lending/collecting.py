"""What happens on due dates by itself: reminders, collection, and what is said when there is not enough.

The clock calls `run` again and again; everything here may run twice, and in two processes at once. Each loan is a unit
of work of its own, so that one that fails keeps none of the others waiting.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.db.models import F, Q

from backend.banking.models import AccountStatus, Bank, Instalment, InstalmentState, LoanState, LoanTerms
from backend.banking.services.lending import repaying
from backend.banking.services.lending.ground import Running, Standing, lock_standing, tell_holder
from backend.common.database import dropped
from backend.common.unit_of_work import unit_of_work
from backend.notifications import services as notifications
from backend.notifications.lending_notices import InstalmentDue, InstalmentLate, InstalmentMissed

log = structlog.get_logger(__name__)

PAGE = 500


def run(*, now: datetime | None = None) -> None:
    """Collect what is due, remind of what will be, tell of what is late; by the day of each bank's own time zone."""
    now = now or datetime.now(UTC)
    for zone in Bank.objects.order_by().values_list("time_zone", flat=True).distinct():
        today = now.astimezone(ZoneInfo(zone)).date()
        for ids, act in (
            (_collectable(zone, today), collect),
            (_to_remind(zone, today), remind),
            (_to_warn(zone, today), warn),
        ):
            for loan_id in ids:
                _guarded(act, loan_id, today)


def collect(*, loan_id: UUID, today: date) -> int:
    """Take every instalment of a loan that is due from its account, oldest first, and return how many were paid.

    Each is taken whole or not at all, in a unit of work of its own. Where the account has not got it, or is not open,
    the person is told once for each due date; the next run tries again.
    Repeating, or twice at once: each is paid once. Locks: the account, then the loan.
    After commit: `loan.repaid`, `loan.paid` with the last one, `instalment.missed`.
    """
    paid = 0
    while _collect_one(loan_id, today):
        paid += 1
    return paid


def remind(*, loan_id: UUID, today: date) -> bool:
    """Tell the person of the instalment that comes next, once; return whether they were told.

    Locks: the loan's terms. After commit: `instalment.due`.
    """
    with unit_of_work() as unit:
        terms = _terms(loan_id, _coming(today))
        if terms is None:
            return False
        terms.reminded_for = terms.next_due_on
        terms.save(update_fields=["reminded_for"])
        notice = InstalmentDue(
            loan_id=str(loan_id),
            account_id=str(terms.loan.account_id),
            amount=str(terms.next_amount),
            currency=terms.loan.currency,
            due_on=str(terms.next_due_on),
        )
        tell_holder(unit, terms.loan.account, notice)
    return True


def warn(*, loan_id: UUID, today: date) -> bool:
    """Tell the person and the desk that an instalment is late: when the days of grace are over, and again every so
    many days (`LOAN_LATE_NOTICE_DAYS`). Returns whether they were told.

    Locks: the loan's terms. After commit: `instalment.late`.
    """
    with unit_of_work() as unit:
        terms = _terms(loan_id, _late(today))
        if terms is None:
            return False
        terms.late_told_on = today
        terms.save(update_fields=["late_told_on"])
        notice = InstalmentLate(
            loan_id=str(loan_id),
            account_id=str(terms.loan.account_id),
            bank_id=str(terms.bank_id),
            amount=str(terms.next_amount),
            currency=terms.loan.currency,
            due_on=str(terms.next_due_on),
            days_late=(today - Running.of(terms).next_due_on).days,
        )
        tell_holder(unit, terms.loan.account, notice)
        notifications.tell(unit, topics=[notifications.DESK_BANK_ADMIN], notice=notice)
    return True


def _collect_one(loan_id: UUID, today: date) -> bool:
    with unit_of_work() as unit:
        standing = lock_standing(loan_id)
        terms, account = standing.terms, standing.account
        if standing.loan.state != LoanState.ACTIVE or terms.next_due_on is None or terms.next_due_on > today:
            return False
        if account.status == AccountStatus.OPEN and account.available >= Running.of(terms).next_amount:
            rows = Instalment.objects.filter(loan=standing.loan, state=InstalmentState.OPEN)
            repaying.settle_instalment(unit, standing, rows.order_by("number")[0], today=today, actor_id=None)
            return True
        if terms.missed_for != terms.next_due_on:
            terms.missed_for = terms.next_due_on
            terms.save(update_fields=["missed_for"])
            tell_holder(unit, account, _missed(standing))
    return False


def _missed(standing: Standing) -> InstalmentMissed:
    terms, loan = standing.terms, standing.loan
    return InstalmentMissed(
        loan_id=str(loan.pk),
        account_id=str(loan.account_id),
        amount=str(terms.next_amount),
        currency=loan.currency,
        due_on=str(terms.next_due_on),
        late_on=str(terms.late_on),
    )


def _terms(loan_id: UUID, wanted: Q) -> LoanTerms | None:
    """Return the terms of a loan of which there is something to tell, locked; None when somebody has told it."""
    rows = LoanTerms.objects.select_related("loan__account__customer").select_for_update(of=("self",), no_key=True)
    return rows.filter(wanted, pk=loan_id).first()


def _coming(today: date) -> Q:
    soon = Q(next_due_on__gt=today, next_due_on__lte=today + timedelta(days=settings.LOAN_REMINDER_DAYS))
    return soon & (Q(reminded_for__isnull=True) | ~Q(reminded_for=F("next_due_on")))


def _late(today: date) -> Q:
    again = today - timedelta(days=settings.LOAN_LATE_NOTICE_DAYS)
    return Q(late_on__lte=today) & (Q(late_told_on__isnull=True) | Q(late_told_on__lte=again))


def _collectable(zone: str, today: date) -> Iterator[UUID]:
    """The loans whose account has what is due, and those whose people do not know yet that it has not."""
    covered = Q(
        loan__account__status=AccountStatus.OPEN,
        loan__account__balance__gte=F("loan__account__held") + F("next_amount"),
    )
    untold = Q(missed_for__isnull=True) | ~Q(missed_for=F("next_due_on"))
    return _pages(zone, Q(next_due_on__lte=today) & (covered | untold))


def _to_remind(zone: str, today: date) -> Iterator[UUID]:
    return _pages(zone, _coming(today))


def _to_warn(zone: str, today: date) -> Iterator[UUID]:
    return _pages(zone, _late(today))


def _pages(zone: str, wanted: Q) -> Iterator[UUID]:
    """The ids of loans at banks of a time zone, a page at a time: none is locked or held in memory meanwhile."""
    rows = LoanTerms.objects.filter(wanted, bank__time_zone=zone, loan__state=LoanState.ACTIVE).order_by("pk")
    last: UUID | None = None
    while True:
        page = list((rows if last is None else rows.filter(pk__gt=last)).values_list("pk", flat=True)[:PAGE])
        yield from page
        if len(page) < PAGE:
            return
        last = page[-1]


def _guarded(act: Callable[..., object], loan_id: UUID, today: date) -> None:
    try:
        act(loan_id=loan_id, today=today)
    except Exception as fault:  # The others must not wait for one that fails; the next run tries it again.
        if dropped(fault):
            raise
        log.exception("loan.not_moved", loan=str(loan_id), act=act.__name__)
