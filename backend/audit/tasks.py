"""What the trail does by the clock. Each may run in several processes at once: an advisory lock lets one through."""

from celery import shared_task

from backend.audit.services import patrolling, sealing


@shared_task
def seal() -> None:
    """Link what is settled into the chain, and sign a checkpoint when one is due."""
    sealing.run()


@shared_task
def patrol() -> None:
    """Verify the next stretch of the chain."""
    patrolling.run()
