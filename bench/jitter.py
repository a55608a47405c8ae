"""`python -m bench.jitter`: what clients on bad networks see. Nothing lost, nothing twice, in order.

Two server processes (three for a rolling restart) on one database and Valkey. In every chat a customer and an agent
talk, agents leave notes, hand chats to colleagues and close them, customers edit and reopen, at a steady rate; sockets
are cut at random moments and come back to any process. In turn something worse happens (bench/faults.py). What was not
acknowledged is said again. At the end everybody must have received everything that was theirs to see exactly once and
in order, what was acknowledged included, and nobody hears a chat that is a colleague's by now.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import itertools
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from bench import talks
from bench.faults import BY_NAME, FAULTS, small_disk
from bench.figures import Report, percentile
from bench.stage import SeededChat, Stage, opened_stage
from bench.talks import Chat, Member

SETTLE_S = 60.0
PRODUCT = "djangocrud.asgi:application"
# A rolling restart leaves two servers to go to at any time, and is the busiest hour.
SERVERS = {"rolling": 3}
TIMES_AS_BUSY = {"rolling": 2}
# How often each thing happens, out of a hundred.
MIX = {"say": 80, "note": 8, "edit": 6, "transfer": 4, "close": 2}


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad it gets."""

    seconds: float
    rate: float
    cut_every_s: float


async def run(stage: Stage, seeded: Sequence[SeededChat], weather: Weather, name: str, report: Report) -> None:
    """Let one fault happen while people talk, and hold what came of it against zero."""
    count = SERVERS.get(name, 2)
    servers = [stage.serve(PRODUCT, prefix="jitter", settings="djangocrud.settings") for _ in range(count)]
    stage.ready()
    colleagues = [*seeded[1:], seeded[0]]
    chats = [Chat.of(servers, chat, colleague) for chat, colleague in zip(seeded, colleagues, strict=True)]
    members = [member for chat in chats for member in chat.members]
    try:
        await asyncio.gather(*(_arrive(member) for chat in chats for member in chat.present))
        storm = [asyncio.ensure_future(_cut(member, weather.cut_every_s)) for member in members]
        keepers = [asyncio.ensure_future(chat.keep_present()) for chat in chats]
        breaking = asyncio.ensure_future({**FAULTS, **BY_NAME}[name](stage, servers, weather.seconds))
        unheard = await _talk(chats, weather)
        happened = await breaking
        for task in storm:
            task.cancel()
        await _settle(stage, chats)
        for task in keepers:
            task.cancel()
        _judge(chats, unheard, happened, name, report)
    finally:
        await asyncio.gather(*(member.__aexit__() for member in members))
        stage.clear()


async def _arrive(member: Member) -> None:
    await member.come()
    await member.until(lambda: member.connects > 0)


async def _cut(member: Member, every_s: float) -> None:
    """Cut the member's connection once at a random moment of each `every_s`."""
    await asyncio.sleep(random.uniform(0, every_s))
    while True:
        member.cut()
        await asyncio.sleep(every_s * random.uniform(0.5, 1.5))


async def _talk(chats: Sequence[Chat], weather: Weather) -> int:
    """Have things happen at a steady rate; wait until all are answered. Returns how many never were."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    acts = []
    for number in range(int(weather.seconds * weather.rate)):
        await asyncio.sleep(started + number / weather.rate - loop.time())
        act = random.choices(list(MIX), weights=list(MIX.values()))[0]
        acts.append(asyncio.ensure_future(getattr(random.choice(chats), act)(f"{act} {number}")))
    _, unheard = await asyncio.wait(acts, timeout=SETTLE_S)
    for task in unheard:
        task.cancel()
    for task in acts:
        if task.done() and not task.cancelled():
            task.result()
    return len(unheard)


async def _settle(stage: Stage, chats: Sequence[Chat]) -> None:
    """Give everybody time to catch up with what is stored; who does not is found by the counting."""
    heads = await asyncio.to_thread(_heads, stage)
    for chat in chats:
        topic = f"chat.{chat.members[0].chat}"
        chat.head, chat.desk_head = heads.get(topic, 0), heads.get(f"{topic}.desk", 0)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_S):
            while not all(chat.is_settled() for chat in chats):
                await asyncio.sleep(0.1)
    await asyncio.sleep(1)  # long enough for a second copy of the last message to come


def _heads(stage: Stage) -> dict[str, int]:
    with contextlib.closing(psycopg2.connect(stage.embedded.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT key, head FROM realtime_topic WHERE key LIKE 'chat.%'")
        return dict(cursor.fetchall())


def _judge(chats: Sequence[Chat], unheard: int, happened: int, name: str, report: Report) -> None:
    found: Counter[str] = Counter(dict.fromkeys(talks.FAULTS, 0))
    done: Counter[str] = Counter()
    for chat in chats:
        found.update(chat.faults())
        done.update(chat.done)
    delays_s = [delay for chat in chats for delay in chat.delays_s()]
    members = [member for chat in chats for member in chat.members]
    received = sum(len(member.events) + len(member.notes) for member in members)
    print(f"\n{name}: it happened {happened} times", flush=True)
    report.line(f"{name}: done and acknowledged", **done)
    connects, errors = sum(member.connects for member in members), sum(member.errors for member in members)
    report.line(f"{name}: seen", received=received, connections=connects, refused_and_said_again=errors)
    delays = {f"p{share}_ms": percentile(delays_s, share / 100) * 1e3 for share in (50, 99)}
    report.line(f"{name}: from sending to the customer", **delays, worst_ms=max(delays_s, default=0) * 1e3)
    report.hold(f"{name}: never acknowledged", unheard, at_most=0)
    for fault, count in found.items():
        report.hold(f"{name}: {fault.replace('_', ' ')}", count, at_most=0)
    report.hold(f"{name}: hear on after a transfer", sum(chat.linger for chat in chats), at_most=0)
    report.hold(f"{name}: sent back to the start", sum(member.resets for member in members), at_most=0)


def _table(report: Report, names: Sequence[str]) -> None:
    columns = ["never acknowledged", "lost", "doubled", "out of order", "hear on after a transfer"]
    print(f"\n{'':18}" + "".join(f"{column:>25}" for column in columns))
    values = {verdict.name: verdict.value for verdict in report.verdicts}
    for name in names:
        print(f"{name:18}" + "".join(f"{values[f'{name}: {column}']:25g}" for column in columns))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the faults in turn and print what was found; return 1 where anything was."""
    given = _parser().parse_args(arguments)
    names = [given.only] if given.only else list(FAULTS)
    weather = Weather(given.seconds, given.rate, given.cut_every)
    report = Report()
    with opened_stage() as stage:
        seeded = iter(stage.seed(given.chats * len(names)))
        for name in names:
            chats = list(itertools.islice(seeded, given.chats))
            print(f"\n{name}: {len(chats)} chats, {weather.seconds:g} s", flush=True)
            busy = dataclasses.replace(weather, rate=weather.rate * TIMES_AS_BUSY.get(name, 1))
            with small_disk(stage) if name == "disk-full" else contextlib.nullcontext():
                asyncio.run(run(stage, chats, busy, name, report))
    _table(report, names)
    if given.json:
        report.save(given.json)
    print("\nnothing lost, nothing twice, in order" if report.passed else "\nFAULTS: see above", flush=True)
    return 0 if report.passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.jitter", description=__doc__)
    parser.add_argument("--only", choices=[*FAULTS, *BY_NAME], help="this fault alone")
    parser.add_argument("--seconds", type=float, default=20, help="for each fault")
    parser.add_argument("--chats", type=int, default=60, help="each with a customer and two agents")
    parser.add_argument("--rate", type=float, default=100, help="what happens in a second, all chats together")
    parser.add_argument("--cut-every", type=float, default=2, help="seconds between two cuts of a socket")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
