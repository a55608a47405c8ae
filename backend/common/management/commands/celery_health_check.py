"""`manage.py celery_health_check`: whether the broker answers, who works, and what runs by the clock (S2-O3)."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from kombu.exceptions import OperationalError as BrokerAway

from backend.common import jobs

PATIENCE_S = 3.0


class Command(BaseCommand):
    help = "Say whether the broker answers and which workers do; exit with 1 when none does."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--timeout", type=float, default=PATIENCE_S, help="seconds to wait for workers")

    def handle(self, *args: Any, timeout: float, **options: Any) -> None:
        """Raises: CommandError when jobs would not run as the settings say. Changes nothing."""
        self.stdout.write(f"clock: {len(jobs.periodic())} tasks")
        if not settings.USE_CELERY:
            self.stdout.write("USE_CELERY is off: the server processes run jobs and the clock themselves.")
            return
        try:
            answers = jobs.app.control.ping(timeout=timeout)
        except (BrokerAway, OSError) as fault:
            raise CommandError(f"the broker does not answer: {type(fault).__name__}") from fault
        self.stdout.write("broker: ok")
        names = sorted(name for answer in answers for name in answer)
        if not names:
            raise CommandError(f"no worker answered within {timeout:g} s: start celery -A djangocrud.celery worker")
        self.stdout.write(f"workers: {len(names)} ({', '.join(names)})")
