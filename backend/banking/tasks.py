"""What banking does by the clock. Each is safe to run twice, and in several processes at once."""

from celery import shared_task

from backend.banking.services import holds, patrolling

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
