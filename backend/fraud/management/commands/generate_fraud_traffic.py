"""`manage.py generate_fraud_traffic`: how well a version of the rules finds what was planted."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backend.fraud.models import RuleSet
from backend.fraud.rulesets import parse
from backend.fraud.services.assessing import bands_now
from backend.fraud.traffic import generate, measure


class Command(BaseCommand):
    help = "Make traffic with planted fraud and print precision and recall of a version of the rules. Stores nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rules", type=int, help="The version; by default the one in force.")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--accounts", type=int, default=300)
        parser.add_argument("--days", type=int, default=90)
        parser.add_argument("--cases", type=int, default=60)

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = {"version": options["rules"]} if options["rules"] else {"state": RuleSet.State.PUBLISHED}
        rule_set = RuleSet.objects.filter(**wanted).first()
        if rule_set is None:
            raise CommandError("There is no such version of the rules.")
        moves = generate(**{name: options[name] for name in ("seed", "accounts", "days", "cases")})
        found = measure(parse(rule_set.rules), moves, bands=bands_now())
        self.stdout.write(f"{found.transfers} transfers, {found.planted} of them planted in {len(found.cases)} cases")
        self.stdout.write(
            f"alerts {found.alerts} ({found.alert_rate:.2%} of transfers), precision {found.precision:.3f}"
        )
        self.stdout.write(f"holds  {found.holds}, precision {found.hold_precision:.3f}")
        self.stdout.write(f"recall {found.recall:.3f} of cases")
        for name, share in found.recall_by_scenario().items():
            self.stdout.write(f"  {name:12} {share:.3f}")
