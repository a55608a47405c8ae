"""`manage.py verify_ledger`: prove the books, or name the first account, posting, hold or loan that does not add up."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from backend.banking.verification import verify

EXIT_BROKEN = 3
SHOWN = 20


class Command(BaseCommand):
    help = "Verify postings, balances, holds and loans of all banks. Exit code 3 when something is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="everything, as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        report = verify()
        if options["json"]:
            self.stdout.write(json.dumps({**asdict(report), "is_clean": report.is_clean}, indent=2))
        else:
            for finding in report.findings[:SHOWN]:
                self.stdout.write(str(finding))
            verdict = "clean" if report.is_clean else f"BROKEN, first {report.findings[0]}"
            self.stdout.write(
                f"{report.postings} postings, {report.accounts} accounts, {report.seconds:.1f} s: {verdict}"
            )
        if not report.is_clean:
            raise SystemExit(EXIT_BROKEN)
