"""`manage.py lint_migrations`: which migrations would hurt a release that still serves. A test asks, too."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from backend.common.migration_lint import RECORD, findings, on_record


class Command(BaseCommand):
    help = "Look at all migrations of ours. 1 where one is found that is neither accepted nor on record."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--record", action="store_true", help="put what is found on record: before a first release")

    def handle(self, *args: Any, record: bool, **options: Any) -> None:
        found = sorted(findings())
        if record:
            RECORD.write_text("".join(f"{line}\n" for line in sorted({finding.line for finding in found})))
            return
        new = [finding for finding in found if finding.line not in on_record()]
        for finding in new:
            self.stdout.write(f"{finding.migration}: {finding.rule}: {finding.words}")
        if new:
            raise SystemExit(1)
        self.stdout.write(f"{len(found)} on record, none new.")
