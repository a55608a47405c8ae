"""`python -m bench [part|all]`: the figures of design.md section 9, held against their limits.

Measured servers run alone on one core; load and stores share the others. What counts is server CPU for each
operation, as the median of interleaved rounds: it says the same on a noisy machine as on a quiet one.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from bench.assistant import measure_assistant
from bench.banking import measure_banking
from bench.budget import measure_budget
from bench.catalog import measure_catalog
from bench.chat import measure_chat
from bench.cluster import measure_cluster
from bench.console import measure_console
from bench.figures import Report
from bench.fraud import measure_fraud
from bench.handler import measure_handler
from bench.identity import measure_identity
from bench.kyc import measure_kyc
from bench.loads import measure_loads
from bench.model import measure_model
from bench.partner import measure_partner
from bench.recovery import measure_recovery
from bench.reference import measure_reference
from bench.rounds import Plan
from bench.stage import Stage, opened_stage
from bench.support import measure_support
from bench.trail import measure_trail
from bench.transfers import measure_transfers
from bench.uploads import measure_uploads

Part = Callable[[Stage, Plan, Report], Awaitable[None]]

PARTS: dict[str, Part] = {
    "chat": measure_chat,
    "handler": measure_handler,
    "identity": measure_identity,
    "catalog": measure_catalog,
    "banking": measure_banking,
    "budget": measure_budget,
    "support": measure_support,
    "console": measure_console,
    "assistant": measure_assistant,
    "trail": measure_trail,
    "kyc": measure_kyc,
    "fraud": measure_fraud,
    "transfers": measure_transfers,
    "uploads": measure_uploads,
    "model": measure_model,
    "partner": measure_partner,
    "loads": measure_loads,
    "cluster": measure_cluster,
    "recovery": measure_recovery,
}
FULL = Plan(rounds=5, seconds=3, warm_up_s=0.7)
QUICK = Plan(rounds=1, seconds=0.5, warm_up_s=0.3)
SMOKE = Plan(rounds=1, seconds=0.25, warm_up_s=0.1, share=0.1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print everything; return 1 when a limit was missed."""
    given = _parser().parse_args(arguments)
    plan = SMOKE if given.smoke else QUICK if given.quick else FULL
    report = Report()
    with opened_stage() as stage:
        measure_reference(stage, report, seconds=1 if given.quick or given.smoke else 4)
        for name, part in PARTS.items():
            if given.part in (name, "all"):
                asyncio.run(part(stage, plan, report))
                stage.clear()
    if given.json:
        report.save(given.json)
    print("\nall limits kept" if report.passed else "\na limit was missed", flush=True)
    return 0 if report.passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("part", nargs="?", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it runs, not how fast")
    parser.add_argument("--smoke", action="store_true", help="as short as can be: for the test that it runs at all")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
