"""The support desk against its limits: searching, long chats, and delays at half of what one process can do."""

import asyncio
import json
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import Any

from bench.events import SETTINGS, measure_events
from bench.figures import Report, percentile
from bench.load import Conversation
from bench.reference import pgbench
from bench.rounds import Plan, Variant
from bench.stage import ROOT, SeededChat, ServerProcess, Stage
from bench.steady import Steady, Visitor

PRODUCT = "djangocrud.asgi:application"
MESSAGES, MESSAGES_QUICK = 1_000_000, 20_000
CHATS = 20
EVENT_CHATS = 4  # as many as the server has threads for requests; more would only queue
EACH_SEARCH = 10
VISITS_A_SECOND = 20
BESIDE_VISITS = 200  # messages a second
# What is looked for: in every message, in many, in some, in none; and what makes a search read in vain.
SEARCHES = {
    "in every message": ["the", "t", "the -account"],
    "common words": ["account", "card please", "my or please"],
    "common words that seldom meet": ['"my account"', "account card please my the"],
    "rare words": ["n12", "x", "qu", "zzzz", "the zzzz"],
}
LONG, SHORT = "100,000 messages", "100 messages"


async def measure_support(stage: Stage, plan: Plan, report: Report) -> None:
    chats = stage.seed(CHATS)
    is_quick = plan.rounds == 1
    seeded = _seed(stage, MESSAGES_QUICK if is_quick else MESSAGES)
    server = stage.serve(PRODUCT, prefix="support", settings=SETTINGS)
    stage.ready()
    await asyncio.to_thread(_search, report, server, seeded, 1 if is_quick else EACH_SEARCH)
    long, short = SeededChat(**seeded["long"]), SeededChat(**seeded["short"])
    await measure_events(plan, report, server, chats[:EVENT_CHATS])
    await _connecting(plan, report, server, long, short)
    await _half_rate(stage, plan, report, server, chats)
    await _beside(plan, report, server, chats, long, short)


def _seed(stage: Stage, messages: int) -> dict[str, Any]:
    print(f"\nStoring {messages:,} messages", flush=True)
    command = [sys.executable, "-m", "bench.seed_support", str(messages)]
    environment = {**stage.environment, "DJANGO_SETTINGS_MODULE": "bench.settings"}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    return dict(json.loads(done.stdout))


def _search(report: Report, server: ServerProcess, seeded: dict[str, Any], times: int) -> None:
    print(f"\nSearching in one's own hundredth of all, {times} times each", flush=True)
    for searches in SEARCHES.values():  # The first of each kind loads code and pages.
        _ask(server, seeded["customer"], searches[0])
    delays_s = []
    for name, searches in SEARCHES.items():
        some = [_ask(server, seeded["customer"], text) for _ in range(times) for text in searches]
        report.line(name, p50_ms=percentile(some, 0.5) * 1e3, p95_ms=percentile(some, 0.95) * 1e3)
        delays_s += some
    report.hold("search in 10,000 of 1,000,000 messages, p95, ms", percentile(delays_s, 0.95) * 1e3, at_most=50)
    texts = [text for searches in SEARCHES.values() for text in searches]
    agent = [_ask(server, seeded["agent"], text) for _ in range(times) for text in texts]
    report.line("an agent, in 100,000", p50_ms=percentile(agent, 0.5) * 1e3, p95_ms=percentile(agent, 0.95) * 1e3)


def _ask(server: ServerProcess, token: str, text: str) -> float:
    address = f"{server.base_url}/api/chats/search/?q={urllib.parse.quote(text)}"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
    since = time.perf_counter()
    with urllib.request.urlopen(request) as answer:
        answer.read()
    return time.perf_counter() - since


async def _connecting(plan: Plan, report: Report, server: ServerProcess, long: SeededChat, short: SeededChat) -> None:
    variants = [
        Variant(name, [server], [Visitor(server.port, chat.path_of(0))])
        for name, chat in ((LONG, long), (SHORT, short))
    ]
    found = await plan.measure(variants)
    report.table("Connecting, receiving the last messages, leaving", "connection", found.samples)
    report.hold("connecting: long chat / short chat, CPU", found.ratio(LONG, SHORT), at_most=1.3)


async def _half_rate(
    stage: Stage, plan: Plan, report: Report, server: ServerProcess, chats: Sequence[SeededChat]
) -> None:
    """Find the highest rate, then send at half of it, in turns with pgbench on the same PostgreSQL."""
    talks = [Conversation() for _ in chats]
    for talk, chat in zip(talks, chats, strict=True):
        for member in (0, 1):
            await talk.join(server.port, chat.path_of(member))
    highest = (await plan.measure([Variant("highest", [server], talks)])).samples["highest"]
    for talk in talks:
        talk.close()
    rate = statistics.median(sample.rate for sample in highest) / 2
    steady = await _steady(server, chats, rate)
    ours, inserts = [], []
    for _ in range(plan.rounds):
        sample = await Variant("half", [server], [steady]).sample(warm_up_s=plan.warm_up_s, seconds=plan.seconds)
        ours.append(sample.delay_ms(0.99))
        delays_s = await asyncio.to_thread(pgbench, stage, clients=1, seconds=max(int(plan.seconds), 1))
        inserts.append(percentile(delays_s, 0.99) * 1e3)
    steady.close()
    print(f"\nAt half the highest rate, {rate:.0f} messages a second", flush=True)
    peer, insert = statistics.median(ours), statistics.median(inserts)
    report.line("p99 from send to the peer; of one insert", peer_ms=peer, insert_ms=insert)
    report.hold("send to peer, p99 / (3 x insert p99 + 10 ms)", peer / (3 * insert + 10), at_most=1)


async def _beside(
    plan: Plan, report: Report, server: ServerProcess, chats: Sequence[SeededChat], long: SeededChat, short: SeededChat
) -> None:
    """What others feel of it when somebody keeps connecting to a long chat, against a short one."""
    steady = await _steady(server, chats, BESIDE_VISITS)
    delays: dict[str, list[float]] = {LONG: [], SHORT: []}
    for number in range(plan.rounds):
        for name, chat in ((LONG, long), (SHORT, short))[:: 1 if number % 2 else -1]:
            visitor = Visitor(server.port, chat.path_of(0), rate=VISITS_A_SECOND)
            variant = Variant(name, [server], [steady, visitor])
            steady_only = await _delays_of(steady, variant, plan)
            delays[name].append(percentile(steady_only, 0.99) * 1e3)
    steady.close()
    print(f"\nOther chats, while somebody connects {VISITS_A_SECOND} times a second", flush=True)
    long_ms, short_ms = (statistics.median(delays[name]) for name in (LONG, SHORT))
    report.line("p99 from send to the peer", long_ms=long_ms, short_ms=short_ms)
    report.hold("others' p99: long chat / (short chat + 5 ms)", long_ms / (short_ms + 5), at_most=1.3)


async def _delays_of(steady: Steady, variant: Variant, plan: Plan) -> list[float]:
    for worker in variant.workers:
        worker.go()
    await asyncio.sleep(plan.warm_up_s)
    steady.delays_s.clear()
    await asyncio.sleep(plan.seconds)
    delays_s = list(steady.delays_s)
    await asyncio.gather(*(worker.pause() for worker in variant.workers))
    return delays_s


async def _steady(server: ServerProcess, chats: Sequence[SeededChat], rate: float) -> Steady:
    steady = Steady(rate)
    for chat in chats:
        await steady.join(server.port, [chat.path_of(member) for member in (0, 1)])
    await asyncio.sleep(0.5)
    return steady
