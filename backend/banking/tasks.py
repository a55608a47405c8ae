"""What banking does by the clock and after an answer. Each is safe to run twice, and in several processes at once."""

import uuid

from celery import shared_task

from backend.banking.services import holds, patrolling, portfolios
from backend.banking.services.webhooks import delivering

HOLDS_S = 30
PATROL_S = 60
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
    portfolios.score_on(uuid.UUID(run_id))


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
