"""`manage.py rewrap_files`: after a new version was put in front of ENCRYPTION_KEY_DOCUMENTS, wrap all keys by it."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backend.common import vault


class Command(BaseCommand):
    help = "Wrap the keys of stored files by the newest master key. No file is rewritten. Can be stopped and repeated."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--step", type=int, default=500, help="How many keys one transaction wraps.")

    def handle(self, *args: Any, **options: Any) -> None:
        count, failed, after = 0, list[UUID](), None
        while True:
            step = vault.rewrap(after=after, limit=options["step"])
            count, failed, after = count + step.count, failed + step.failed, step.last
            if after is None:
                break
        self.stdout.write(f"{count} keys wrapped by version {vault.master_keys().newest}.")
        if failed:
            raise CommandError(f"{len(failed)} keys do not open: {', '.join(map(str, failed[:20]))}")
