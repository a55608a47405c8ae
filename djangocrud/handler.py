"""Django's HTTP side inside the Daphne process: the synchronous middleware chain in fixed pools of worker threads.

Django's own ASGI handler makes a thread context, and with it a database connection, for every request. This one makes
one hop into a pool of threads that live as long as the process, and one hop back (figures in ADR 0001).

1. What waits is bounded: beyond `waiting_max`, or after `wait_s`, the answer is 503 and the view has not run. After
   `run_s` the client hears 503 while the thread finishes and goes on counting as busy.
2. Our server cancels this coroutine when the client leaves: a request that still waits gives its place up; the answer
   of one that runs is thrown away and closed.
3. A worker thread never waits for a client to read: a streamed answer is pulled part by part, the next one when the
   server took the last. Nor does it wait for a body that could be complete first: a small one arrives whole before a
   thread is taken, a big one comes through `serving.body`. In the pools named `early` the view starts at the headers,
   so that it can refuse a body before it comes; it is a pool of its own that waits there for slow clients.
4. The parts of one streamed answer may be made by different threads: an iterator must not keep a cursor or a
   transaction open from one part to the next.
"""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, BinaryIO

from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.db import connections
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from backend.common.metrics import Histogram
from backend.common.pool import PoolBusy, PoolTimeout, ThreadPool
from djangocrud.serving.answers import Answer, json_answer, render
from djangocrud.serving.body import BodyPipe

logger = logging.getLogger(__name__)

Scope = Mapping[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Probe = Callable[[], Awaitable[tuple[int, dict[str, Any]]]]
Page = Callable[[Scope], Awaitable[Answer]]

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})  # others are the client's invention
BODY_WHOLE_MAX = 64 * 1024  # a body that goes on beyond this is read by the view while it arrives
BODY_STALL_S = 30.0
BUSY = json_answer(503, {"detail": "The service is busy. Try again shortly.", "code": "busy"}, retry_after_s=1)
TIMED_OUT = json_answer(
    503, {"detail": "The request took too long; its outcome is not known.", "code": "timeout"}, retry_after_s=5
)
CRASHED = json_answer(500, {"detail": "Internal server error.", "code": "error"})


def http_pool(
    name: str, size: int = 4, waiting_max: int = 64, *, wait_s: float = 5.0, run_s: float | None = 30.0
) -> ThreadPool:
    """Make a pool whose threads may use the database: each keeps its connections, and closes them when it ends."""
    return ThreadPool(name, size, waiting_max, wait_s=wait_s, run_s=run_s, on_thread_exit=connections.close_all)


class Tally:
    """Requests that were answered. Written and read on the event loop only, so these are plain numbers."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, str, int]] = Counter()  # by method, route and status
        self.seconds: dict[str, Histogram] = {}  # by pool, until the answer was there; waiting for a thread counts

    def add(self, pool: str, method: str, answer: Answer, seconds: float) -> None:
        self.answers[method if method in METHODS else "other", answer.route, answer.status] += 1
        if pool not in self.seconds:
            self.seconds[pool] = Histogram()
        self.seconds[pool].observe(seconds)


class PooledHandler(ASGIHandler):
    """An ASGI application that serves HTTP with Django, in the pool that `route_pool` names for a path.

    `probes` and `pages` are answered on the event loop, beside the pools: a busy process still says that it lives.
    """

    def __init__(
        self,
        pools: Mapping[str, ThreadPool],
        route_pool: Callable[[str], str],
        probes: Mapping[str, Probe] | None = None,
        pages: Mapping[str, Page] | None = None,
        *,
        early: Collection[str] = (),
        body_stall_s: float = BODY_STALL_S,
    ) -> None:
        super(ASGIHandler, self).__init__()  # not ASGIHandler's: it would load the asynchronous chain
        self.load_middleware(is_async=False)
        self._pools = pools
        self._route_pool = route_pool
        self._probes = dict(probes or {})
        self._pages = dict(pages or {})
        self.tally = Tally()
        self._early = frozenset(early)
        self._body_stall_s = body_stall_s

    def close(self, timeout_s: float | None = None) -> bool:
        """Close all pools in `timeout_s` together, and tell whether all their threads ended in time."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        ended = True
        for pool in self._pools.values():
            ended &= pool.close(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"Django serves HTTP here, not {scope['type']}.")
        probe = self._probes.get(scope["path"])
        if probe is not None:
            await _send_whole(json_answer(*await probe()), send, scope["method"])
            return
        page = self._pages.get(scope["path"])
        if page is not None:
            await _send_whole(await page(scope), send, scope["method"])
            return
        name = self._route_pool(scope["path"])
        pool = self._pools[name]
        since = time.perf_counter()
        try:
            body, feed = await self._open_body(receive, early=name in self._early and _states_much(scope))
        except RequestAborted:
            return  # The client left before its request was complete.
        try:
            answer = await self._answer(pool, scope, body)
        finally:
            if feed is not None:
                feed.stop()
        self.tally.add(name, scope["method"], answer, time.perf_counter() - since)
        if answer.rest is None:
            await _send_whole(answer, send, scope["method"])
        else:
            await self._send_parts(pool, answer, send)

    async def _open_body(self, receive: Receive, *, early: bool) -> tuple[BinaryIO, _Feed | None]:
        """Return the body as a file: complete in memory, or the reading end of a pipe that is being filled."""
        if early:
            feed = _Feed([], receive, self._body_stall_s)
            return feed.file, feed
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestAborted
        chunks = [message.get("body", b"")]
        size = len(chunks[0])
        while message.get("more_body", False):
            if size > BODY_WHOLE_MAX:
                feed = _Feed(chunks, receive, self._body_stall_s)
                return feed.file, feed
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RequestAborted
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
        return io.BytesIO(chunks[0] if len(chunks) == 1 else b"".join(chunks)), None

    async def _answer(self, pool: ThreadPool, scope: Scope, body: BinaryIO) -> Answer:
        try:
            return await pool.run(self._respond, scope, body, discard=Answer.close)
        except PoolBusy:
            return BUSY
        except PoolTimeout:
            logger.error("%s %s is still running after %s s.", scope["method"], scope["path"], pool.run_s)
            return TIMED_OUT
        except Exception:
            logger.exception("%s %s failed outside of Django's error handling.", scope["method"], scope["path"])
            return CRASHED

    def _respond(self, scope: Scope, body: BinaryIO) -> Answer:
        """Serve one request, in a worker thread."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        response: Any = refusal if request is None else self._serve(request)
        response._handler_class = self.__class__
        match = None if request is None else request.resolver_match
        return render(response, scope["method"])._replace(route="" if match is None else match.route)

    def _serve(self, request: ASGIRequest) -> HttpResponseBase:
        try:
            return self.get_response(request)
        except BaseException:
            request.close()
            signals.request_finished.send(sender=self.__class__)  # what no response will do now
            raise

    async def _send_parts(self, pool: ThreadPool, answer: Answer, send: Send) -> None:
        parts = answer.rest
        assert parts is not None
        try:
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            await send({"type": "http.response.body", "body": answer.body, "more_body": True})
            while not parts.ended:
                part = await pool.run(parts.pull, admitted=True)
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body"})
        finally:
            pool.post(parts.close)


def _states_much(scope: Scope) -> bool:
    """Whether the headers announce a body that a thread should read while it arrives."""
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return length.isdigit() and int(length) > BODY_WHOLE_MAX


async def _send_whole(answer: Answer, send: Send, method: str) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})


class _Feed:
    """Moves a body that is still arriving from the server to the worker thread that reads it."""

    def __init__(self, chunks: list[bytes], receive: Receive, stall_s: float) -> None:
        self._pipe = BodyPipe(asyncio.get_running_loop(), stall_s)
        for chunk in chunks:
            self._pipe.write_chunk(chunk)
        self.file = io.BufferedReader(self._pipe, BODY_WHOLE_MAX)
        self._task = asyncio.create_task(self._fill(receive))

    async def _fill(self, receive: Receive) -> None:
        more = True
        while more:
            await self._pipe.room()
            message = await receive()
            if message["type"] == "http.disconnect":
                self._pipe.cut("The client left before the request body was complete.")
                return
            self._pipe.write_chunk(message.get("body", b""))
            more = message.get("more_body", False)
        self._pipe.end()

    def stop(self) -> None:
        """The answer is there, or nobody waits for it: a thread that still reads gets an error instead of silence."""
        self._task.cancel()
        self._pipe.cut("The request is over.")
