"""Documents coming in, decisions going out, keys turning: the figures of KYC."""

import asyncio
import base64
import io
import os
import statistics
import time
import uuid
from collections.abc import Sequence

from PIL import Image

from bench import machine
from bench.client import call
from bench.figures import Report, percentile
from bench.load import Peer, connect
from bench.rounds import Plan
from bench.stage import ServerProcess, Stage

PRODUCT = "djangocrud.asgi:application"
UPLOADS, SIDE = 20, 1860
DECISIONS = 200
PROFILES, DOCUMENTS = 10_000, 1_000
ROUNDS = 5
OLD, NEW = (base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in (1, 2))


async def measure_kyc(stage: Stage, plan: Plan, report: Report) -> None:
    is_quick = plan.rounds == 1
    keys = {f"ENCRYPTION_KEY_{name}": OLD for name in ("SSN", "ADDRESS", "DOCUMENTS")}
    stage.seed(1)  # migrates
    _pieces(stage, report, rounds=1 if is_quick else ROUNDS, keys=keys)
    waiting = stage.work("bench.kyc_work", "waiting", str(UPLOADS if is_quick else DECISIONS), **keys)
    turned = stage.work(
        "bench.kyc_work", "profiles", *map(str, (500, 50) if is_quick else (PROFILES, DOCUMENTS)), **keys
    )
    senders = stage.seed(UPLOADS + 1)
    both = {name: f"{NEW},{OLD}" for name in keys}
    one, other = (stage.serve(PRODUCT, prefix="kyc", **both) for _ in range(2))
    stage.ready()
    await _uploads(report, one, [chat.customer for chat in senders])
    await _decisions(report, one, other, waiting)
    await _turning(stage, report, one, turned["tokens"], both)


def _pieces(stage: Stage, report: Report, *, rounds: int, keys: dict[str, str]) -> None:
    found = stage.work("bench.kyc_work", "pieces", str(rounds), **keys)
    print("\nPieces of 128 KiB into PostgreSQL", flush=True)
    plain, sealed = (statistics.median(found[name]) for name in ("plain", "sealed"))
    report.line("milliseconds each", plain=plain * 1e3, sealed_by_the_service=sealed * 1e3)
    ratio = statistics.median(p / s for p, s in zip(found["plain"], found["sealed"], strict=True))
    report.hold("documents: encrypt and store / store plain, rate", ratio, at_least=0.5)


async def _uploads(report: Report, server: ServerProcess, tokens: Sequence[str]) -> None:
    """20 documents of 10 MB at once by tus, each in one request that opens and fills it."""
    body = _picture()
    await _send(server, tokens[0], body)  # what the first one loads stays
    await asyncio.sleep(2)
    before = machine.resident_kib(server.pid)
    machine.forget_peak(server.pid)
    since = time.perf_counter()
    statuses = await asyncio.gather(*(_send(server, token, body) for token in tokens[1:]))
    if set(statuses) != {201}:
        raise RuntimeError(f"not all documents were taken: {statuses}")
    print(f"\nDocuments: {len(statuses)} of 10 MB at once by tus", flush=True)
    report.line("took", seconds=time.perf_counter() - since)
    grown = (machine.peak_kib(server.pid) - before) / 1024
    report.hold("documents: server memory grows by, MB", max(grown, 0.01), at_most=40)


def _picture() -> bytes:
    """A square of noise, which takes nearly 10 MB."""
    out = io.BytesIO()
    Image.frombytes("RGB", (SIDE, SIDE), os.urandom(SIDE * SIDE * 3)).save(out, "PNG", compress_level=0)
    return out.getvalue()


async def _send(server: ServerProcess, token: str, body: bytes) -> int:
    metadata = {"filename": "scan.png", "document_type": "PASSPORT", "document_number": uuid.uuid4().hex}
    told = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in metadata.items())
    head = (
        f"POST /api/kyc/uploads/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"
        f"Tus-Resumable: 1.0.0\r\nUpload-Length: {len(body)}\r\nUpload-Metadata: {told}\r\n"
        f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(head.encode())
        view = memoryview(body)
        for start in range(0, len(body), 64 * 1024):
            writer.write(view[start : start + 64 * 1024])
            await writer.drain()
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()


async def _decisions(report: Report, one: ServerProcess, other: ServerProcess, waiting: dict) -> None:
    """Decide at one process; the person's socket is at the other. From before the request to the notice."""
    delays_s = []
    for person in waiting["people"]:
        told = asyncio.Event()

        def hear(peer: Peer, payload: bytes, told: asyncio.Event = told) -> None:
            if b'"kyc.decided"' in payload:
                told.set()

        socket = await connect(other.port, f"/ws/notifications/?token={person['token']}", hear)
        await asyncio.sleep(0.02)
        since = time.perf_counter()
        path = f"/api/admin/kyc/review/{person['id']}/"
        deciding = asyncio.create_task(
            asyncio.to_thread(call, one.base_url, "POST", path, {"action": "approve"}, waiting["reviewer"])
        )
        await asyncio.wait_for(told.wait(), 10)
        delays_s.append(time.perf_counter() - since)
        status, answer = await deciding
        socket.close()
        if status != 200:
            raise RuntimeError(f"a decision was answered {status}: {answer}")
    print(f"\nDecision at one process, the person's socket at another, {len(delays_s)} times", flush=True)
    report.line("until told", p50_ms=percentile(delays_s, 0.5) * 1e3, p99_ms=percentile(delays_s, 0.99) * 1e3)
    report.hold("decision reaches the person elsewhere, p99, ms", percentile(delays_s, 0.99) * 1e3, at_most=300)


async def _turning(
    stage: Stage, report: Report, server: ServerProcess, tokens: Sequence[str], keys: dict[str, str]
) -> None:
    """Turn the keys of everything while people read their profiles."""
    turning = asyncio.create_task(asyncio.to_thread(stage.work, "bench.kyc_work", "turn", **keys))
    asked = failed = 0
    while not turning.done():
        for token in tokens:
            status, body = await asyncio.to_thread(call, server.base_url, "GET", "/api/kyc/profile/", None, token)
            asked += 1
            failed += status != 200 or bool(body["resubmit"])
            if turning.done():
                break
    took = (await turning)["seconds"]
    print("\nTurning the keys of profiles and documents, with readers beside it", flush=True)
    report.line("took", seconds=took, requests_beside=asked)
    report.hold("turning keys: requests that failed beside it", failed, at_most=0)
