"""Transfers to be made on a day, or again and again: planned by their owner, carried out by a job.

An occurrence is sent in the same transaction that moves its plan on, with the plan's row locked, and the database
keeps a second transfer for it out: however often the job runs, and wherever it dies, each is sent once. One that cannot
be sent is tried again later on the same banking day where that may help, and then given up; the owner hears of both.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import structlog

from backend.audit import services as audit
from backend.banking import ledger, recurrence
from backend.banking.errors import (
    AccountFrozen,
    AccountUnknown,
    DayLimitExceeded,
    InsufficientFunds,
    InvalidField,
    PayeeUnavailable,
    ScheduleOver,
    ScheduleUnknown,
    TooManySchedules,
)
from backend.banking.limits import limits_of
from backend.banking.models import Account, AccountStatus, Rhythm, Schedule, ScheduleState
from backend.banking.selectors import people
from backend.banking.selectors.people import Payee
from backend.banking.services import standing, transfers
from backend.banking.services.transfers import Confirmation, Order
from backend.common.errors import DomainError
from backend.common.principal import Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.notifications import services as notifications
from backend.notifications.transfer_notices import ScheduleFailed

log = structlog.get_logger(__name__)

STEP_UP_ACTION = "transfer.plan"
PER_ACCOUNT_MAX = 50
AHEAD_MAX = timedelta(days=366 * 2)
TRIES = 4
TRY_AGAIN_AFTER = timedelta(hours=4)
AT_ONCE = 200
# What may be otherwise later on the same day.
PASSING = (InsufficientFunds, DayLimitExceeded, AccountFrozen, PayeeUnavailable)

State = ScheduleState


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be sent when. Days are those of the bank that the money leaves."""

    amount: Decimal
    rhythm: str
    starts_on: date
    ends_on: date | None = None
    memo: str = ""
    payee_name: str = ""

    def parameters(self) -> dict[str, str]:
        """Return it as a step-up token is bound to it."""
        ends = {"ends_on": str(self.ends_on)} if self.ends_on else {}
        return {"amount": str(self.amount), "rhythm": self.rhythm, "starts_on": str(self.starts_on), **ends}


def plan_transfer(
    *, actor: Principal, source_id: uuid.UUID, payee: Payee, plan: Plan, step_up_token: str = ""
) -> Schedule:
    """Plan a transfer from an account of the actor's, and return the plan. Its limits count anew on each day.

    From the bank's threshold on it takes a step-up token now, since nobody is there to show one later.
    Raises: KycRequired, AccountUnknown, PayeeUnknown, InvalidField (to itself, another currency, a day that is over or
    too far), AccountFrozen, AccountClosed, PayeeUnavailable, TransferLimitExceeded, TooManySchedules, StepUpRequired.
    Locks: the person, shared; both accounts by id.
    """
    plan = replace(plan, amount=ledger.checked_amount(plan.amount))
    with unit_of_work():
        ids = people.find_both(user_id=actor.id, source_id=source_id, payee=payee)
        transfers.require_two(*ids, "target")
        standing.keep_verified(actor.id)
        source, target = ledger.lock_accounts(*ids)
        _check(actor, source, target, plan)
        limits = limits_of(source.bank)
        limits.check(amount=plan.amount, sent_today=Decimal())
        is_own = target.customer.user_id == actor.id
        if not is_own and plan.amount >= limits.step_up_from:
            asked = {"source": str(source.pk), **payee.parameters(), **plan.parameters()}
            transfers.confirm(Confirmation(actor, payee, step_up_token), STEP_UP_ACTION, asked)
        schedule = Schedule.objects.create(
            source=source,
            target=target,
            amount=plan.amount,
            currency=source.currency,
            payee_name=plan.payee_name,
            memo=plan.memo,
            rhythm=plan.rhythm,
            starts_on=plan.starts_on,
            ends_on=plan.ends_on,
            due_on=plan.starts_on,
            due_at=recurrence.moment_of(plan.starts_on, time_zone=source.bank.time_zone),
            actor_id=actor.id,
        )
        _record(schedule, "schedule.created", actor.id, amount=str(plan.amount), rhythm=plan.rhythm)
    return schedule


def end_schedule(*, actor: Principal, schedule_id: uuid.UUID, ends_on: date | None) -> Schedule:
    """Say after which day nothing is sent any more (None: go on), and return the plan; one whose next day is behind
    that is over at once. Repeating changes nothing.

    Raises: ScheduleUnknown, ScheduleOver, InvalidField (before it began). Locks: the plan.
    """
    with unit_of_work():
        schedule = _own(actor, schedule_id)
        if ends_on is not None and ends_on < schedule.starts_on:
            raise InvalidField("ends_on", "A plan does not end before it begins.")
        if schedule.ends_on == ends_on:
            return schedule
        schedule.ends_on = ends_on
        if ends_on is not None and schedule.due_on is not None and schedule.due_on > ends_on:
            _end(schedule, State.ENDED)
        schedule.save()
        _record(schedule, "schedule.changed", actor.id, ends_on=str(ends_on))
    return schedule


def skip_next(*, actor: Principal, schedule_id: uuid.UUID, due_on: date) -> Schedule:
    """Leave out the next occurrence, and return the plan. The caller names its day, so that a repeat skips no second.

    Raises: ScheduleUnknown, ScheduleOver, InvalidField (another day is next). Locks: the plan.
    """
    with unit_of_work():
        schedule = _own(actor, schedule_id)
        if schedule.due_on != due_on:
            raise InvalidField("due_on", f"The next one is due on {schedule.due_on}.")
        _move_on(schedule)
        schedule.save()
        _record(schedule, "schedule.skipped", actor.id, due_on=str(due_on))
    return schedule


def cancel_schedule(*, actor: Principal, schedule_id: uuid.UUID) -> Schedule:
    """Send nothing of this plan any more, and return it. Repeating changes nothing.

    Raises: ScheduleUnknown, ScheduleOver (it had come to another end). Locks: the plan.
    """
    with unit_of_work():
        schedule = _found(actor, schedule_id)
        if schedule.state == State.CANCELLED:
            return schedule
        _require_active(schedule)
        _end(schedule, State.CANCELLED)
        schedule.save()
        _record(schedule, "schedule.cancelled", actor.id)
    return schedule


# By the clock


def due_now() -> list[uuid.UUID]:
    """Return the plans of which something is due, the longest waiting first; at most 200."""
    due = Schedule.objects.filter(state=State.ACTIVE, due_at__lte=datetime.now(UTC)).order_by("due_at")
    return list(due.values_list("pk", flat=True)[:AT_ONCE])


def run_one(*, schedule_id: uuid.UUID) -> bool:
    """Send the next occurrence of a plan if it is due; return whether a transfer was made (posted or held).

    Repeating, also at once: the plan's row is locked and read again, whoever comes second passes it over.
    Locks: the plan, then what `transfers.carry_out` locks. After commit: what that tells, or `schedule.failed`.
    """
    tried: tuple[date | None, int] = (None, 0)
    try:
        with unit_of_work() as unit:
            schedule = _due(schedule_id)
            if schedule is None:
                return False
            tried = (schedule.due_on, schedule.attempts)
            transfers.carry_out(unit, _order_of(schedule), None)
            _move_on(schedule)
            schedule.failure = ""
            schedule.save()
    except DomainError as fault:
        _note_failure(schedule_id, tried, fault)
        return False
    return True


def stop_schedules(*, account_id: uuid.UUID) -> None:
    """Stop what was planned from or to a closed account; their owners hear of it. Repeating it is safe.

    Locks: each plan by itself.
    """
    closed = Account.objects.filter(pk=account_id, status=AccountStatus.CLOSED)
    planned = Schedule.objects.filter(source__in=closed) | Schedule.objects.filter(target__in=closed)
    for pk in list(planned.filter(state=State.ACTIVE).order_by("pk").values_list("pk", flat=True)):
        with unit_of_work() as unit:
            schedule = _locked(pk)
            if schedule is not None and schedule.state == State.ACTIVE:
                _stop(unit, schedule, "account.closed")


def _check(actor: Principal, source: Account, target: Account, plan: Plan) -> None:
    if source.customer.user_id != actor.id:
        raise AccountUnknown
    standing.require_open(source)
    standing.require_taking(target)
    transfers.require_one_currency(source, target, "target")
    today = ledger.booked_on(source.bank, datetime.now(UTC))
    if not today <= plan.starts_on <= today + AHEAD_MAX:
        raise InvalidField("starts_on", "A day from today on, within two years.")
    if plan.ends_on is not None and (plan.ends_on < plan.starts_on or plan.rhythm == Rhythm.ONCE):
        raise InvalidField("ends_on", "A day from the first one on, for what is sent again and again.")
    if Schedule.objects.filter(source=source, state=State.ACTIVE).count() >= PER_ACCOUNT_MAX:
        raise TooManySchedules


def _found(actor: Principal, schedule_id: uuid.UUID) -> Schedule:
    schedule = _locked(schedule_id)
    if schedule is None or schedule.source.customer.user_id != actor.id:
        raise ScheduleUnknown
    return schedule


def _own(actor: Principal, schedule_id: uuid.UUID) -> Schedule:
    schedule = _found(actor, schedule_id)
    _require_active(schedule)
    return schedule


def _require_active(schedule: Schedule) -> None:
    if schedule.state != State.ACTIVE:
        raise ScheduleOver(state=schedule.state)


def _locked(schedule_id: uuid.UUID, *, skip_locked: bool = False) -> Schedule | None:
    rows = Schedule.objects.select_related("source__bank", "source__customer", "target")
    locked = rows.select_for_update(of=("self",), no_key=True, skip_locked=skip_locked)
    return locked.filter(pk=schedule_id).first()


def _due(schedule_id: uuid.UUID) -> Schedule | None:
    schedule = _locked(schedule_id, skip_locked=True)
    if schedule is None or schedule.due_at is None or schedule.due_at > datetime.now(UTC):
        return None
    return schedule


def _order_of(schedule: Schedule) -> Order:
    user_id = schedule.source.customer.user_id
    if user_id is None:
        raise AccountUnknown
    return Order(
        user_id=user_id,
        source_id=schedule.source_id,
        target_id=schedule.target_id,
        amount=schedule.amount,
        memo=schedule.memo,
        payee_name=schedule.payee_name,
        schedule=schedule,
        due_on=schedule.due_on,
    )


def _move_on(schedule: Schedule) -> None:
    """Set a locked plan to its next occurrence, or to its end."""
    found = recurrence.occurrence_until(
        rhythm=schedule.rhythm,
        starts_on=schedule.starts_on,
        ends_on=schedule.ends_on,
        position=schedule.position + 1,
    )
    schedule.attempts = 0
    if found is None:
        _end(schedule, State.ENDED)
        return
    schedule.position, schedule.due_on = schedule.position + 1, found
    schedule.due_at = recurrence.moment_of(found, time_zone=schedule.source.bank.time_zone)


def _end(schedule: Schedule, state: ScheduleState) -> None:
    schedule.state, schedule.due_on, schedule.due_at = state, None, None


def _stop(unit: UnitOfWork, schedule: Schedule, code: str) -> None:
    due_on, schedule.failure = schedule.due_on, code
    _end(schedule, State.STOPPED)
    schedule.save()
    _record(schedule, "schedule.stopped", None, code=code)
    _tell(unit, schedule, due_on, code, will_retry=False)


def _note_failure(schedule_id: uuid.UUID, tried: tuple[date | None, int], fault: DomainError) -> None:
    """Plan another try of the same occurrence, or give it up; tell its owner of the first failure and of giving up.

    Nothing is done when somebody else has moved the plan on meanwhile. Locks: the plan.
    """
    with unit_of_work() as unit:
        schedule = _locked(schedule_id)
        if schedule is None or schedule.state != State.ACTIVE or (schedule.due_on, schedule.attempts) != tried:
            return
        log.info("schedule.failed", schedule=str(schedule_id), code=fault.code)
        if AccountStatus.CLOSED in (schedule.source.status, schedule.target.status):
            _stop(unit, schedule, fault.code)
            return
        due_on, schedule.failure = schedule.due_on, fault.code
        again = datetime.now(UTC) + TRY_AGAIN_AFTER
        bank = schedule.source.bank
        same_day = ledger.booked_on(bank, again) == ledger.booked_on(bank, datetime.now(UTC))
        will_retry = isinstance(fault, PASSING) and schedule.attempts + 1 < TRIES and same_day
        if will_retry:
            schedule.attempts, schedule.due_at = schedule.attempts + 1, again
        else:
            _move_on(schedule)
        schedule.save()
        if not will_retry or tried[1] == 0:
            _record(schedule, "schedule.failed", None, code=fault.code, due_on=str(due_on), will_retry=will_retry)
            _tell(unit, schedule, due_on, fault.code, will_retry=will_retry)


def _tell(unit: UnitOfWork, schedule: Schedule, due_on: date | None, code: str, *, will_retry: bool) -> None:
    user_id = schedule.source.customer.user_id
    if user_id is None:
        return
    notice = ScheduleFailed(
        schedule_id=str(schedule.pk),
        account_id=str(schedule.source_id),
        amount=str(schedule.amount),
        currency=schedule.currency,
        due_on=str(due_on),
        code=code,
        will_retry=will_retry,
    )
    notifications.tell(unit, topics=[notifications.inbox_of(user_id)], notice=notice)


def _record(schedule: Schedule, action: str, actor_id: int | None, **facts: object) -> None:
    user_id = schedule.source.customer.user_id
    audit.record(actor_id=actor_id, action=action, target=schedule, facts=facts, subject_id=user_id)
