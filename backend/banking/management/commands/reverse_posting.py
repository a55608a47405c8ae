"""`manage.py reverse_posting NUMBER --reason WORDS`: write the mirror of a posting that should not have been."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.banking.services.postings import reverse_posting
from backend.common.errors import DomainError


class Command(BaseCommand):
    help = "Reverse a deposit, withdrawal, transfer, opening or payment, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("posting", type=int)
        parser.add_argument("--reason", required=True, help="kept in the audit trail")

    def handle(self, *args: Any, posting: int, reason: str, **options: Any) -> None:
        try:
            made = reverse_posting(actor_id=None, posting_id=posting, reason=reason)
        except DomainError as fault:
            raise CommandError(f"{fault.code}: {fault.detail}") from fault
        self.stdout.write(f"posting {posting} is reversed by {made.pk}")
