"""`manage.py prune_sessions`: delete sessions, tickets, links and counters that ended long ago. Safe at any time."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from backend.identity.services import sessions


class Command(BaseCommand):
    help = "Delete sessions, tickets, links and counters that ended long ago."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--keep-days", type=int, default=30)

    def handle(self, *args: Any, keep_days: int, **options: Any) -> None:
        self.stdout.write(f"{sessions.prune(keep_days=keep_days)} rows deleted")
