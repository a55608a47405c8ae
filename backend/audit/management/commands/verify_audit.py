"""`manage.py verify_audit`: prove the audit trail whole, or name the first row that is not as it was."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from backend.audit.offline.verify import EXIT_BROKEN, signed_lines_of
from backend.audit.verification import verify


class Command(BaseCommand):
    help = "Verify rows, order, chain and checkpoints of the audit trail. Exit code 3 when something is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since", type=_since, help="a place in the chain, or a day: begin at the checkpoint before"
        )
        parser.add_argument(
            "--witness", help="an earlier export, or a copy of the checkpoints: nothing of it may be gone"
        )
        parser.add_argument("--json", action="store_true", help="everything, as one JSON object")

    def handle(self, *args: Any, since: int | datetime | None, witness: str | None, **options: Any) -> None:
        report = verify(since=since, witness=signed_lines_of(witness) if witness else ())
        if options["json"]:
            self.stdout.write(json.dumps({**asdict(report), "is_whole": report.is_whole}, indent=2))
        else:
            for finding in report.findings[:20]:
                self.stdout.write(str(finding))
            verdict = "whole" if report.is_whole else f"BROKEN, first {report.findings[0]}"
            self.stdout.write(
                f"{report.rows} rows, {report.first} to {report.last}, {report.checkpoints} checkpoints, "
                f"{report.waiting} waiting for their seal, {report.seconds:.1f} s: {verdict}"
            )
        if not report.is_whole:
            raise SystemExit(EXIT_BROKEN)


def _since(text: str) -> int | datetime:
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("a whole number, or a day such as 2026-11-25") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
