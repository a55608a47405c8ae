"""What runs by the clock."""

from celery import shared_task

from backend.notifications.services import deliveries


@shared_task
def deliver_due() -> None:
    deliveries.deliver_due()


@shared_task
def prune() -> None:
    deliveries.prune()
