"""The assistant: what streamed suggestions cost the chats beside them, and how soon a first word is on the screen.

The model's server is a process of its own that speaks the protocol (backend/assistant/tests/model_server.py); each of
its pieces is the time of day at which it was sent.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from backend.console.tests.browsers import launched, why_not
from bench import machine
from bench.chat import talks as talks_of
from bench.figures import Report, percentile
from bench.load import Conversation, Peer, connect
from bench.rounds import Plan, Variant
from bench.stage import ROOT, SeededChat, ServerProcess, Stage, free_port

PRODUCT = "djangocrud.asgi:application"
CHATS = 20
STREAMS = 2
# As fast as a large model speaks to one reader: 40 tokens a second.
PIECES, EVERY_S = 400, 0.025
FIRST = 30
ALONE, BESIDE = "chats alone", "chats, 2 suggestions streaming"
WATCH = """
window.firsts = []; window.seen = "";
new MutationObserver(() => {
  const text = document.querySelector("#assist-text").textContent;
  if (text && !window.seen) {
    const sent = Number(text.split(" ")[0]) * 1000;
    requestAnimationFrame(() => window.firsts.push(Date.now() - sent));
  }
  window.seen = text;
}).observe(document.querySelector("#assist-text"), { childList: true, characterData: true, subtree: true }); 0
"""


async def measure_assistant(stage: Stage, plan: Plan, report: Report) -> None:
    chats = stage.seed(CHATS + STREAMS)
    with _model_server(PIECES, EVERY_S) as url:
        server = stage.serve(
            PRODUCT, prefix="assistant", OPENAI_KEY="bench", OPENAI_BASE_URL=url, OPENAI_MODEL="local",
            ASSISTANT_PERSON_TOKENS="1000000000", ASSISTANT_HOUSE_TOKENS="1000000000", ASSISTANT_TOTAL_SECONDS="60",
        )  # fmt: skip
        stage.ready()
        await _beside(plan, report, server, chats)
        await _first_words(plan, report, server, chats[-1])


@contextmanager
def _model_server(pieces: int, every_s: float) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "backend.assistant.tests.model_server", "--port", str(port)]
    process = subprocess.Popen([*command, "--pieces", str(pieces), "--every", str(every_s)], cwd=ROOT)
    machine.pin(process.pid, machine.CORES[1])
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


class Streaming:
    """An agent's page that has a suggestion streaming all the time; its parts are counted as its work."""

    def __init__(self, chat: SeededChat) -> None:
        self.delays_s: list[float] = []
        self.done = 0
        self._chat = chat
        self._going = False
        self._number = 0
        self._ended = asyncio.Event()
        self._peer: Peer | None = None

    async def open(self, server: ServerProcess) -> None:
        self._peer = await connect(server.port, f"/ws/console/?token={self._chat.agent}", self._heard)
        customer = await connect(server.port, self._chat.path_of(0), lambda peer, payload: None)
        customer.send(b'{"message":"How do I block a lost card?"}')
        await asyncio.sleep(0.3)
        customer.close()

    def go(self) -> None:
        self._going = True
        self._ask()

    async def pause(self) -> None:
        self._going = False
        self._ended.clear()
        self._send({"type": "assist_stop", "id": f"{self._number}"})
        async with asyncio.timeout(10):
            await self._ended.wait()

    def close(self) -> None:
        if self._peer is not None:
            self._peer.close()

    def _ask(self) -> None:
        self._number += 1
        self._send({"type": "assist", "id": f"{self._number}", "chat_id": self._chat.id, "task": "suggestion"})

    def _send(self, frame: dict[str, str]) -> None:
        if self._peer is not None:
            self._peer.send(json.dumps(frame).encode())

    def _heard(self, peer: Peer, payload: bytes) -> None:
        if b'"assist"' not in payload[:20]:
            return
        frame = json.loads(payload)
        if frame["state"] == "part":
            self.done += 1
            return
        self._ended.set()
        if frame["state"] == "failed":
            raise RuntimeError(f"a suggestion failed: {frame}")
        if self._going:
            self._ask()


class Beside:
    """Chats, with suggestions streaming beside them; only what the chats do is counted."""

    def __init__(self, talk: Conversation, streams: list[Streaming]) -> None:
        self._talk, self._streams = talk, streams

    @property
    def done(self) -> int:
        return self._talk.done

    @property
    def delays_s(self) -> list[float]:
        return self._talk.delays_s

    def go(self) -> None:
        self._talk.go()
        for stream in self._streams:
            stream.go()

    async def pause(self) -> None:
        await self._talk.pause()
        for stream in self._streams:
            await stream.pause()

    def close(self) -> None:
        """Both are closed by who opened them."""


async def _beside(plan: Plan, report: Report, server: ServerProcess, chats: list[SeededChat]) -> None:
    """The same chats, alone and with suggestions, in turn; several rounds, since a p99 is a rare thing."""
    streams = [Streaming(chat) for chat in chats[CHATS:]]
    for stream in streams:
        await stream.open(server)
    async with talks_of((server, server), chats[:CHATS]) as talks:
        busy = [Beside(talk, streams if number == 0 else []) for number, talk in enumerate(talks)]
        found = await plan.measure([Variant(ALONE, [server], talks), Variant(BESIDE, [server], busy)])
    for stream in streams:
        stream.close()
    report.table(
        f"{CHATS} chats of 2 members, and {STREAMS} suggestions of 40 pieces a second", "message", found.samples
    )
    report.line("parts on agents' pages in all", parts=sum(stream.done for stream in streams))
    ratios = [
        beside.delay_ms(0.99) / alone.delay_ms(0.99)
        for alone, beside in zip(found.samples[ALONE], found.samples[BESIDE], strict=True)
    ]
    report.hold("p99 of chats beside streamed suggestions / alone", median(ratios), at_most=1.1)


async def _first_words(plan: Plan, report: Report, server: ServerProcess, chat: SeededChat) -> None:
    """From the moment the model's server sent its first word, to when it is painted on the agent's screen."""
    missing = why_not()
    if missing:
        print(f"\nNo word was put on a screen: {missing}", flush=True)
        return
    firsts = await asyncio.to_thread(_watch, server.base_url, chat, plan.some(FIRST if plan.rounds > 1 else 10))
    print(f"\nFrom sent by the model's server to painted, the first word of {len(firsts)} suggestions", flush=True)
    report.line("milliseconds", p50=percentile(firsts, 0.5), p95=percentile(firsts, 0.95), worst=max(firsts))
    report.hold("first word of a suggestion on the screen, p95, ms", percentile(firsts, 0.95), at_most=100)


def _watch(base_url: str, chat: SeededChat, number: int) -> list[float]:
    with launched() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.add_cookies([{"name": "accessToken", "value": chat.agent, "url": base_url, "httpOnly": True}])
        page = context.new_page()
        page.goto(f"{base_url}/console/inbox/{chat.id}/")
        page.wait_for_selector('#talk-wire[data-state="live"]')
        page.wait_for_selector('#wire[data-state="live"]')
        page.evaluate(WATCH)
        for count in range(1, number + 1):
            page.click("#assist-suggest")
            deadline = time.monotonic() + 30
            while page.evaluate("window.firsts.length") < count and time.monotonic() < deadline:
                page.wait_for_timeout(20)
            page.click("#assist-stop")
            page.wait_for_timeout(30)
        return [float(delay) for delay in page.evaluate("window.firsts")]
