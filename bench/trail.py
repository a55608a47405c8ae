"""The audit trail: what recording adds to a write, how fast rows are sealed, how long it takes to verify a million."""

import asyncio
import json
import subprocess
import sys

from bench import machine
from bench.figures import Report
from bench.rounds import Plan
from bench.stage import ROOT, Stage


async def measure_trail(stage: Stage, plan: Plan, report: Report) -> None:
    """Everything happens in one process of its own, on the core of the measured servers."""
    quick = plan.rounds == 1
    rows, writes = (20_000, 200) if quick else (1_000_000, 2_000)
    found = await asyncio.to_thread(_measured, stage, rows, writes)
    print(f"\nAudit trail, {found['rows']:,} rows", flush=True)
    report.line("one's own name changed, CPU us", recorded=found["with_us"], not_recorded=found["without_us"])
    report.line("the same, time", ratio=found["time_ratio"])
    report.hold("write with its audit row / without, CPU", found["cpu_ratio"], at_most=1.15)
    million = 1_000_000 / found["verified"]
    report.hold("rows sealed a second", found["rows"] / found["sealing_s"], at_least=20_000)
    report.hold("verify_audit of 1,000,000 rows, seconds", found["verified_s"] * million, at_most=60)
    # Of this process and the database's together: what it takes where others want the cores, too.
    report.line("the same by CPU", sealed_a_second=found["rows"] / found["sealing_cpu_s"])
    report.line("the same by CPU", verified_in_seconds=found["verified_cpu_s"] * million)


def _measured(stage: Stage, rows: int, writes: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.variants.trail", str(rows), str(writes)]
    environment = {**stage.environment, "DJANGO_SETTINGS_MODULE": "djangocrud.settings"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        machine.pin(process.pid, machine.CORES[0])
        printed = process.communicate()[0]
    if process.returncode:
        raise RuntimeError("measuring the audit trail failed")
    return dict(json.loads(printed))
