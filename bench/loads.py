"""Files into the books, beside COPY into the same constrained tables: a bank's book, a partner's customers."""

import asyncio
import statistics
from pathlib import Path

from bench.figures import Report
from bench.rounds import Plan
from bench.stage import Stage

WORK = "bench.loads_work"


async def measure_loads(stage: Stage, plan: Plan, report: Report) -> None:
    await asyncio.to_thread(_measure, stage, plan, report)


def _measure(stage: Stage, plan: Plan, report: Report) -> None:
    rows = plan.some(30_000)
    _beside_copy(stage, plan, report, "book", rows, "bank CSV / COPY into the same three tables, rows/s of CPU")
    _beside_copy(
        stage, plan, report, "customers", rows, "partner import / COPY into the same three tables, rows/s of CPU"
    )
    few, many = plan.some(10_000), 1_000_000 if plan.rounds > 1 else plan.some(30_000)
    peaks = []
    for count in (few, many):
        path = stage.work(WORK, "write", str(count), str(stage.home))
        found = stage.work(WORK, "memory", str(count), path)
        report.line(f"memory for {count:,} rows", MB_before=found["before_mb"], MB_at_most=found["peak_mb"])
        peaks.append(found["peak_mb"])
        Path(path).unlink()
    report.hold("memory for a book of 1,000,000 rows / of 10,000", peaks[1] / peaks[0], at_most=1.1)


def _beside_copy(stage: Stage, plan: Plan, report: Report, what: str, rows: int, name: str) -> None:
    found = stage.work(WORK, what, str(rows), str(plan.rounds))
    print(f"\n{what}: {rows:,} rows", flush=True)
    for way in ("copy", "load"):
        rate = rows / statistics.median(found[way])
        report.line(way, rows_a_second=rate, CPU_us_a_row=statistics.median(found[f"{way}_cpu"]) / rows * 1e6)
    by_cpu, by_clock = (
        statistics.median(copy / load for copy, load in zip(found[f"copy{unit}"], found[f"load{unit}"], strict=True))
        for unit in ("_cpu", "")
    )
    report.line("copy / load, by the clock", ratio=by_clock)
    report.hold(name, by_cpu, at_least=0.4)
