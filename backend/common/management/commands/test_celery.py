"""`manage.py test_celery`: send one job the whole way, and say who ran it and how long that took (S2-O3)."""

import secrets
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backend.common import jobs, tasks
from backend.common.fastcache import fastcache

PATIENCE_S = 15.0
BETWEEN_S = 0.05


class Command(BaseCommand):
    help = "Send a job that does nothing to the workers, and wait until one has run it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--timeout", type=float, default=PATIENCE_S, help="seconds (default: %(default)s)")

    def handle(self, *args: Any, timeout: float, **options: Any) -> None:
        """Raises: CommandError when the broker is away, or nobody ran the job in time."""
        mark, started = secrets.token_hex(8), time.monotonic()
        if not settings.USE_CELERY:
            jobs.submit(tasks.answer_probe, {"mark": mark})
        elif not jobs.published(tasks.answer_probe, mark=mark):
            raise CommandError("the broker does not answer")
        while (found := fastcache().get_many([f"job-probe:{mark}"])[0]) is None:
            if time.monotonic() - started > timeout:
                raise CommandError(f"nobody ran the job within {timeout:g} s: see manage.py celery_health_check")
            time.sleep(BETWEEN_S)
        self.stdout.write(f"ran by {found['by']} after {time.monotonic() - started:.2f} s")
