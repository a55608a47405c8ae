"""`manage.py doctor`: look at everything the product needs, and say what to do."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from backend.common.checkups import Level, examined

WORDS = {Level.FINE: "ok", Level.WARNING: "warning", Level.TROUBLE: "TROUBLE"}


class Command(BaseCommand):
    help = "Check configuration, keys, clocks, migrations, queues and what else is needed. 1 when something is wrong."
    requires_system_checks: list[str] = []  # It runs them itself, and goes on.

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--strict", action="store_true", help="warnings count, too")
        parser.add_argument("--json", action="store_true", help="everything, as one JSON object")

    def handle(self, *args: Any, strict: bool, **options: Any) -> None:
        found = examined()
        worst = max((finding.level for findings in found.values() for finding in findings), default=Level.FINE)
        if options["json"]:
            told = {
                name: [{**asdict(one), "level": one.level.name.lower()} for one in findings]
                for name, findings in found.items()
            }
            self.stdout.write(json.dumps({"worst": worst.name.lower(), "checks": told}, indent=2))
        else:
            for name, findings in found.items():
                for finding in findings:
                    self.stdout.write(f"{WORDS[finding.level]:8} {name}: {finding.words}")
                    if finding.advice:
                        self.stdout.write(f"{'':8}   -> {finding.advice}")
        if worst >= (Level.WARNING if strict else Level.TROUBLE):
            raise SystemExit(1)
