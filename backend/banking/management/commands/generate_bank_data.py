"""`manage.py generate_bank_data --rows N`: a made-up book for `load_bank_data`, with the oddities of real ones."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ml.errors import BadData
from ml.generate import write_loans


class Command(BaseCommand):
    help = "Write a CSV file of made-up loans: the columns and the oddities of the published ones, and no row of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rows", type=int, required=True, help="how many, blank ones among them")
        parser.add_argument("--out", type=Path, default=Path("bank_data.csv"), help="the file to write (bank_data.csv)")
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same file (1)")
        parser.add_argument("--unlabelled", action="store_true", help="leave out the column Loan Status")

    def handle(self, *args: Any, rows: int, out: Path, seed: int, unlabelled: bool, **options: Any) -> None:
        """Raises: CommandError."""
        try:
            written = write_loans(out, rows, seed, labelled=not unlabelled)
        except BadData as fault:
            raise CommandError(str(fault)) from None
        except OSError as fault:
            raise CommandError(f"{out}: {fault.strerror}") from None
        self.stdout.write(f"{written:,} rows written to {out}")
