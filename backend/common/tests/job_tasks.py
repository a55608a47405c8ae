"""Tasks that leave a trace where the test can see it, whichever process or thread ran them."""

import os
import threading
from datetime import UTC, datetime, timedelta

from celery import shared_task

from backend.common.models import RateLimit


@shared_task
def leave_trace(name: str) -> None:
    """Store who ran it: the process and the thread."""
    now = datetime.now(UTC)
    RateLimit.objects.create(
        identifier=f"{os.getpid()} {threading.current_thread().name}",
        endpoint=name,
        window_start=now,
        window_end=now + timedelta(hours=1),
    )


@shared_task
def leave_tick() -> None:
    leave_trace(name="tick")


@shared_task
def stumble(name: str) -> None:
    raise ValueError("it went wrong")


def traces(name: str) -> list[str]:
    """Who ran it, in the order of running."""
    return list(RateLimit.objects.filter(endpoint=name).order_by("pk").values_list("identifier", flat=True))
