"""`manage.py archive_audit --before DAY`: move old rows of the trail into files, and leave signed anchors."""

import shutil
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.audit.checkpoints import place
from backend.audit.services.archiving import STEP, archive, open_archive


class Command(BaseCommand):
    help = "Archive what was written before a day; can be stopped and run again. Or fetch an archive, to verify it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--before", type=datetime.fromisoformat, help="a day such as 2025-01-01, UTC")
        parser.add_argument("--step", type=int, default=STEP, help="rows in one file")
        parser.add_argument("--fetch", type=int, metavar="SEQ", help="the archive that ends at this place")
        parser.add_argument("--to", type=Path, help="where to write what was fetched: FILE.ndjson.gz")

    def handle(
        self, *args: Any, before: datetime | None, step: int, fetch: int | None, to: Path | None, **options: Any
    ) -> None:
        if fetch is not None and to is not None:
            self._fetch(fetch, to)
        elif before is not None:
            anchors = archive(before=before if before.tzinfo else before.replace(tzinfo=UTC), step=step)
            for anchor in anchors:
                self.stdout.write(f"{anchor['first']} to {anchor['seq']}: {anchor['file']}")
            self.stdout.write(f"{len(anchors)} files written")
        else:
            raise CommandError("say --before, or --fetch and --to")

    def _fetch(self, seq: int, to: Path) -> None:
        anchor = next((line for line in place().lines() if line["kind"] == "anchor" and line["seq"] == seq), None)
        if anchor is None:
            raise CommandError(f"no archive ends at {seq}")
        with open_archive(anchor) as plain, to.open("wb") as out:
            shutil.copyfileobj(plain, out)
        self.stdout.write(f"written to {to}")
