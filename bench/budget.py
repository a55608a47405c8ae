"""Budgets against the textbook: lists, pages, creating, importing, summing up."""

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bench.figures import Report
from bench.load import Requester
from bench.rounds import Plan, Variant
from bench.stage import ROOT, ServerProcess, Stage

PRODUCT = "djangocrud.asgi:application"
SETTINGS = "bench.variants.textbook_rest.settings"
CONNECTIONS = 4
OURS, TEXTBOOK = "ours", "textbook"
EXPENSES, TEXTBOOK_EXPENSES = "/api/management/expense/", "/textbook/expense/"


async def measure_budget(stage: Stage, plan: Plan, report: Report) -> None:
    rows = 1_000_000 if plan.rounds > 1 else 20_000
    seeded = await asyncio.to_thread(_seed, stage, rows)
    server = stage.serve(PRODUCT, prefix="budget", settings=SETTINGS)
    stage.ready()
    people = seeded["people"]
    await _lists(plan, report, server, people)
    await _creating(plan, report, server, people["few"]["token"], seeded["places"])


def _seed(stage: Stage, rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.budget_seed", str(rows)]
    environment = {**stage.environment, "DJANGO_SETTINGS_MODULE": SETTINGS}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


async def _lists(plan: Plan, report: Report, server: ServerProcess, people: Any) -> None:
    token = people["few"]["token"]
    variants = [
        Variant(name, [server], await _askers(server, "GET", path, token))
        for name, path in ((OURS, EXPENSES), (TEXTBOOK, TEXTBOOK_EXPENSES))
    ]
    found = await plan.measure(variants)
    _close(variants)
    report.table("A list of 200 own expenses", "list", found.samples)
    report.hold("list of 200 expenses / textbook, CPU", found.ratio(OURS, TEXTBOOK), at_most=0.3)


async def _creating(plan: Plan, report: Report, server: ServerProcess, token: str, places: Any) -> None:
    body = {
        "title": "Bread",
        "description": "Two loaves",
        "amount": "7.50",
        "creation_date": str(datetime.now(UTC).date()),
        "creation_time": "08:30:00",
        **places,
    }
    variants = [
        Variant(name, [server], await _askers(server, "POST", path, token, body))
        for name, path in ((OURS, EXPENSES), (TEXTBOOK, TEXTBOOK_EXPENSES))
    ]
    found = await plan.measure(variants)
    _close(variants)
    report.table("Adding an expense", "expense", found.samples)
    report.hold("adding an expense / textbook, CPU", found.ratio(OURS, TEXTBOOK), at_most=0.5)
    for path, most in ((EXPENSES, 5), (TEXTBOOK_EXPENSES, None)):
        made = await asyncio.to_thread(_queries, server, path, token, body)
        if most:
            report.hold("queries of adding an expense", made, at_most=most)
        else:
            report.line("queries of the textbook's", queries=made)


async def _askers(server: ServerProcess, method: str, path: str, token: str, body: Any = None) -> Sequence[Requester]:
    content = json.dumps(body).encode() if body is not None else b""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {token}\r\n"
    if content:
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    request = f"{head}\r\n".encode() + content
    made = []
    for _ in range(CONNECTIONS):
        _, one = await asyncio.get_running_loop().create_connection(
            lambda: Requester(request), "127.0.0.1", server.port
        )
        made.append(one)
    return made


def _close(variants: Sequence[Variant]) -> None:
    for variant in variants:
        variant.close()


def _queries(server: ServerProcess, path: str, token: str, body: Any) -> int:
    headers = {"Authorization": f"Bearer {token}", "X-Count-Queries": "1", "Content-Type": "application/json"}
    request = urllib.request.Request(server.base_url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return int(answer.headers["X-Queries"])
