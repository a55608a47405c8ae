"""`manage.py prune_sessions`: what the daily job does, now and by hand. Safe at any time."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from backend.identity.services import retention


class Command(BaseCommand):
    help = "Delete sessions, tickets, links and counters that ended long ago, and old lines of the login log."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--keep-days", type=int, help="default: SESSIONS_KEPT_DAYS")
        parser.add_argument("--keep-logs-days", type=int, help="default: LOGIN_LOGS_KEPT_DAYS")

    def handle(self, *args: Any, keep_days: int | None, keep_logs_days: int | None, **options: Any) -> None:
        deleted = retention.prune(keep_days=keep_days, keep_logs_days=keep_logs_days)
        self.stdout.write(f"{deleted} rows deleted")
