"""Judging transfers, finding what was planted, and how soon a desk elsewhere hears: the figures of fraud."""

import asyncio
import time

from backend.fraud.rules import Bands
from backend.fraud.rulesets import parse
from backend.fraud.shipped import VERSION_1
from backend.fraud.traffic import generate, measure
from bench.client import call
from bench.figures import Report, percentile
from bench.load import Peer, connect
from bench.rounds import Plan
from bench.stage import ServerProcess, Stage

PRODUCT = "djangocrud.asgi:application"
PAST, ASSESSED, TOLD = 1_000_000, 3000, 200


async def measure_fraud(stage: Stage, plan: Plan, report: Report) -> None:
    is_quick = plan.rounds == 1
    stage.seed(1)  # migrates
    _planted(report, cases=18 if is_quick else 120)
    _assessing(
        stage, report, past=plan.some(20_000) if is_quick else PAST, count=plan.some(500 if is_quick else ASSESSED)
    )
    found = stage.work("bench.fraud_work", "desk")
    one, other = (stage.serve(PRODUCT, prefix="fraud") for _ in range(2))
    stage.ready()
    await _telling(report, one, other, found, plan.some(20 if is_quick else TOLD))


def _planted(report: Report, *, cases: int) -> None:
    """Precision and recall of the rules that the product ships with."""
    moves = generate(seed=1, accounts=5 * cases, days=60, cases=cases)
    since = time.process_time()
    found = measure(parse(VERSION_1), moves, bands=Bands(50, 75, 80))
    took = time.process_time() - since
    print(f"\nFraud: {found.transfers} made transfers, {len(found.cases)} planted cases", flush=True)
    report.line("alerts", alerts=found.alerts, percent_of_transfers=found.alert_rate * 100, holds=found.holds)
    report.line("cases found, percent", **{name: share * 100 for name, share in found.recall_by_scenario().items()})
    report.line("judging alone, facts from memory included", us_each=took / found.transfers * 1e6)
    report.hold("fraud: planted cases that were found (recall)", found.recall, at_least=0.9)
    report.hold("fraud: alerts that were planted (precision)", found.precision, at_least=0.6)


def _assessing(stage: Stage, report: Report, *, past: int, count: int) -> None:
    stage.work("bench.fraud_work", "past", str(past))
    found = stage.work("bench.fraud_work", "assess", str(count))
    p50, p99 = (percentile(found["seconds"], share) * 1e3 for share in (0.5, 0.99))
    print(f"\nFraud: assessing {count} transfers beside {past} past verdicts", flush=True)
    report.line("in the transaction", p50_ms=p50, p99_ms=p99, cpu_us_with_commit=found["cpu_us"])
    report.line("replayed", verdicts=found["replayed"], seconds=found["replay_seconds"])
    report.hold("fraud: assessment p99, ms", p99, at_most=20)
    report.hold("fraud: replayed verdicts that differ", found["differing"], at_most=0)


async def _telling(report: Report, one: ServerProcess, other: ServerProcess, found: dict, count: int) -> None:
    """Act on an alert at one process; an auditor's socket is at the other. From before the request to the notice."""
    told = asyncio.Event()

    def hear(peer: Peer, payload: bytes) -> None:
        if b'"fraud.claimed"' in payload:
            told.set()

    socket = await connect(other.port, f"/ws/notifications/?token={found['auditor']}", hear)
    await asyncio.sleep(0.2)
    delays_s = []
    for _ in range(count):
        told.clear()
        since = time.perf_counter()
        path = f"/api/fraud-alerts/{found['alert']}/claim/"
        asked = asyncio.create_task(asyncio.to_thread(call, one.base_url, "POST", path, {}, found["admin"]))
        await asyncio.wait_for(told.wait(), 10)
        delays_s.append(time.perf_counter() - since)
        status, answer = await asked
        if status != 200:
            raise RuntimeError(f"a claim was answered {status}: {answer}")
    socket.close()
    print(f"\nFraud: an act at one process, the desk's socket at another, {count} times", flush=True)
    report.line("until told", p50_ms=percentile(delays_s, 0.5) * 1e3, p99_ms=percentile(delays_s, 0.99) * 1e3)
    report.hold("fraud: the desk elsewhere hears, p99, ms", percentile(delays_s, 0.99) * 1e3, at_most=1000)
