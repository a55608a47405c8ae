"""What files and idle people cost one process: memory, and the patience of everybody else."""

import asyncio
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from backend.common.tests.made_files import png_of_size
from bench import machine
from bench.figures import Report, percentile
from bench.load import Peer, connect
from bench.rounds import Plan
from bench.stage import SeededChat, ServerProcess, Stage

PRODUCT = "djangocrud.asgi:application"
UPLOADS = 20
SIZE = 10 * 1024 * 1024
SIDE = 1860  # of a square of noise that takes nearly as much
IDLE = 2000
IDLE_QUICK = 200
OPEN_AT_ONCE = 50
PING_EVERY_S = 0.002
SETTLE_S = 2.0
UPLOAD_WITHIN_S = 120
BOUNDARY = "bench-boundary"


async def measure_uploads(stage: Stage, plan: Plan, report: Report) -> None:
    idle = IDLE if plan.rounds > 1 else IDLE_QUICK
    chats = stage.seed(max(UPLOADS + 1, idle // 2))
    uploading, holding = (stage.serve(PRODUCT, prefix=prefix) for prefix in ("uploads", "idle"))
    stage.ready()
    await _uploads(report, uploading, chats[: UPLOADS + 1])
    await _idle(report, holding, chats, idle)


async def _uploads(report: Report, server: ServerProcess, chats: Sequence[SeededChat]) -> None:
    """20 files of 10 MB at once, and one socket that keeps asking the server whether it is there."""
    body = _form(png_of_size(SIZE, side=SIDE))
    pinger = Pinger(server)
    await pinger.join(chats[UPLOADS].path_of(0))
    loop, threads = asyncio.get_running_loop(), ThreadPoolExecutor(UPLOADS)
    await loop.run_in_executor(threads, _upload, server, chats[UPLOADS], body)  # what the first one loads stays
    pinger.clear()
    await asyncio.sleep(SETTLE_S)
    alone = list(pinger.delays_s)
    before = machine.resident_kib(server.pid)
    machine.forget_peak(server.pid)
    pinger.clear()
    since, cpu = time.perf_counter(), server.cpu_seconds
    tasks = [loop.run_in_executor(threads, _upload, server, chat, body) for chat in chats[:UPLOADS]]
    statuses = await asyncio.gather(*tasks)
    took, cpu = time.perf_counter() - since, server.cpu_seconds - cpu
    delays = list(pinger.delays_s)
    pinger.close()
    if statuses != [201] * UPLOADS:
        raise RuntimeError(f"not all uploads were taken: {statuses}")
    print(f"\nUploads: {UPLOADS} of {SIZE // 2**20} MB at once")
    report.line("took", seconds=took, server_CPU_seconds=cpu)
    for title, waits in (("a socket beside", delays), ("the same without uploads", alone)):
        shares = {"p50_ms": percentile(waits, 0.5), "p99_ms": percentile(waits, 0.99), "longest_ms": max(waits)}
        report.line(title, **{name: seconds * 1e3 for name, seconds in shares.items()})
    grown = (machine.peak_kib(server.pid) - before) / 1024
    report.hold("uploads: server memory grows by, MB", max(grown, 0.01), at_most=40)
    spent = pinger.cpu_s
    report.line("server CPU during one wait", p50_ms=percentile(spent, 0.5) * 1e3, longest_ms=max(spent) * 1e3)
    report.hold("uploads: a socket beside waits, p99, ms of server CPU", percentile(spent, 0.99) * 1e3, at_most=50)


async def _idle(report: Report, server: ServerProcess, chats: Sequence[SeededChat], count: int) -> None:
    """Both members of many chats, who have opened their sockets and say nothing."""
    paths = [chat.path_of(member) for chat in chats[: count // 2] for member in range(2)]
    first = [await connect(server.port, path, _ignore) for path in paths[:OPEN_AT_ONCE]]
    await asyncio.sleep(SETTLE_S)
    before = machine.resident_kib(server.pid)
    peers = list(first)
    for start in range(OPEN_AT_ONCE, count, OPEN_AT_ONCE):
        some = paths[start : start + OPEN_AT_ONCE]
        peers += await asyncio.gather(*(connect(server.port, path, _ignore) for path in some))
    await asyncio.sleep(SETTLE_S)
    grown = machine.resident_kib(server.pid) - before
    lost = [peer.ended for peer in peers if peer.ended]
    if lost:
        raise RuntimeError(f"{len(lost)} sockets were lost: {lost[0]}")
    for peer in peers:
        peer.close()
    print(f"\nIdle: {count} sockets of {count // 2} chats on one process")
    report.hold("idle sockets: server memory each, KB", max(grown / (count - OPEN_AT_ONCE), 0.01), at_most=30)


class Pinger:
    """A socket that sends a ping, waits for its pong, and soon asks again.

    `cpu_s` is how much CPU the server spent between the two. It has one core: on a machine of its own that is the time
    that the ping waited for it, and on a noisy one it leaves out what others took.
    """

    def __init__(self, server: ServerProcess) -> None:
        self.delays_s: list[float] = []
        self.cpu_s: list[float] = []
        self._server = server
        self._asked_at = self._cpu_at = 0.0
        self._peer: Peer | None = None
        self._again: asyncio.TimerHandle | None = None

    async def join(self, path: str) -> None:
        self._peer = await connect(self._server.port, path, self._heard)
        self._ask()

    def close(self) -> None:
        if self._again is not None:
            self._again.cancel()
        if self._peer is not None:
            self._peer.close()

    def clear(self) -> None:
        self.delays_s.clear()
        self.cpu_s.clear()

    def _ask(self) -> None:
        self._asked_at, self._cpu_at = time.perf_counter(), self._server.cpu_seconds
        if self._peer is not None:
            self._peer.send(b'{"type":"ping"}')

    def _heard(self, peer: Peer, payload: bytes) -> None:
        if b'"pong"' not in payload:
            return
        self.delays_s.append(time.perf_counter() - self._asked_at)
        self.cpu_s.append(self._server.cpu_seconds - self._cpu_at)
        self._again = asyncio.get_running_loop().call_later(PING_EVERY_S, self._ask)


def _ignore(peer: Peer, payload: bytes) -> None:
    """What is told to somebody who only listens."""


def _form(content: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="scan.png"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def _upload(server: ServerProcess, chat: SeededChat, body: bytes) -> int:
    """Send one file as fast as the server takes it; return the answer's status. In a thread of its own, and asleep in
    the kernel for nearly all of the time, so that the loop that measures is not held up by it."""
    head = (
        f"POST /api/chats/{chat.id}/attachments/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Authorization: Bearer {chat.customer}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=UPLOAD_WITHIN_S) as client:
        client.sendall(head.encode())
        client.sendall(body)
        return int(client.makefile("rb").readline().split()[1])
