"""The realtime core against its limits: no database, the textbook, a bare echo, and itself in two processes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from bench.figures import Report
from bench.load import Conversation
from bench.rounds import Plan, Variant
from bench.stage import STOCK_DAPHNE, SeededChat, ServerProcess, Stage

CHATS = 20
RECEIVERS = 200
PRODUCT = "djangocrud.asgi:application"
DURABLE, NO_INSERT, TEXTBOOK, ECHO, SPLIT = "durable", "no insert", "textbook", "bare Daphne echo", "two processes"


async def measure_chat(stage: Stage, plan: Plan, report: Report) -> None:
    chats = stage.seed(3 * CHATS)
    durable = stage.serve(PRODUCT, prefix="durable")
    echo = stage.serve("bench.variants.echo:application", prefix="echo", by=STOCK_DAPHNE)
    await _ping_pong(stage, plan, report, chats, durable, echo)
    await _fan_out(plan, report, chats[0], durable, echo)


async def _ping_pong(
    stage: Stage, plan: Plan, report: Report, chats: Sequence[SeededChat], durable: ServerProcess, echo: ServerProcess
) -> None:
    no_insert = stage.serve("bench.variants.no_insert:application", prefix="no-insert")
    textbook = stage.serve(
        "bench.variants.textbook.asgi:application",
        prefix="textbook",
        settings="bench.variants.textbook.settings",
        by=STOCK_DAPHNE,
    )
    pair = (stage.serve(PRODUCT, prefix="pair"), stage.serve(PRODUCT, prefix="pair"))
    stage.ready()
    # Chats of their own for all that read the product's tables: a process heals what another one stored.
    served = {
        DURABLE: ((durable, durable), chats[:CHATS]),
        NO_INSERT: ((no_insert, no_insert), chats[CHATS : 2 * CHATS]),
        SPLIT: (pair, chats[2 * CHATS :]),
        TEXTBOOK: ((textbook, textbook), chats[:CHATS]),
        ECHO: ((echo, echo), chats[:CHATS]),
    }
    async with contextlib.AsyncExitStack() as stack:
        variants = [
            Variant(name, tuple(set(servers)), await stack.enter_async_context(talks(servers, own)))
            for name, (servers, own) in served.items()
        ]
        found = await plan.measure(variants)
    report.table(f"Chat: {CHATS} chats of 2 members, who answer one another", "message", found.samples)
    report.hold("no insert / durable, CPU", found.ratio(NO_INSERT, DURABLE), at_least=0.4)
    report.hold("textbook / durable, CPU", found.ratio(TEXTBOOK, DURABLE), at_least=5)
    report.hold("two processes / one, CPU", found.ratio(SPLIT, DURABLE), at_most=1.7)


@contextlib.asynccontextmanager
async def talks(
    servers: tuple[ServerProcess, ServerProcess], chats: Sequence[SeededChat]
) -> AsyncIterator[list[Conversation]]:
    """Let customer and agent of each chat join, each at their server."""
    talks = [Conversation() for _ in chats]
    for talk, chat in zip(talks, chats, strict=True):
        for member, server in enumerate(servers):
            await talk.join(server.port, chat.path_of(member))
    await asyncio.sleep(0.5)
    yield talks
    for talk in talks:
        talk.close()


async def _fan_out(plan: Plan, report: Report, chat: SeededChat, durable: ServerProcess, echo: ServerProcess) -> None:
    """One chat with 200 sockets of its two members, and as many at an echo."""
    async with contextlib.AsyncExitStack() as stack:
        variants = [
            Variant(name, [server], [await stack.enter_async_context(_crowd(server, chat))], each=RECEIVERS)
            for name, server in ((DURABLE, durable), (ECHO, echo))
        ]
        found = await plan.measure(variants)
    report.table(f"Fan-out: one chat, {RECEIVERS} sockets, message after message", "delivery", found.samples)
    report.hold("fan-out: durable / bare echo, CPU", found.ratio(DURABLE, ECHO), at_most=1.3)


@contextlib.asynccontextmanager
async def _crowd(server: ServerProcess, chat: SeededChat) -> AsyncIterator[Conversation]:
    crowd = Conversation()
    for number in range(RECEIVERS):
        await crowd.join(server.port, chat.path_of(number % 2))
    await asyncio.sleep(1)
    yield crowd
    crowd.close()
