"""The jobs of the partner door. Each may run twice, and in several processes at once."""

from celery import shared_task

from backend.banking.services.webhooks import delivering

DELIVER_S = 5
PRUNE_S = 24 * 3600


@shared_task(name="banking.deliver_webhooks")
def deliver_webhooks() -> None:
    """Send what is due of webhooks."""
    delivering.deliver_due()


@shared_task(name="banking.prune_webhooks")
def prune_webhooks() -> None:
    """Forget what was sent over 30 days ago."""
    delivering.prune()
