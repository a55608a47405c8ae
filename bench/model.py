"""The loan model: against CatBoost's own calls, over HTTP against a plain read, and over a whole portfolio."""

import asyncio
import json
import statistics
import time
import urllib.request
from typing import Any

from bench.budget import _askers
from bench.figures import Report
from bench.rounds import Plan, Variant
from bench.stage import ServerProcess, Stage

PRODUCT = "djangocrud.asgi:application"
READ, PREDICT, REASONS = "account of one's bank", "predict", "predict with reasons"
PREDICT_PATH, SCORE_PATH = "/api/loan/predict/", "/api/loan/score-portfolio/"
LOANS = 50_000
DONE_WITHIN_S = 300


async def measure_model(stage: Stage, plan: Plan, report: Report) -> None:
    await asyncio.to_thread(_calls, stage, plan, report)
    loans = LOANS if plan.rounds > 1 else 2_500
    seeded = await asyncio.to_thread(stage.work, "bench.model_seed", str(loans))
    server = stage.serve(PRODUCT, prefix="model")
    stage.ready()
    await _requests(plan, report, server, seeded)
    await asyncio.to_thread(_portfolio, report, server, seeded["token"], loans)


def _calls(stage: Stage, plan: Plan, report: Report) -> None:
    found = stage.work("bench.model_work", str(plan.rounds), str(plan.share))
    print("\nThe loan model against CatBoost's own calls, one thread", flush=True)
    ratios = {}
    for name, rounds in found.items():
        ours, theirs = (statistics.median(one[side] for one in rounds) for side in (0, 1))
        report.line(name, cpu_us=ours * 1e6, catboost_us=theirs * 1e6, a_second=1 / ours)
        ratios[name] = statistics.median(one / other for one, other in rounds)
    report.hold("loan score / CatBoost's single-row call, CPU", ratios["score"], at_most=2)
    report.hold("loan reasons / CatBoost's SHAP call, CPU", ratios["reasons"], at_most=1.2)
    report.hold("loan batch / CatBoost on the same prepared data, rows/s", 1 / ratios["batch"], at_least=0.7)


async def _requests(plan: Plan, report: Report, server: ServerProcess, seeded: Any) -> None:
    body = {
        "account": seeded["account"],
        "current_loan_amount": "312000.00",
        "term": "Short Term",
        "purpose": "Debt Consolidation",
    }
    asked = {
        READ: ("GET", f"/api/account/{seeded['account']}/", None),
        PREDICT: ("POST", PREDICT_PATH, body),
        REASONS: ("POST", PREDICT_PATH, {**body, "reasons": True}),
    }
    variants = [
        Variant(name, [server], await _askers(server, method, path, seeded["token"], given))
        for name, (method, path, given) in asked.items()
    ]
    found = await plan.measure(variants)
    for variant in variants:
        variant.close()
    report.table("The loan model over HTTP", "request", found.samples)
    report.hold("predict over HTTP / a plain read, CPU", found.ratio(PREDICT, READ), at_most=1.5)


def _portfolio(report: Report, server: ServerProcess, token: str, loans: int) -> None:
    """Score all loans of a bank by the job, as a client sees it; for scale."""
    since, cpu = time.perf_counter(), server.cpu_seconds
    run = _ask(server, token, SCORE_PATH, {})
    while run["state"] in ("queued", "running") and time.perf_counter() - since < DONE_WITHIN_S:
        time.sleep(0.1)
        run = _ask(server, token, f"{SCORE_PATH}{run['id']}/")
    if (run["state"], run["loans_done"]) != ("done", loans):
        raise RuntimeError(f"the portfolio was not scored: {run}")
    took, cpu = time.perf_counter() - since, server.cpu_seconds - cpu
    report.line(f"a portfolio of {loans:,}", seconds=took, loans_a_second=loans / took, cpu_us_a_loan=cpu / loans * 1e6)


def _ask(server: ServerProcess, token: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(server.base_url + path, data, headers)) as answer:
        return json.load(answer)
