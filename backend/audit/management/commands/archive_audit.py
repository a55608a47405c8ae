"""`manage.py archive_audit --before DAY`: move old rows of the trail into files, and leave signed anchors."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from backend.audit.services.archiving import STEP, archive


class Command(BaseCommand):
    help = "Archive what was written before a day. Can be stopped and run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--before", required=True, type=datetime.fromisoformat, help="a day such as 2025-01-01, UTC"
        )
        parser.add_argument("--step", type=int, default=STEP, help="rows in one file")

    def handle(self, *args: Any, before: datetime, step: int, **options: Any) -> None:
        moment = before if before.tzinfo else before.replace(tzinfo=UTC)
        anchors = archive(before=moment, step=step)
        for anchor in anchors:
            self.stdout.write(f"{anchor['first']} to {anchor['seq']}: {anchor['file']}")
        self.stdout.write(f"{len(anchors)} files written")
