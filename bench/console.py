"""The staff console: what open inboxes cost, and how soon a message is on the screen, as the browser measures it."""

import asyncio
import json
import time
from collections import Counter
from typing import Any

from backend.console.tests.browsers import launched, why_not
from bench.figures import Report, percentile
from bench.load import Peer, connect
from bench.rounds import Plan
from bench.stage import SeededChat, ServerProcess, Stage

PRODUCT = "djangocrud.asgi:application"
AGENTS = 200
BUSY = 10  # chats that share the messages: each gets several a second, so that there is something to coalesce
A_SECOND = 50
SECONDS = 10
SHOWN = 200
APART_S = 0.05
# In the page: from when the message was stored (the database's clock, which is this machine's) to the frame painted.
WATCH = """
window.delays = [];
new MutationObserver((changes) => {
  for (const change of changes) for (const line of change.addedNodes) {
    const at = Date.parse(line.dataset?.at ?? "");
    if (line.classList?.contains("fresh")) requestAnimationFrame(() => window.delays.push(Date.now() - at));
  }
}).observe(document.querySelector("#events"), { childList: true }); 0
"""


async def measure_console(stage: Stage, plan: Plan, report: Report) -> None:
    agents = plan.some(AGENTS)
    chats = stage.seed(agents)
    server = stage.serve(PRODUCT, prefix="console")
    stage.ready()
    await _inboxes(
        report, server, chats, seconds=max(1.0, SECONDS * plan.share if plan.share < 1 else plan.seconds * 3)
    )
    missing = why_not()
    if missing:
        print(f"\nNo message was put on a screen: {missing}", flush=True)
        return
    await _on_screen(report, server, chats[0], plan.some(SHOWN if plan.rounds > 1 else 40))


class Inboxes:
    """Everybody's inbox is open, each on a socket of its own: what their pages were told."""

    def __init__(self) -> None:
        self.frames: Counter[int] = Counter()
        self.unread: dict[str, int] = {}
        self.peers: list[Peer] = []

    async def open(self, server: ServerProcess, chats: list[SeededChat]) -> None:
        for number, chat in enumerate(chats):  # One after the other, as people come in the morning.
            path = f"/ws/console/?token={chat.agent}"
            self.peers.append(await connect(server.port, path, self._listener(number)))

    def _listener(self, number: int) -> Any:
        def heard(peer: Peer, payload: bytes) -> None:
            if b'"desk"' not in payload[:20]:
                return
            chats = json.loads(payload)["chats"]
            self.frames[number] += bool(chats)
            self.unread.update({chat["chat_id"]: chat["unread"] for chat in chats})

        return heard

    async def until_counted(self, chats: list[SeededChat], total: int) -> None:
        for _ in range(100):
            counted = sum(self.unread.get(chat.id, 0) for chat in chats)
            if counted == total:
                return
            await asyncio.sleep(0.1)
        raise RuntimeError(f"inboxes counted {counted} of {total} messages")


async def _inboxes(report: Report, server: ServerProcess, chats: list[SeededChat], *, seconds: float) -> None:
    """Open all inboxes, have customers write at a steady rate, and count what the busiest page was told."""
    inboxes, busy = Inboxes(), chats[:BUSY]
    await inboxes.open(server, chats)
    customers = [await connect(server.port, chat.path_of(0), lambda peer, payload: None) for chat in busy]
    await asyncio.sleep(4.0 if seconds > 1 else 1.0)
    idle = await _cpu_share(server, min(seconds, 3.0))
    inboxes.frames.clear()
    since, cpu, total = time.perf_counter(), server.cpu_seconds, int(A_SECOND * seconds)
    for number in range(total):
        customers[number % len(customers)].send(b'{"message":"Where is my transfer? %d"}' % number)
        await asyncio.sleep(max(0.0, since + (number + 1) / A_SECOND - time.perf_counter()))
    took, used, most = time.perf_counter() - since, server.cpu_seconds - cpu, max(inboxes.frames.values(), default=1)
    await inboxes.until_counted(busy, total)
    for peer in [*inboxes.peers, *customers]:
        peer.close()
    print(f"\n{len(chats)} open inboxes, {total / took:.0f} messages a second into {len(busy)} of them", flush=True)
    report.line("server CPU, % of a core", idle=idle * 100, with_messages=used / took * 100)
    report.line("server CPU, ms a message", each=max(used - idle * took, 0.0) / total * 1e3)
    report.hold("desk updates a second in the busiest inbox", (most - 1) / took, at_most=2)


async def _cpu_share(server: ServerProcess, seconds: float) -> float:
    cpu, since = server.cpu_seconds, time.perf_counter()
    await asyncio.sleep(seconds)
    return (server.cpu_seconds - cpu) / (time.perf_counter() - since)


async def _on_screen(report: Report, server: ServerProcess, chat: SeededChat, messages: int) -> None:
    customer = await connect(server.port, chat.path_of(0), lambda peer, payload: None)
    loop = asyncio.get_running_loop()

    def say(number: int) -> None:
        loop.call_soon_threadsafe(customer.send, b'{"message":"On the screen, please: %d"}' % number)

    delays = await asyncio.to_thread(_watch, server.base_url, chat, messages, say)
    customer.close()
    print(f"\nFrom stored to painted, {len(delays)} messages one after the other in an open conversation", flush=True)
    report.line("milliseconds", p50=percentile(delays, 0.5), p95=percentile(delays, 0.95), worst=max(delays))
    report.hold("a message on the screen after its commit, p95, ms", percentile(delays, 0.95), at_most=250)


def _watch(base_url: str, chat: SeededChat, messages: int, say: Any) -> list[float]:
    """Open the conversation in a browser, have messages sent, and return what the page measured."""
    with launched() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.add_cookies([{"name": "accessToken", "value": chat.agent, "url": base_url, "httpOnly": True}])
        page = context.new_page()
        page.goto(f"{base_url}/console/inbox/{chat.id}/")
        page.wait_for_selector('#talk-wire[data-state="live"]')
        page.evaluate(WATCH)
        for number in range(messages):
            say(number)
            page.wait_for_timeout(APART_S * 1e3)
        deadline = time.monotonic() + 30
        while page.evaluate("window.delays.length") < messages and time.monotonic() < deadline:
            page.wait_for_timeout(100)
        return [float(delay) for delay in page.evaluate("window.delays")]
