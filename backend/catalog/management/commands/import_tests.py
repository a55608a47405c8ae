"""`manage.py import_tests FILE [--owner EMAIL]`: diagnostic tests from a CSV file, for the house or for one person."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.catalog.errors import FileRefused
from backend.catalog.services.imports import Outcome, import_tests
from backend.identity.models import User


class Command(BaseCommand):
    help = "Add diagnostic tests from a CSV file; what is there is not added again, bad lines are named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--owner", default="", help="e-mail of whose private tests they shall be")

    def handle(self, *args: Any, file: Path, owner: str, **options: Any) -> None:
        """Raises: CommandError without file, owner or column; and at the end when lines were bad."""
        whose = User.objects.known_by("email", owner).first() if owner else None
        if owner and whose is None:
            raise CommandError(f"Nobody has the address {owner}.")
        try:
            with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
                outcome = import_tests(
                    lines=lines, actor_id=None, owner_id=whose.pk if whose else None, progress=self._say
                )
        except OSError as fault:
            raise CommandError(f"{file}: {fault.strerror}") from None
        except FileRefused as fault:
            raise CommandError(fault.detail) from None
        for number, reason in outcome.bad:
            self.stderr.write(f"line {number}: {reason}")
        self.stdout.write(f"{outcome.added} added, {outcome.there_before} were there, {len(outcome.bad)} bad")
        if outcome.bad:
            raise CommandError(f"{len(outcome.bad)} lines were not loaded")

    def _say(self, outcome: Outcome) -> None:
        self.stdout.write(f"... {outcome.added + outcome.there_before} lines")
