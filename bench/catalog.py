"""Searching and listing a catalogue of 100,000 items, as its owner and as somebody with a few items among them."""

import asyncio
import itertools
import json
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from backend.common.cursors import cursor_at
from bench.figures import Report, percentile
from bench.identity import Asker
from bench.rounds import Plan, Variant
from bench.stage import ROOT, ServerProcess, Stage

ITEMS, ITEMS_QUICK = 100_000, 3_000
PRODUCT = "djangocrud.asgi:application"
SETTINGS = "bench.variants.catalog_settings"
TESTS, CATALOGUE = "/api/diagnostictest/diagnostictests/", "/api/catalog/items/"
P95_MS = 30
FREQUENT, RARE, FEW = "frequent words", "rare words", "owner of few"
HELD = (FREQUENT, RARE, FEW)
NEWEST, OLDEST = "own list, newest page", "own list, oldest page"


async def measure_catalog(stage: Stage, plan: Plan, report: Report) -> None:
    count = ITEMS if plan.rounds > 1 else ITEMS_QUICK
    seeded = await asyncio.to_thread(_seed, stage, count)
    server = stage.serve(PRODUCT, prefix="catalog", settings=SETTINGS)
    stage.ready()
    await _searches(plan, report, server, seeded, count)
    await _lists(plan, report, server, seeded)


def _seed(stage: Stage, count: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.catalog_seed", str(count)]
    environment = {**stage.environment, "DJANGO_SETTINGS_MODULE": "bench.settings"}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    seeded: dict[str, Any] = json.loads(done.stdout)
    return seeded


async def _searches(plan: Plan, report: Report, server: ServerProcess, seeded: dict[str, Any], count: int) -> None:
    words: list[str] = seeded["words"]
    asked = {
        FREQUENT: words[:20],
        "middling words": words[100:2_000:50],
        RARE: words[5_000::500],
        "words begun": [word[:3] for word in words[:4_000:100]],
        "two words": [f"{one} {other}" for one, other in zip(words[:40], words[40:80], strict=True)],
        "nowhere": ["zzz", "yyyy"],
    }
    variants = {name: [f"{TESTS}?page_size=20&cursor=&q={quote(q)}" for q in some] for name, some in asked.items()}
    every = [query for some in asked.values() for query in some]
    variants["in all that one may see"] = [f"{CATALOGUE}?q={quote(query)}" for query in every]
    made = [Variant(name, [server], [await _asker(server, seeded["many"], urls)]) for name, urls in variants.items()]
    among = [f"{TESTS}?q={quote(query)}" for query in every]
    made.append(Variant(FEW, [server], [await _asker(server, seeded["few"], among)]))
    for variant in made:
        await variant.sample(warm_up_s=0, seconds=2)  # Pages of the table are read from the disk once.
    found = await plan.measure(made)
    for variant in made:
        variant.close()
    report.table(f"Search over {count:,} items, one after the other", "search", found.samples)
    delays = {name: [delay for one in samples for delay in one.delays_s] for name, samples in found.samples.items()}
    for name, some in delays.items():
        report.line(f"search, {name}", p50_ms=percentile(some, 0.5) * 1e3, p95_ms=percentile(some, 0.95) * 1e3)
    for name in HELD:
        report.hold(f"search, {name}, p95 ms", percentile(delays[name], 0.95) * 1e3, at_most=P95_MS)
    everything = list(itertools.chain.from_iterable(delays.values()))
    report.hold("search, all, p95 ms", percentile(everything, 0.95) * 1e3, at_most=P95_MS)


async def _lists(plan: Plan, report: Report, server: ServerProcess, seeded: dict[str, Any]) -> None:
    """A page costs the same at the newest row as 100,000 rows further back."""
    pages = {NEWEST: f"{TESTS}?cursor=", OLDEST: f"{TESTS}?cursor={cursor_at(seeded['oldest'])}"}
    made = [Variant(name, [server], [await _asker(server, seeded["many"], [url])]) for name, url in pages.items()]
    found = await plan.measure(made)
    for variant in made:
        variant.close()
    report.table("Lists of a large catalogue, 20 rows", "page", found.samples)
    report.hold("oldest page / newest page, CPU", found.ratio(OLDEST, NEWEST), at_most=1.3)
    for name, url in (("list", pages[NEWEST]), ("search", f"{TESTS}?q={seeded['words'][0]}")):
        queries = await asyncio.to_thread(_queries, server, url, seeded["many"])
        report.hold(f"queries of a {name} of the catalogue", queries, at_most=3)


async def _asker(server: ServerProcess, token: str, urls: Sequence[str]) -> Asker:
    head = f"HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {token}\r\n\r\n"
    asker = Asker([f"GET {url} {head}".encode() for url in urls])
    await asyncio.get_running_loop().create_connection(lambda: asker, "127.0.0.1", server.port)
    return asker


def _queries(server: ServerProcess, path: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}", "X-Count-Queries": "1"}
    with urllib.request.urlopen(urllib.request.Request(server.base_url + path, headers=headers)) as answer:
        return int(answer.headers["X-Queries"])
