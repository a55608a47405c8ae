"""What lending does by the clock. Safe to run twice, and in several processes at once."""

from celery import shared_task

from backend.banking.services.lending import collecting

COLLECT_S = 600


@shared_task(name="banking.collect_instalments")
def collect_instalments() -> None:
    """Collect what is due, remind of what will be, tell of what is late."""
    collecting.run()
