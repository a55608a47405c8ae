"""What the serving tests serve: a Django site without a database and raw WebSocket applications, in one process.

Started as `python -m djangocrud.serve --app backend.tests.serving_app:application`. `SERVING` in the environment holds
JSON: limits, pool sizes. Probes run beside the worker pools, so a test can always ask for the state or open the gate.
"""

import asyncio
import hashlib
import json
import os
import sys
import threading
import time
from collections import Counter
from typing import Any

import django
from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

options: dict[str, Any] = json.loads(os.environ.get("SERVING", "{}"))

if not settings.configured:
    settings.configure(
        SECRET_KEY="serving-tests",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[f"{__name__}.faulty_middleware"],
        DATA_UPLOAD_MAX_MEMORY_SIZE=100 * 1024 * 1024,
    )
    django.setup()

from backend.common.pool import ThreadPool  # noqa: E402
from djangocrud.handler import PooledHandler  # noqa: E402
from djangocrud.serving import lifecycle  # noqa: E402
from djangocrud.serving.limits import Limits  # noqa: E402
from djangocrud.serving.websocket import EXTENSION, encode_frame  # noqa: E402

gate = threading.Event()
events: Counter[str] = Counter()
unsent_max = 0


def faulty_middleware(get_response: Any) -> Any:
    def middleware(request: HttpRequest) -> HttpResponse:
        if "X-Break" in request.headers:
            raise RuntimeError("broken middleware")
        return get_response(request)

    return middleware


class Response(HttpResponse):
    def close(self) -> None:
        events["closed"] += 1
        super().close()


def noop(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"ok": True, "thread": threading.current_thread().name})


def meta(request: HttpRequest) -> HttpResponse:
    return JsonResponse({name: value for name, value in request.META.items() if isinstance(value, str)})


def digest(request: HttpRequest) -> HttpResponse:
    """Read the body as the test wants it read: in pieces, as a form, when the gate opens, or not at all."""
    events["digest"] += 1
    sha = hashlib.sha256()
    size = 0
    if request.GET.get("form"):
        return JsonResponse({"name": request.POST.get("name"), "files": {n: f.size for n, f in request.FILES.items()}})
    if request.GET.get("ignore"):
        return JsonResponse({"detail": "no"}, status=403)
    if request.GET.get("gated"):
        gate.wait(60)
    while piece := request.read(64 * 1024):
        size += len(piece)
        sha.update(piece)
    events["digested"] += 1
    return JsonResponse({"size": size, "sha256": sha.hexdigest()})


def wait(request: HttpRequest) -> HttpResponse:
    events["waiting"] += 1
    gate.wait(60)
    events["waited"] += 1
    return Response(b"opened")


def sleep(request: HttpRequest) -> HttpResponse:
    events["sleeping"] += 1
    time.sleep(float(request.GET["s"]))
    return HttpResponse(b"slept")


def stream(request: HttpRequest) -> HttpResponse:
    def pieces() -> Any:
        try:
            for number in range(int(request.GET["pieces"])):
                events["pieces"] += 1
                if number == int(request.GET.get("fail", -1)):
                    raise RuntimeError("the stream broke")
                yield bytes([number % 256]) * int(request.GET["size"])
        finally:
            events["stream_closed"] += 1

    return StreamingHttpResponse(pieces(), content_type=request.GET.get("type", "text/plain"))


def file(request: HttpRequest) -> HttpResponse:
    return FileResponse(open(__file__, "rb"))


def lie(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"short", headers={"Content-Length": request.GET["length"]})


def crash(request: HttpRequest) -> HttpResponse:
    raise SystemExit(3) if request.GET.get("exit") else RuntimeError("a crash")


urlpatterns = [
    path("noop/", noop),
    path("meta/", meta),
    path("digest/", digest),
    path("upload/digest/", digest),
    path("wait/", wait),
    path("sleep/", sleep),
    path("stream/", stream),
    path("file/", file),
    path("lie/", lie),
    path("crash/", crash),
]


def handler500(request: HttpRequest) -> HttpResponse:
    if request.headers.get("X-Break") == "twice":
        raise RuntimeError("a broken error handler")
    return JsonResponse({"detail": "handled"}, status=500)


async def state() -> tuple[int, dict[str, Any]]:
    pools = {name: {"running": p.running, "waiting": p.waiting, "refused": p.refused} for name, p in http_pools.items()}
    return 200, {**events, "pools": pools, "unsent_max": unsent_max, "draining": lifecycle.is_draining()}


async def open_gate() -> tuple[int, dict[str, Any]]:
    gate.set()
    return 200, {}


async def websocket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    assert (await receive())["type"] == "websocket.connect"
    if scope["path"] == "/ws/refuse":
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept"})
    if scope["path"] == "/ws/scope":
        told = {"root_path": scope["root_path"], "client": scope["client"][0], "query": scope["query_string"].decode()}
        await send({"type": "websocket.send", "text": json.dumps(told)})
        return
    await SOCKETS[scope["path"]](scope["extensions"][EXTENSION], receive, send)


async def echo_socket(socket: Any, receive: Any, send: Any) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})
    events[f"left {message['code']}"] += 1


async def slow_socket(socket: Any, receive: Any, send: Any) -> None:
    """Take nothing until the gate opens, then everything, and tell how many came and whether in order."""
    while not gate.is_set():
        await asyncio.sleep(0.05)
    expected = 0
    while (message := await receive())["type"] == "websocket.receive":
        if message["text"] == "end":
            await send({"type": "websocket.send", "text": f"{expected} in order"})
            continue
        if int(message["text"].split(":")[0]) != expected:
            await send({"type": "websocket.close", "code": 4000, "reason": f"expected {expected}"})
        expected += 1


async def order_socket(socket: Any, receive: Any, send: Any) -> None:
    """Send by turns, past ASGI and through it, more than the kernel takes at once."""
    for number in range(400):
        text = f"{number}:".ljust(20_000, "x")
        if number % 2:
            await send({"type": "websocket.send", "text": text})
        else:
            socket.write(encode_frame(text.encode()))
    socket.close(4321, "that was all")
    socket.write(encode_frame(b"too late"))
    events["order_open"] += int(socket.is_open)
    await receive()


async def flood_socket(socket: Any, receive: Any, send: Any) -> None:
    """Write to a client that does not read, until a megabyte is unsent; then close it as too slow."""
    global unsent_max
    frame = encode_frame(b"x" * 60_000)
    while socket.is_open and socket.unsent < 1024 * 1024:
        socket.write(frame)
        unsent_max = max(unsent_max, socket.unsent)
        await asyncio.sleep(0)
    socket.close(4013, "too slow")
    while (message := await receive())["type"] != "websocket.disconnect":
        continue
    events[f"flood left {message['code']}"] += 1


async def crash_socket(socket: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("a crash")


async def return_socket(socket: Any, receive: Any, send: Any) -> None:
    return


async def code_socket(socket: Any, receive: Any, send: Any) -> None:
    """Try a close code that is not for applications, and tell what happened."""
    try:
        socket.close(1011)
    except ValueError as error:
        await send({"type": "websocket.send", "text": str(error)})
    await send({"type": "websocket.close", "code": 4010, "reason": "closed"})


async def stuck_socket(socket: Any, receive: Any, send: Any) -> None:
    await receive()
    time.sleep(60)  # noqa: ASYNC251 - a bug in an application, on purpose: it holds the event loop


SOCKETS = {
    "/ws/echo": echo_socket,
    "/ws/slow": slow_socket,
    "/ws/order": order_socket,
    "/ws/flood": flood_socket,
    "/ws/crash": crash_socket,
    "/ws/return": return_socket,
    "/ws/code": code_socket,
    "/ws/stuck": stuck_socket,
}

http_pools = {
    "default": ThreadPool("default", 2, options.get("waiting_max", 64), wait_s=options.get("wait_s", 30.0), run_s=60.0),
    "quick": ThreadPool("quick", 1, 2, wait_s=0.4, run_s=1.0),
    "uploads": ThreadPool("uploads", 2, 8, wait_s=30.0),
}
prefixes = {"/upload/": "uploads", "/sleep/": "quick"}
http = PooledHandler(
    http_pools,
    lambda request_path: next(
        (name for prefix, name in prefixes.items() if request_path.startswith(prefix)), "default"
    ),
    probes={"/livez": state, "/open": open_gate},
    early={"uploads"},
    body_stall_s=options.get("body_stall_s", 30.0),
)
serving_limits = Limits(body_limits={"/upload/": 12 * 1024 * 1024}, **options.get("limits", {}))


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await (http if scope["type"] == "http" else websocket)(scope, receive, send)


def _say(word: str) -> lifecycle.Hook:
    async def hook() -> None:
        sys.stdout.write(f"hook {word}\n")
        sys.stdout.flush()
        if word == options.get("failing_hook"):
            raise RuntimeError(f"{word} failed")

    return hook


lifecycle.on_start.append(_say("start"))
lifecycle.on_drain.append(_say("drain"))
lifecycle.on_stop.append(_say("stop"))
