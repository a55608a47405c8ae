"""Three servers behind the balancer against one: what a message and a transfer cost then, and how fast they are ready.

Both groups stand behind a proxy of their own, so that they differ in their number only. Three servers are there for
three times as many people: each carries as many chats as the one alone. The same few chats spread over three is for
scale: a commit and a ring that a dozen messages share cost more where two do. What counts is the CPU of the servers.
Jobs go to Celery's queues, as where there are several servers.
"""

import asyncio
import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from bench import machine, transfers
from bench.chat import CHATS, PRODUCT
from bench.figures import Report, Sample
from bench.load import Conversation
from bench.rounds import Plan, Variant
from bench.stage import SeededChat, ServerProcess, Stage

SERVERS = 3
PEOPLE = 500
READY_WITHIN_S = 60
ONE, THREE, THIN = "N=1", f"N={SERVERS}", f"N={SERVERS}, the load of one"


@dataclass(frozen=True, slots=True)
class Group:
    """Servers of one prefix, and the proxy in front of them."""

    servers: Sequence[ServerProcess]
    proxy: ServerProcess


async def measure_cluster(stage: Stage, plan: Plan, report: Report) -> None:
    chats = stage.seed((1 + 1 + SERVERS) * CHATS)
    people = plan.some(PEOPLE) if plan.rounds == 1 else PEOPLE
    seeded = await asyncio.to_thread(stage.work, "bench.transfers_seed", str((2 + SERVERS) * max(people, 64)))
    await asyncio.to_thread(_ready, stage, report)
    groups = {ONE: _group(stage, 1), THREE: _group(stage, SERVERS)}
    stage.ready()
    for group in groups.values():
        machine.pin(group.proxy.pid, machine.CORES[1])
    await _chat(plan, report, groups, chats)
    await _transfers(plan, report, groups, seeded)


def _group(stage: Stage, count: int) -> Group:
    prefix = f"cluster-{count}"
    servers = [stage.serve(PRODUCT, prefix=prefix, USE_CELERY="True") for _ in range(count)]
    *first, last = (str(server.port) for server in servers)
    proxy = stage.serve(last, prefix=prefix, by=("-m", "djangocrud.proxy", "--port", "{port}", *first))
    return Group(servers, proxy)


# Start to ready


def _ready(stage: Stage, report: Report) -> None:
    """From starting the process to `/readyz`, one server alone, then all with their proxy at once. On all cores."""
    print(f"\nStart to ready, {SERVERS} servers and their balancer", flush=True)
    for name, count in (("a server", 1), (f"{SERVERS} servers and the balancer", SERVERS)):
        since = time.perf_counter()
        group = _group(stage, count)
        for server in [*group.servers, group.proxy]:
            _until_ready(server)
        report.hold(f"start to ready, {name}, seconds", time.perf_counter() - since, at_most=8)
        stage.clear()


def _until_ready(server: ServerProcess) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, urllib.error.URLError):
            with urllib.request.urlopen(f"{server.base_url}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
        time.sleep(0.02)
    raise RuntimeError("a server was not ready in time")


# Chat


async def _chat(plan: Plan, report: Report, groups: dict[str, Group], chats: Sequence[SeededChat]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        own = {ONE: chats[:CHATS], THIN: chats[CHATS : 2 * CHATS], THREE: chats[2 * CHATS :]}
        variants = []
        for name, talks in own.items():
            group = groups[ONE if name == ONE else THREE]
            variants.append(Variant(name, group.servers, await stack.enter_async_context(_talks(group, talks))))
        found = await plan.measure(variants)
    report.table(f"Chat: {CHATS} chats of 2 members for each server, behind a balancer", "message", found.samples)
    report.line(f"{THIN}, CPU a message", times_one=found.ratio(THIN, ONE))
    report.hold("cluster: chat N=3 / N=1, CPU", found.ratio(THREE, ONE), at_most=2)


@contextlib.asynccontextmanager
async def _talks(group: Group, chats: Sequence[SeededChat]) -> AsyncIterator[list[Conversation]]:
    """Let both members of each chat join through the proxy: it puts them on different servers, in turn."""
    talks = [Conversation() for _ in chats]
    for talk, chat in zip(talks, chats, strict=True):
        for member in range(2):
            await talk.join(group.proxy.port, chat.path_of(member))
    await asyncio.sleep(0.5)
    yield talks
    for talk in talks:
        talk.close()


# Money


async def _transfers(plan: Plan, report: Report, groups: dict[str, Group], seeded: dict) -> None:
    """Send by each server of the three in turn, all three being paid for; and by all at once, for scale.

    A transfer waits for the database some twenty times. Where servers share one core, as here, each wait hands the
    core to another process with cold caches: that is this machine's price, not the cluster's.
    """
    one, three = groups[ONE], groups[THREE]
    ways = {ONE: (one, one.proxy), THIN: (three, three.proxy)}
    ways |= {f"N={SERVERS}, by server {number + 1}": (three, server) for number, server in enumerate(three.servers)}
    variants = []
    for place, (name, (group, to)) in enumerate(ways.items()):
        mine = {**seeded, "people": seeded["people"][place :: len(ways)]}
        if name in (ONE, THIN):
            for number, server in enumerate(group.servers):
                met = {**mine, "people": mine["people"][8 * number : 8 * number + 8]}
                await asyncio.to_thread(transfers.meet, server, met)
        requests = [transfers.requests_of(to, mine, number) for number in range(transfers.CONNECTIONS)]
        variants.append(Variant(name, group.servers, [await transfers.connected(to, each) for each in requests]))
    for variant in variants:  # Each process and each of its connections prepares what it will need again.
        await variant.sample(warm_up_s=plan.warm_up_s, seconds=plan.seconds)
    found = await plan.measure(variants)
    failed = {one.failed for variant in variants for one in variant.workers if one.failed}
    for variant in variants:
        variant.close()
    if failed:
        raise RuntimeError(f"transfers failed: {failed}")
    by_turns = [_together(samples) for samples in zip(*(found.samples[name] for name in list(ways)[2:]), strict=True)]
    for sample in by_turns:
        found.add(THREE, sample)
    report.table(f"Sending money, {transfers.CONNECTIONS} at once, behind a balancer", "transfer", found.samples)
    report.line("all three at once on one core, CPU a transfer", times_one=found.ratio(THIN, ONE))
    report.hold("cluster: transfers N=3 / N=1, CPU", found.ratio(THREE, ONE), at_most=1.15)


def _together(samples: Sequence[Sample]) -> Sample:
    """Return what several samples of one round come to."""
    delays_s = [delay for sample in samples for delay in sample.delays_s]
    operations = sum(sample.operations for sample in samples)
    return Sample(
        operations, sum(sample.seconds for sample in samples), sum(sample.cpu_s for sample in samples), delays_s
    )
