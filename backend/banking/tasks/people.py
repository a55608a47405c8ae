"""The jobs of the customer door. Each may run twice, and in several processes at once.

The sweeps give each plan and each hold a job of its own: one that meets a fault holds up no other.
"""

from uuid import UUID

from celery import shared_task

from backend.banking.services import held_transfers, schedules, statement_notices
from backend.common import jobs


@shared_task(name="banking.run_schedules")
def run_schedules() -> None:
    """Send the planned transfers that are due."""
    for pk in schedules.due_now():
        jobs.enqueue(run_schedule, schedule_id=str(pk))


@shared_task(name="banking.run_schedule")
def run_schedule(schedule_id: str) -> None:
    schedules.run_one(schedule_id=UUID(schedule_id))


@shared_task(name="banking.stop_schedules")
def stop_schedules(account_id: str) -> None:
    """Stop what was planned from or to an account that was closed."""
    schedules.stop_schedules(account_id=UUID(account_id))


@shared_task(name="banking.expire_holds")
def expire_holds() -> None:
    """Give back what was held for a decision that never came."""
    for pk in held_transfers.due_now():
        jobs.enqueue(expire_hold, transfer_id=str(pk))


@shared_task(name="banking.expire_hold")
def expire_hold(transfer_id: str) -> None:
    held_transfers.expire(transfer_id=UUID(transfer_id))


@shared_task(name="banking.tell_of_statements")
def tell_of_statements() -> None:
    """Tell people that the statement of the month that has ended is there."""
    statement_notices.tell_due()
