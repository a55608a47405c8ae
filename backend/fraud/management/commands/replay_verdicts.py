"""`manage.py replay_verdicts`: judge stored verdicts again, and compare bytes (ADR 0008)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backend.fraud.services.replaying import replay


class Command(BaseCommand):
    help = "Judge the newest stored verdicts again by their own rules and inputs. Reads only."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", type=int, default=1000, help="How many, from the newest back.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = replay(count=options["count"])
        if found.differing:
            shown = ", ".join(map(str, found.differing[:20]))
            raise CommandError(f"{len(found.differing)} of {found.seen} verdicts come out otherwise: {shown}")
        self.stdout.write(f"{found.seen} verdicts judged again, all the same.")
