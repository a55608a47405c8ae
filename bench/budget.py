"""Budgets against the textbook: lists, pages, creating, importing, summing up."""

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any

import psycopg2

from bench.figures import Report
from bench.load import Requester
from bench.rounds import Plan, Variant
from bench.stage import ROOT, ServerProcess, Stage

PRODUCT = "djangocrud.asgi:application"
SETTINGS = "bench.variants.textbook_rest.settings"
CONNECTIONS = 4
OURS, TEXTBOOK = "ours", "textbook"
SUMMARIES_A_ROUND = 10
PLAIN_SUMMARY = """
SELECT date_trunc('month', e.creation_date), e.kind, c.id, c.name, sum(e.amount), count(*)
FROM budget_entry e JOIN budget_category c ON c.id = e.category_id
WHERE e.user_id = %(user)s AND e.deleted_at IS NULL AND e.creation_date >= %(start)s AND e.creation_date < %(end)s
GROUP BY 1, 2, 3, 4
"""
EXPENSES, TEXTBOOK_EXPENSES = "/api/management/expense/", "/textbook/expense/"


async def measure_budget(stage: Stage, plan: Plan, report: Report) -> None:
    rows = 1_000_000 if plan.rounds > 1 else 20_000
    seeded = await asyncio.to_thread(_seed, stage, rows)
    server = stage.serve(PRODUCT, prefix="budget", settings=SETTINGS)
    stage.ready()
    people = seeded["people"]
    await _lists(plan, report, server, people)
    await _pages(plan, report, server, people, rows)
    await _creating(plan, report, server, people["few"]["token"], seeded["places"])
    await asyncio.to_thread(_summary, stage, plan, report, server, people["year"])
    await asyncio.to_thread(_imports, stage, plan, report)


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


async def _pages(plan: Plan, report: Report, server: ServerProcess, people: Any, rows: int) -> None:
    """One connection, so that the time holds the database's part and no waiting for each other."""
    early, late = "page at row 1,000", f"page at row {rows:,}"
    variants = []
    for name, whose in ((early, "some"), (late, "many")):
        path = f"{EXPENSES}?page_size=200&cursor={people[whose]['cursor']}"
        variants.append(Variant(name, [server], await _askers(server, "GET", path, people[whose]["token"], count=1)))
    found = await plan.measure(variants)
    _close(variants)
    report.table("A page of 200 expenses, by cursor", "page", found.samples)
    delays = {name: statistics.median(one.delay_ms(0.5) for one in found.samples[name]) for name in (early, late)}
    report.hold("page at the last row / at row 1,000, CPU", found.ratio(late, early), at_most=1.3)
    report.hold("page at the last row / at row 1,000, time", delays[late] / delays[early], at_most=1.3)


def _summary(stage: Stage, plan: Plan, report: Report, server: ServerProcess, person: Any) -> None:
    """In turns: the route, and its plain SQL on a connection of its own. Times, since the work is the database's."""
    http = HTTPConnection("127.0.0.1", server.port)
    headers = {"Authorization": f"Bearer {person['token']}"}
    month = datetime.now(UTC).date().replace(day=1)
    start = (month - timedelta(days=150)).replace(day=1)
    times: dict[str, list[float]] = {OURS: [], "plain SQL": []}
    with contextlib.closing(psycopg2.connect(stage.embedded.database_url)) as raw, raw.cursor() as cursor:
        raw.set_session(autocommit=True)
        for _ in range(SUMMARIES_A_ROUND * plan.rounds):
            since = time.perf_counter()
            http.request("GET", "/api/management/summary/", headers=headers)
            entries = sum(one["count"] for one in json.loads(http.getresponse().read())["categories"])
            times[OURS].append(time.perf_counter() - since)
            since = time.perf_counter()
            cursor.execute(PLAIN_SUMMARY, {"user": person["id"], "start": start, "end": month + timedelta(days=32)})
            cursor.fetchall()
            times["plain SQL"].append(time.perf_counter() - since)
    print("\nA summary over 100,000 own entries", flush=True)
    for name, took in times.items():
        report.line(name, p50_ms=statistics.median(took) * 1e3)
    if not entries:
        raise RuntimeError("the summary was empty")
    ratio = statistics.median(one / other for one, other in zip(*times.values(), strict=True))
    report.hold("summary over 100,000 entries / its plain SQL, time", ratio, at_most=1.3)


def _imports(stage: Stage, plan: Plan, report: Report) -> None:
    lines = 100_000 if plan.rounds > 1 else 10_000
    command = [sys.executable, "-m", "bench.budget_import", str(lines), str(plan.rounds)]
    environment = {**stage.environment, "DJANGO_SETTINGS_MODULE": SETTINGS}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    found = json.loads(done.stdout)
    copy, check, load = (statistics.median(found[name]) for name in ("copy", "check", "load"))
    print(f"\nA file of {lines:,} lines into the table of entries, rows/s", flush=True)
    report.line("COPY", rows_a_second=lines / copy)
    report.line("checking", rows_a_second=lines / check)
    report.line("loading", rows_a_second=lines / load)
    ratios = [one / other for one, other in zip(found["copy"], found["load"], strict=True)]
    report.hold("import / COPY into the same table, rows/s", statistics.median(ratios), at_least=0.4)
    report.hold("memory that checking and loading took, MB", found["grown_mb"], at_most=32)


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


async def _askers(
    server: ServerProcess, method: str, path: str, token: str, body: Any = None, count: int = CONNECTIONS
) -> Sequence[Requester]:
    content = json.dumps(body).encode() if body is not None else b""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {token}\r\n"
    if content:
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    request = f"{head}\r\n".encode() + content
    await asyncio.to_thread(_meet, server, method, path, token, content)
    made = []
    for _ in range(count):
        _, one = await asyncio.get_running_loop().create_connection(
            lambda: Requester(request), "127.0.0.1", server.port
        )
        made.append(one)
    return made


def _meet(server: ServerProcess, method: str, path: str, token: str, content: bytes) -> None:
    """Ask once, before anything is measured: the first request of a process loads what the others find loaded."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(server.base_url + path, content or None, headers, method=method)
    with urllib.request.urlopen(request) as answer:
        answer.read()


def _close(variants: Sequence[Variant]) -> None:
    for variant in variants:
        variant.close()


def _queries(server: ServerProcess, path: str, token: str, body: Any) -> int:
    headers = {"Authorization": f"Bearer {token}", "X-Count-Queries": "1", "Content-Type": "application/json"}
    request = urllib.request.Request(server.base_url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return int(answer.headers["X-Queries"])
