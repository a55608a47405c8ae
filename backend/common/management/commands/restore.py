"""`manage.py restore FOLDER`: put a backup back into an empty database, and prove what is there then."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.common.backups import BackupFailed, BackupRefused
from backend.common.backups.restoring import restore

EXIT_BROKEN = 3


class Command(BaseCommand):
    help = "Restore a backup and verify the trail and the books. Exit code 3 when something does not prove out."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--force", action="store_true", help="empty the database first: what is in it is LOST")
        parser.add_argument("--no-verify", action="store_true", help="do not prove the trail and the books afterwards")

    def handle(self, *args: Any, folder: Path, force: bool, no_verify: bool, **options: Any) -> None:
        try:
            done = restore(folder, force=force, verify=not no_verify, say=self.stdout.write)
        except (BackupRefused, BackupFailed) as fault:
            raise CommandError(fault.detail) from fault
        self.stdout.write(f"Restored in {done.seconds:.1f} s, {done.files} files put back.")
        for line in [*done.notes, *(f"{name}: {words}" for name, words in done.proved.items())]:
            self.stdout.write(line)
        for finding in done.findings[:20]:
            self.stdout.write(self.style.ERROR(finding))
        if done.findings:
            raise SystemExit(EXIT_BROKEN)
        self.stdout.write("Run `manage.py migrate` if this release is newer than the backup, then `manage.py doctor`.")
