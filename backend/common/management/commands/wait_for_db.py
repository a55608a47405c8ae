"""`manage.py wait_for_db [--timeout S]`: return when the database answers (S3-O7). For containers."""

import time
from argparse import ArgumentParser
from typing import Any

import psycopg2
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, connection

BETWEEN_S = 1.0
TIMEOUT_S = 60.0
TRY_S = 3  # for one attempt, where a connection is neither taken nor refused


class Command(BaseCommand):
    help = "Wait until the database answers, trying once a second; exit with 1 when it does not in time."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--timeout", type=float, default=TIMEOUT_S, help="seconds (default: %(default)s)")

    def handle(self, *args: Any, timeout: float, **options: Any) -> None:
        """Raises: CommandError with the last reason after `timeout` seconds (BUG-S3-9). It names no password."""
        deadline = time.monotonic() + timeout
        self.stdout.write("Waiting for the database...")
        while (reason := self._why_not()) is not None:
            if time.monotonic() + BETWEEN_S > deadline:
                raise CommandError(f"The database did not answer within {timeout:g} s: {reason}")
            self.stdout.write(f"Database unavailable, waiting 1 second... ({reason})")
            time.sleep(BETWEEN_S)
        self.stdout.write(self.style.SUCCESS("Database available!"))

    def _why_not(self) -> str | None:
        """Return why the database cannot be used, or None. Both the driver's own errors and Django's count (E-S3-9).

        First by the driver: Django's connection waits with patience of its own, which would stretch the second.
        """
        try:
            psycopg2.connect(**{**connection.get_connection_params(), "connect_timeout": TRY_S}).close()
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except (psycopg2.OperationalError, OperationalError, InterfaceError) as fault:
            connection.close()
            return _first_line(fault)
        return None


def _first_line(fault: Exception) -> str:
    lines = str(fault).strip().splitlines()
    return lines[0] if lines else type(fault).__name__
