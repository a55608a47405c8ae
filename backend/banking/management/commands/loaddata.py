"""`manage.py loaddata`: Django's own for fixtures; a `.csv` goes to `load_bank_data`, as S0's did (BUG-S0-25)."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import loaddata

from backend.banking.management.commands.load_bank_data import add_load_arguments

OURS = ("strict", "bank", "bank_name", "manager", "unlabelled", "again", "queue")


class Command(loaddata.Command):
    help = f"{loaddata.Command.help} A bank's CSV file is loaded as by load_bank_data."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_load_arguments(parser)

    def handle(self, *labels: str, **options: Any) -> None:
        """Raises: CommandError, also when both kinds of files are named."""
        books = [label for label in labels if label.lower().endswith(".csv")]
        if not books:
            super().handle(*labels, **options)
            return
        if len(books) < len(labels):
            raise CommandError("Load fixtures and CSV files by commands of their own.")
        asked = {name: options[name] for name in OURS}
        for book in books:
            call_command("load_bank_data", book, stdout=self.stdout, stderr=self.stderr, **asked)
