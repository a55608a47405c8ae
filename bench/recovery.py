"""A bad day: how long a backup of a million messages and a million postings takes, and to have it back and proved."""

import asyncio
import shutil

from bench.figures import Report
from bench.rounds import Plan
from bench.stage import Stage

ROWS = 1_000_000
QUICK_ROWS = 20_000


async def measure_recovery(stage: Stage, plan: Plan, report: Report) -> None:
    rows = ROWS if plan.rounds > 1 else QUICK_ROWS
    folder = stage.home / "backup"
    try:
        # A trail of its own has checkpoints of its own.
        own = {"AUDIT_CHECKPOINTS": str(stage.home / "lost.jsonl")}
        found = await asyncio.to_thread(stage.work, "bench.recovery_work", str(rows), str(folder), **own)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nBackup and restore: {rows:,} messages, {rows:,} postings, {found['audit_rows']:,} audit rows", flush=True)
    report.line("backup", seconds=found["backup_s"], sealed_mb=found["dump_bytes"] / 1e6)
    report.line("restore, database and files", seconds=found["restore_s"])
    report.line("verify_audit and verify_ledger", seconds=found["verify_s"])
    million = ROWS / rows
    report.line("restore of 1,000,000 messages and postings", seconds=found["restore_s"] * million)
    report.hold("recovery: rows that differ after a restore", found["differ"], at_most=0)
    report.hold("recovery: findings of verify_audit and verify_ledger", found["findings"], at_most=0)
    # Of a small one most is starting programs and ANALYZE.
    at_most = 1.5 if rows == ROWS else 3
    report.hold("recovery: restore / pg_restore of the same dump, time", found["ratio"], at_most=at_most)
