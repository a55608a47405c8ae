"""The figures of fraud: what is found of what was planted, what judging costs a transfer with a million behind it, and
how soon a desk at another process hears of one that is held."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backend.fraud.rules import Bands
from backend.fraud.rulesets import parse
from backend.fraud.shipped import VERSION_1
from backend.fraud.traffic import generate, measure
from bench.client import call
from bench.figures import Report, percentile
from bench.load import Peer, connect
from bench.rounds import Plan, Variant
from bench.stage import ServerProcess, Stage
from bench.transfers import connected, meet, requests_of

PRODUCT = "djangocrud.asgi:application"
PAST, PEOPLE, ALONE, TOLD = 1_000_000, 2000, 1000, 200
CONNECTIONS = 4
SENDING = "POST /api/transfers/"


async def measure_fraud(stage: Stage, plan: Plan, report: Report) -> None:
    is_quick = plan.rounds == 1
    stage.seed(1)  # migrates
    _planted(report, cases=18 if is_quick else 120)
    _assessing(stage, report, past=plan.some(20_000) if is_quick else PAST, count=plan.some(500) if is_quick else ALONE)
    people, often = (plan.some(400), 20) if is_quick else (PEOPLE, PAST // PEOPLE)
    seeded = await asyncio.to_thread(stage.work, "bench.fraud_seed", str(people), str(often))
    notes = stage.home / "assessed"
    one = stage.serve("bench.variants.assessed:application", prefix="fraud", BENCH_NOTES=str(notes))
    other = stage.serve(PRODUCT, prefix="fraud")
    stage.ready()
    await asyncio.to_thread(meet, one, seeded)
    await _within_transfers(report, plan, one, seeded, notes)
    await _telling(report, one, other, seeded, min(people, plan.some(20) if is_quick else TOLD))


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
    print(f"\nFraud: judging and storing {count} verdicts alone, beside {past} of a year", flush=True)
    report.line("in the transaction", p50_ms=p50, p99_ms=p99, cpu_us_with_commit=found["cpu_us"])
    report.line("replayed", verdicts=found["replayed"], seconds=found["replay_seconds"])
    report.hold("fraud: replayed verdicts that differ", found["differing"], at_most=0)


async def _within_transfers(
    report: Report, plan: Plan, server: ServerProcess, seeded: dict[str, Any], notes: Path
) -> None:
    """Send money by HTTP, with somebody's year behind each transfer, and take what the server noted of it."""
    senders = [await connected(server, requests_of(server, seeded, place)) for place in range(CONNECTIONS)]
    sending = Variant(SENDING, [server], senders)
    samples, p99_ms, shares, cpu_us = [], [], [], []
    for _ in range(plan.rounds):
        start = notes.stat().st_size
        samples.append(await sending.sample(warm_up_s=plan.warm_up_s, seconds=plan.seconds))
        walls, cpus = _noted(notes, start)
        p99_ms.append(percentile(walls, 0.99) / 1e6)
        cpu_us.append(statistics.fmean(cpus) / 1e3)
        shares.append(cpu_us[-1] / samples[-1].cpu_us * 100)
    sending.close()
    failed = {sender.failed for sender in senders if sender.failed}
    if failed:
        raise RuntimeError(f"transfers failed: {failed}")
    report.table(
        f"Fraud: transfers that are assessed, {CONNECTIONS} at once, beside {seeded['past']:,} past ones",
        "transfer",
        {SENDING: samples},
    )
    report.line("assessing, of each", p50_ms=percentile(walls, 0.5) / 1e6, cpu_us=statistics.median(cpu_us))
    report.hold("fraud: assessment p99, ms", statistics.median(p99_ms), at_most=20)
    report.hold("fraud: assessment, percent of the transfer's CPU", statistics.median(shares), at_most=25)


def _noted(notes: Path, start: int) -> tuple[Sequence[int], Sequence[int]]:
    """Return the wall and CPU nanoseconds of each assessment that was noted behind `start`."""
    with notes.open("rb") as lines:
        lines.seek(start)
        pairs = [tuple(map(int, line.split())) for line in lines]
    return [wall for wall, _ in pairs], [cpu for _, cpu in pairs]


async def _telling(
    report: Report, one: ServerProcess, other: ServerProcess, seeded: dict[str, Any], count: int
) -> None:
    """Send what is held at one process; an auditor's socket is at the other."""
    told = asyncio.Event()
    heard_at = [0.0]

    def hear(peer: Peer, payload: bytes) -> None:
        if b'"fraud.alert"' in payload:
            heard_at[0] = time.perf_counter()
            told.set()

    socket = await connect(other.port, f"/ws/notifications/?token={seeded['auditor']}", hear)
    await asyncio.sleep(0.5)
    from_request_s, from_answer_s = [], []
    for number, person in enumerate(seeded["people"][:count]):
        told.clear()
        content = {"source": person["source"], "bank": seeded["bank"], "account_number": person["payee"]}
        key = {"Idempotency-Key": f"held-{number}"}
        since = time.perf_counter()
        status, answer = await asyncio.to_thread(
            call, one.base_url, "POST", "/api/transfers/", {**content, "amount": "12000.00"}, person["token"], key
        )
        answered = time.perf_counter()
        if status != 202:
            raise RuntimeError(f"a transfer that must be held was answered {status}: {answer}")
        await asyncio.wait_for(told.wait(), 10)
        from_request_s.append(heard_at[0] - since)
        from_answer_s.append(max(heard_at[0] - answered, 0))
    socket.close()
    print(f"\nFraud: a transfer held at one process, the desk's socket at another, {count} times", flush=True)
    for title, delays in (("from its answer", from_answer_s), ("from its request", from_request_s)):
        report.line(title, p50_ms=percentile(delays, 0.5) * 1e3, p99_ms=percentile(delays, 0.99) * 1e3)
    # From the request on: that is longer, and never nothing.
    report.hold("fraud: transfer sent, alert elsewhere, p99, ms", percentile(from_request_s, 0.99) * 1e3, at_most=1000)
