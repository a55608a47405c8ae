"""How long verdicts, alerts and trials are kept (design.md section 8: retention jobs)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from backend.fraud.models import Assessment, DryRun, FraudAlert, Snooze

AT_ONCE = 1000
DRY_RUNS_KEPT = timedelta(days=90)


def prune() -> int:
    """Delete decided alerts, verdicts and ended snoozes older than `FRAUD_KEPT_DAYS`, dry runs older than 90 days.

    Returns how many rows that were. In steps of 1,000, so it can be stopped and run again at any time.

    A verdict on a transfer that is kept for longer is let go by it (`Transfer.assessment` becomes null).
    """
    now = datetime.now(UTC)
    edge = now - timedelta(days=settings.FRAUD_KEPT_DAYS)
    over: tuple[QuerySet[Any], ...] = (
        FraudAlert.objects.filter(created_at__lt=edge).exclude(status__in=FraudAlert.UNDECIDED),
        Assessment.objects.filter(at__lt=edge, alert=None),
        Snooze.objects.filter(until__lt=edge),
        DryRun.objects.filter(asked_at__lt=now - DRY_RUNS_KEPT),
    )
    return sum(_delete(rows) for rows in over)


def _delete(rows: QuerySet[Any]) -> int:
    total = 0
    while batch := list(rows.order_by().values_list("pk", flat=True)[:AT_ONCE]):
        rows.model._default_manager.filter(pk__in=batch).delete()
        total += len(batch)
    return total
