"""What runs by the clock."""

from datetime import UTC, datetime, timedelta

from celery import shared_task

from backend.assistant.models import Spending

SPENDING_KEPT_DAYS = 90


@shared_task
def prune() -> None:
    """Delete what people have used long ago. The tallies, which are about nobody, stay."""
    Spending.objects.filter(day__lt=datetime.now(UTC).date() - timedelta(days=SPENDING_KEPT_DAYS)).delete()
