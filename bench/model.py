"""The loan model against CatBoost's own calls: what scoring, reasons and batches add to it."""

import asyncio
import statistics

from bench.figures import Report
from bench.rounds import Plan
from bench.stage import Stage


async def measure_model(stage: Stage, plan: Plan, report: Report) -> None:
    found = await asyncio.to_thread(stage.work, "bench.model_work", str(plan.rounds), str(plan.share))
    print("\nThe loan model against CatBoost's own calls, one thread", flush=True)
    ratios = {}
    for name, rounds in found.items():
        ours, theirs = (statistics.median(one[side] for one in rounds) for side in (0, 1))
        report.line(name, cpu_us=ours * 1e6, catboost_us=theirs * 1e6, a_second=1 / ours)
        ratios[name] = statistics.median(one / other for one, other in rounds)
    report.hold("loan score / CatBoost's single-row call, CPU", ratios["score"], at_most=2)
    report.hold("loan reasons / CatBoost's SHAP call, CPU", ratios["reasons"], at_most=1.2)
    report.hold("loan batch / CatBoost on the same prepared data, rows/s", 1 / ratios["batch"], at_least=0.7)
