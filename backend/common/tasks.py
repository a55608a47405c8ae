"""Jobs of the foundation: telling administrators of faults, forgetting old limits, sweeping files."""

import os
import socket
from datetime import UTC, datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.core.mail import mail_admins

from backend.common import idempotency, ratelimit, vault
from backend.common.fastcache import fastcache

MAIL_RETRIES = {"autoretry_for": (OSError,), "max_retries": 3, "retry_backoff": 5}


@shared_task(name="common.mail_fault", **MAIL_RETRIES)
def mail_fault(kind: str, place: str, reference: str) -> None:
    """Tell the administrators of a fault, unless a process has told them lately. See common/alerts.py."""
    mark = f"fault-told:{kind}:{place}"
    if fastcache().add(mark, seconds=settings.ALERT_EVERY_S) is False:
        return
    try:
        _mail(kind, place, reference)
    except OSError:
        fastcache().delete([mark])  # Nobody was told; the next try must not take this one's word for it.
        raise


@shared_task(name="common.forget_old_limits")
def forget_old_limits() -> None:
    """Delete counts and blocks that decide nothing any more."""
    ratelimit.forget_before(datetime.now(UTC) - timedelta(days=settings.RATE_LIMITS_KEPT_DAYS))


@shared_task
def forget_old_answers() -> None:
    """Delete saved answers after 30 days: their keys may be used anew."""
    idempotency.forget_before(datetime.now(UTC) - timedelta(days=settings.IDEMPOTENCY_KEPT_DAYS))


@shared_task
def remove_files(ids: list[str]) -> None:
    """Remove the bytes of destroyed files from the storage."""
    vault.remove_bytes(ids)


@shared_task
def sweep_files() -> None:
    vault.sweep()


@shared_task(name="common.answer_probe")
def answer_probe(mark: str) -> None:
    """Leave the sign that `manage.py test_celery` waits for: that a job got from here to whoever runs jobs."""
    fastcache().set(f"job-probe:{mark}", {"by": f"{socket.gethostname()} {os.getpid()}"}, seconds=60)


def _mail(kind: str, place: str, reference: str) -> None:
    mail_admins(
        f"{kind} in {place.rpartition('/')[2]}",
        f"Something unexpected happened at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC.\n\n"
        f"What:  {kind}\nWhere: {place}\nReference: {reference or 'none, it was no request'}\n\n"
        "The log has the stack trace under that reference. The same fault is not mailed again for "
        f"{settings.ALERT_EVERY_S // 60} minutes.\n",
    )
