"""`manage.py backup FOLDER`: the database, all files and the signed checkpoints, as of one moment."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.common.backups import BackupFailed, BackupRefused
from backend.common.backups.making import back_up


class Command(BaseCommand):
    help = "Back up into a new folder, sealed. Keys are not in it: keep them elsewhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--without-files", action="store_true", help="the storage is backed up by other means")

    def handle(self, *args: Any, folder: Path, without_files: bool, **options: Any) -> None:
        try:
            made = back_up(folder, with_files=not without_files)
        except (BackupRefused, BackupFailed) as fault:
            raise CommandError(fault.detail) from fault
        self.stdout.write(f"{folder}: a dump of {made.dump_bytes:,} bytes, {made.files} files, {made.seconds:.1f} s.")
        if made.missing:
            self.stdout.write(f"{len(made.missing)} files are not in the storage, the first is {made.missing[0]}.")
