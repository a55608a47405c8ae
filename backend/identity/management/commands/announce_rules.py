"""`manage.py announce_rules`: change a rule that people are held to, and tell those whom it affects (E-COMP-3)."""

from argparse import ArgumentParser, FileType
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.common.errors import DomainError
from backend.identity.models import RuleChange
from backend.identity.services import rules


class Command(BaseCommand):
    help = "Announce the next version of a rule; whom it affects is told in the inbox and by mail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", help="which rule: kyc.documents, password.length")
        parser.add_argument("--title", required=True)
        parser.add_argument(
            "--text", required=True, type=FileType(), help="a file with the words, - for standard input"
        )
        parser.add_argument("--effective-on", required=True, type=date.fromisoformat, help="YYYY-MM-DD")
        parser.add_argument("--affects", choices=RuleChange.Affects.values, default=RuleChange.Affects.EVERYBODY)

    def handle(self, *args: Any, key: str, title: str, text: Any, **options: Any) -> None:
        try:
            change = rules.announce(
                actor=None,
                key=key,
                title=title,
                text=text.read().strip(),
                affects=options["affects"],
                effective_on=options["effective_on"],
            )
        except DomainError as fault:
            raise CommandError(fault.detail) from fault
        self.stdout.write(f"{change.key} version {change.version} counts from {change.effective_on} on")
