"""How long what is over is kept (design.md section 8: retention jobs)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from backend.identity.models import LoginLog, PasswordReset, Session, SignInCounter, SocketTicket, SpentStepUp

AT_ONCE = 1000


def prune(*, keep_days: int | None = None, keep_logs_days: int | None = None) -> int:
    """Delete what ended long ago, and return how many rows that were.

    Sessions whose tokens expired `keep_days` ago, with spent tickets, links and counters of failures; lines of the
    login log older than `keep_logs_days`. In steps of 1,000 rows, each its own transaction, so it can be stopped and
    run again at any time, in several processes at once.
    """
    now = datetime.now(UTC)
    edge = now - timedelta(days=keep_days or settings.SESSIONS_KEPT_DAYS)
    of_logs = now - timedelta(days=keep_logs_days or settings.LOGIN_LOGS_KEPT_DAYS)
    over: tuple[QuerySet[Any], ...] = (
        SocketTicket.objects.filter(expires_at__lt=edge),
        Session.objects.filter(expires_at__lt=edge),
        PasswordReset.objects.filter(expires_at__lt=edge),
        SignInCounter.objects.filter(updated_at__lt=edge),
        SpentStepUp.objects.filter(expires_at__lt=edge),
        LoginLog.objects.filter(at__lt=of_logs),
    )
    return sum(_delete(rows) for rows in over)


def _delete(rows: QuerySet[Any]) -> int:
    total = 0
    while batch := list(rows.order_by().values_list("pk", flat=True)[:AT_ONCE]):
        rows.model.objects.filter(pk__in=batch).delete()
        total += len(batch)
    return total
