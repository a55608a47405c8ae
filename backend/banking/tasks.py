"""What banking does by the clock and after an answer. Each is safe to run twice, and in several processes at once."""

import uuid

from celery import shared_task

from backend.banking.services import holds, patrolling, portfolios

HOLDS_S = 30
PATROL_S = 60


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
    portfolios.score_on(uuid.UUID(run_id))


@shared_task(name="banking.resume_scoring")
def resume_scoring() -> int:
    return portfolios.resume_stuck()


@shared_task(name="banking.purge_scoring")
def purge_scoring() -> int:
    return portfolios.purge_old()
