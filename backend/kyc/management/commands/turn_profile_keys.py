"""`manage.py turn_profile_keys`: after a new version was put in front of ENCRYPTION_KEY_SSN or _ADDRESS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backend.kyc.services import keys


class Command(BaseCommand):
    help = "Wrap what is sealed in banking profiles by the newest keys. Can be stopped and repeated."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--step", type=int, default=500, help="How many profiles one transaction turns.")

    def handle(self, *args: Any, **options: Any) -> None:
        turned, failed, after = 0, list[int](), 0
        while True:
            step = keys.turn_keys(after=after, limit=options["step"])
            turned, failed = turned + step.turned, failed + step.failed
            if step.last is None:
                break
            after = step.last
        self.stdout.write(f"{turned} profiles turned.")
        if failed:
            raise CommandError(f"{len(failed)} profiles do not open: users {', '.join(map(str, failed[:20]))}")
