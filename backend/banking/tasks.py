"""What banking does by the clock and after an answer. Each is safe to run twice, and in several processes at once."""

from uuid import UUID

from celery import shared_task

from backend.banking.services import holds, patrolling, portfolios, schedules, statement_notices
from backend.banking.services.loads import running, sweeping
from backend.banking.services.webhooks import delivering
from backend.common import jobs

HOLDS_S = 30
LOADS_S = 30
LOADS_PRUNED_S = 24 * 3600
PATROL_S = 60
SCHEDULES_S = 30
STATEMENTS_S = 3600
WEBHOOKS_S = 5
WEBHOOKS_PRUNED_S = 24 * 3600


@shared_task
def expire_holds() -> None:
    """Give back holds whose time ran out."""
    holds.expire_due_holds()


@shared_task
def patrol_ledger() -> None:
    """Verify the next stretch of the books."""
    patrolling.run()


@shared_task(name="banking.score_portfolio")
def score_portfolio(run_id: str) -> None:
    portfolios.score_on(UUID(run_id))


@shared_task(name="banking.resume_scoring")
def resume_scoring() -> int:
    return portfolios.resume_stuck()


@shared_task(name="banking.purge_scoring")
def purge_scoring() -> int:
    return portfolios.purge_old()


@shared_task(name="banking.deliver_webhooks")
def deliver_webhooks() -> None:
    """Send what is due of webhooks."""
    delivering.deliver_due()


@shared_task(name="banking.prune_webhooks")
def prune_webhooks() -> None:
    """Forget what was sent over 30 days ago."""
    delivering.prune()


@shared_task(name="banking.run_schedules")
def run_schedules() -> None:
    """Send the planned transfers that are due, each in a job of its own: one that meets a fault holds up no other."""
    for pk in schedules.due_now():
        jobs.enqueue(run_schedule, schedule_id=str(pk))


@shared_task(name="banking.run_schedule")
def run_schedule(schedule_id: str) -> None:
    schedules.run_one(schedule_id=UUID(schedule_id))


@shared_task(name="banking.stop_schedules")
def stop_schedules(account_id: str) -> None:
    """Stop what was planned from or to an account that was closed."""
    schedules.stop_schedules(account_id=UUID(account_id))


@shared_task(name="banking.tell_of_statements")
def tell_of_statements() -> None:
    """Tell people that the statement of the month that has ended is there."""
    statement_notices.tell_due()


@shared_task(name="banking.load_part")
def load_part(part_id: int) -> None:
    """Do what is left of a part of a file."""
    running.run_part(part_id)


@shared_task(name="banking.resume_loads")
def resume_loads() -> int:
    """Take up the parts of files that nobody works on."""
    return sweeping.resume_stuck()


@shared_task(name="banking.prune_loads")
def prune_loads() -> int:
    """Forget the bad lines of files that were loaded over 30 days ago."""
    return sweeping.prune()
