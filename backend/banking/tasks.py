"""What banking does by the clock. Each is safe to run twice, and in several processes at once."""

from uuid import UUID

from celery import shared_task

from backend.banking.services import holds, patrolling, schedules, statement_notices
from backend.common import jobs

HOLDS_S = 30
PATROL_S = 60
SCHEDULES_S = 30
STATEMENTS_S = 3600


@shared_task
def expire_holds() -> None:
    """Give back holds whose time ran out."""
    holds.expire_due_holds()


@shared_task
def patrol_ledger() -> None:
    """Verify the next stretch of the books."""
    patrolling.run()


@shared_task
def run_schedules() -> None:
    """Send the planned transfers that are due, each in a job of its own: one that meets a fault holds up no other."""
    for pk in schedules.due_now():
        jobs.enqueue(run_schedule, schedule_id=str(pk))


@shared_task
def run_schedule(schedule_id: str) -> None:
    schedules.run_one(schedule_id=UUID(schedule_id))


@shared_task
def stop_schedules(account_id: str) -> None:
    """Stop what was planned from or to an account that was closed."""
    schedules.stop_schedules(account_id=UUID(account_id))


@shared_task
def tell_of_statements() -> None:
    """Tell people that the statement of the month that has ended is there."""
    statement_notices.tell_due()
