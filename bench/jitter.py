"""`python -m bench.jitter`: what clients on bad networks see. Nothing lost, nothing twice, in order.

Two server processes on one database and Valkey. Every chat's two members cut their connections at random moments and
come back to either process; one process is killed with -9 once and started again. Meanwhile messages are sent at a
steady rate and sent again until they are acknowledged. At the end every member must have received every acknowledged
message exactly once and in order, and each must be stored once.
"""

import argparse
import asyncio
import contextlib
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.client import ChatClient, faults_in
from bench.figures import Report, percentile
from bench.stage import SeededChat, ServerProcess, Stage, opened_stage

DOWN_S = 2.0
SETTLE_S = 60.0
PRODUCT = "djangocrud.asgi:application"


class Member(ChatClient):
    """A chat client that notes when each message came. Sent ones are told apart by their text."""

    def __init__(self, servers: Sequence[ServerProcess], chat: SeededChat, token: str) -> None:
        super().__init__(lambda: random.choice(servers).base_url, chat.id, token)
        self.came_at: dict[str, float] = {}
        self.errors = 0

    def _take_one(self, event: dict) -> None:
        if event["type"] == "message":
            self.came_at.setdefault(event["message"], time.monotonic())
        elif event["type"] == "error":
            self.errors += 1
        super()._take_one(event)


@dataclass
class Chat:
    """Two members, and what was acknowledged to them: text to `seq`."""

    members: tuple[Member, Member]
    acknowledged: dict[str, int] = field(default_factory=dict)
    sent_at: dict[str, float] = field(default_factory=dict)

    async def say(self, text: str) -> None:
        self.sent_at[text] = time.monotonic()
        self.acknowledged[text] = await random.choice(self.members).say(text)

    @property
    def last(self) -> int:
        return max(self.acknowledged.values(), default=0)

    def faults(self) -> Counter[str]:
        """Count what must never be: in the members' streams, and in what is stored."""
        found: Counter[str] = Counter({"lost": 0, "doubled": 0, "out_of_order": 0})
        for member in self.members:
            seqs = [event["seq"] for event in member.events]
            found.update(faults_in(seqs, first=1, last=max(self.last, *seqs, 0)))
            received = {event["message"]: event["seq"] for event in member.events if event["type"] == "message"}
            found["lost"] += sum(received.get(text) != seq for text, seq in self.acknowledged.items())
            found["doubled"] += len(member.texts) - len(set(member.texts))
        return found

    def delays_s(self) -> Iterator[float]:
        for member in self.members:
            for text, at in self.sent_at.items():
                if text in member.came_at:
                    yield member.came_at[text] - at


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad it gets."""

    seconds: float
    rate: float
    cut_every_s: float
    kill: bool


async def run(stage: Stage, seeded: Sequence[SeededChat], weather: Weather, report: Report) -> None:
    servers = [stage.serve(PRODUCT, prefix="jitter", settings="djangocrud.settings") for _ in range(2)]
    stage.ready()
    chats = [Chat((Member(servers, chat, chat.customer), Member(servers, chat, chat.agent))) for chat in seeded]
    async with contextlib.AsyncExitStack() as stack:
        members = [member for chat in chats for member in chat.members]
        await asyncio.gather(*(stack.enter_async_context(member) for member in members))
        print(f"{len(members)} sockets are open; {weather.seconds:g} s of cuts and messages follow", flush=True)
        storm = [asyncio.ensure_future(_cut(member, weather.cut_every_s)) for member in members]
        killing = asyncio.ensure_future(_kill_once(servers[0], weather))
        unheard = await _talk(chats, weather)
        await killing
        for task in storm:
            task.cancel()
        await _settle(chats)
        _judge(chats, unheard, report)


async def _cut(member: Member, every_s: float) -> None:
    """Cut the member's connection once at a random moment of each `every_s`."""
    await asyncio.sleep(random.uniform(0, every_s))
    while True:
        member.cut()
        await asyncio.sleep(every_s * random.uniform(0.5, 1.5))


async def _kill_once(server: ServerProcess, weather: Weather) -> None:
    if not weather.kill:
        return
    await asyncio.sleep(weather.seconds * 0.4)
    server.kill()
    print("one server was killed with -9", flush=True)
    await asyncio.sleep(min(DOWN_S, weather.seconds * 0.2))
    server.launch()
    await asyncio.to_thread(server.wait_until_up)


async def _talk(chats: Sequence[Chat], weather: Weather) -> int:
    """Send at a steady rate; wait for all acknowledgements. Returns how many never came."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    sayings = []
    for number in range(int(weather.seconds * weather.rate)):
        await asyncio.sleep(started + number / weather.rate - loop.time())
        sayings.append(asyncio.ensure_future(random.choice(chats).say(f"message {number}")))
    _, unheard = await asyncio.wait(sayings, timeout=SETTLE_S)
    for task in unheard:
        task.cancel()
    return len(unheard)


async def _settle(chats: Sequence[Chat]) -> None:
    """Give every member time to catch up; who does not is found by the counting."""
    waits = [member.until(lambda m=member, c=chat: m.cursor >= c.last) for chat in chats for member in chat.members]
    await asyncio.gather(*waits, return_exceptions=True)
    await asyncio.sleep(1)  # long enough for a second copy of the last message to come


def _judge(chats: Sequence[Chat], unheard: int, report: Report) -> None:
    faults: Counter[str] = Counter()
    for chat in chats:
        faults.update(chat.faults())
    delays_s = [delay for chat in chats for delay in chat.delays_s()]
    members = [member for chat in chats for member in chat.members]
    report.line("acknowledged messages", count=sum(len(chat.acknowledged) for chat in chats))
    report.line("received by members", count=sum(len(member.texts) for member in members))
    report.line("connections", count=sum(member.connects for member in members))
    report.line("errors answered, all sent again", count=sum(member.errors for member in members))
    delays = {f"p{share}_ms": percentile(delays_s, share / 100) * 1e3 for share in (50, 99)}
    report.line("from sending to each member", **delays, worst_ms=max(delays_s, default=0) * 1e3)
    report.hold("never acknowledged", unheard, at_most=0)
    for name, count in faults.items():
        report.hold(name.replace("_", " "), count, at_most=0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print what was found; return 1 on any fault."""
    given = _parser().parse_args(arguments)
    weather = Weather(given.seconds, given.rate, given.cut_every, not given.no_kill)
    report = Report()
    with opened_stage() as stage:
        asyncio.run(run(stage, stage.seed(given.chats), weather, report))
    if given.json:
        report.save(given.json)
    print("\nnothing lost, nothing twice, in order" if report.passed else "\nFAULTS: see above", flush=True)
    return 0 if report.passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.jitter", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--chats", type=int, default=100, help="each with two members")
    parser.add_argument("--rate", type=float, default=100, help="messages a second, all chats together")
    parser.add_argument("--cut-every", type=float, default=2, help="seconds between two cuts of a socket")
    parser.add_argument("--no-kill", action="store_true", help="leave both servers alive")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
