"""A fixed pool of plain threads that one event loop hands its blocking work to.

Why not `loop.run_in_executor`: it has no bound on what waits, cannot tell "never ran" from "still running", wraps every
call in two futures, and wakes the loop once for each result (measured in ADR 0001).

Invariants, which every caller may rely on:

1. At most `size` calls run and at most `waiting_max` more wait. The next one raises `PoolBusy` and touches no thread.
2. `PoolBusy` means the call never ran. `PoolTimeout` means it may have run: its thread finishes it, and until then it
   counts as running. Nothing is ever retried here.
3. A caller that is cancelled while its call waits takes the call back. One that is cancelled while it runs gives its
   result up; `discard` then gets it, in a thread of the pool.
4. Threads live as long as the pool, so thread-local things (database connections) persist. Each call runs in a copy of
   its caller's context, so context variables do not leak from one call into the next.

The pool is used from one loop at a time: all bookkeeping happens there, and threads only take work and report results.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")


class PoolBusy(Exception):
    """The call never ran: too many were waiting, or it waited too long."""


class PoolClosed(PoolBusy):
    """The call never ran: the pool has been closed."""


class PoolTimeout(Exception):
    """The call ran longer than the pool allows; its outcome is not known."""


class ThreadPool:
    """`size` threads, and room for `waiting_max` more calls; see the module's invariants.

    `wait_s` limits how long a call waits for a thread, `run_s` how long its caller waits in all; both are checked
    every quarter of the limit, at most once a second. The hooks run in each thread as it starts and ends.
    """

    def __init__(
        self,
        name: str,
        size: int,
        waiting_max: int,
        *,
        wait_s: float | None = None,
        run_s: float | None = None,
        on_thread_start: Callable[[], object] | None = None,
        on_thread_exit: Callable[[], object] | None = None,
    ) -> None:
        self.name = name
        self.size = size
        self.wait_s = wait_s
        self.run_s = run_s
        self.refused = 0  # calls that were turned away so far
        self._open_max = size + waiting_max
        self._on_thread_start = on_thread_start
        self._on_thread_exit = on_thread_exit
        self._open: set[_Call] = set()  # waiting or running; the loop's thread only
        self._waiting: deque[_Call] = deque()  # whoever removes a call from here owns it: removal is atomic
        self._tokens: SimpleQueue[bool] = SimpleQueue()  # one for each waiting call; False ends a thread
        self._threads: list[threading.Thread] = []
        self._results: _Results | None = None
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def running(self) -> int:
        return len(self._open) - len(self._waiting)

    async def run(
        self, fn: Callable[..., T], *args: Any, discard: Callable[[T], object] | None = None, admitted: bool = False
    ) -> T:
        """Run `fn(*args)` in a thread and return its result.

        `admitted` is for the later steps of work that was let in before, such as the next part of an answer: it is
        neither refused nor limited in how long it waits.

        Raises: PoolBusy, PoolTimeout, whatever `fn` raises.
        """
        if not admitted and len(self._open) >= self._open_max:
            self.refused += 1
            raise PoolBusy(f"pool {self.name} has {len(self._open)} calls open")
        call = self._enqueue(fn, args, discard, admitted)
        try:
            return await call.future
        except asyncio.CancelledError:
            self._withdraw(call)
            raise

    def post(self, fn: Callable[..., object], *args: Any) -> None:
        """Run `fn(*args)` in a thread some time soon; a failure is only logged. For cleaning up: it is not refused."""
        if self._closed:
            logger.warning("Pool %s has been closed: %r does not run.", self.name, fn)
            return
        call = self._enqueue(fn, args, None, admitted=True)
        call.future.add_done_callback(_log_failure)

    def close(self, timeout_s: float | None = None) -> bool:
        """Refuse what waits, let what runs finish, end the threads; tell whether all of them ended in time."""
        self._closed = True
        for call in list(self._open):
            if self._withdraw(call) and not call.future.get_loop().is_closed():
                call.fail(PoolClosed(f"pool {self.name} has been closed"))
        for _ in self._threads:
            self._tokens.put(False)
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _enqueue(
        self, fn: Callable[..., Any], args: tuple[Any, ...], discard: Callable[[Any], object] | None, admitted: bool
    ) -> _Call:
        if self._closed:
            raise PoolClosed(f"pool {self.name} has been closed")
        loop = asyncio.get_running_loop()
        results = self._results
        if results is None or results.loop is not loop:
            results = self._bind(loop)
        call = _Call(fn, args, discard, admitted, loop.create_future(), results)
        if len(self._threads) < self.size:
            self._start_thread()
        self._open.add(call)
        self._waiting.append(call)
        self._tokens.put(True)
        if self._sweep_timer is None and (self.wait_s or self.run_s):
            self._schedule_sweep(loop)
        return call

    def _bind(self, loop: asyncio.AbstractEventLoop) -> _Results:
        """Serve `loop` from now on. Only a pool at rest, or one whose loop is gone, can change its loop."""
        if self._results is not None and self._open and not self._results.loop.is_closed():
            raise RuntimeError(f"pool {self.name} is in use by another event loop")
        self._open.clear()
        self._sweep_timer = None
        self._results = _Results(self, loop)
        return self._results

    def _withdraw(self, call: _Call) -> bool:
        """Take back a call that still waits; False if a thread has it."""
        try:
            self._waiting.remove(call)
        except ValueError:
            return False
        try:
            self._tokens.get_nowait()
        except Empty:
            logger.debug("A thread of pool %s woke for a call that was taken back.", self.name)
        self._open.discard(call)
        return True

    def _schedule_sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        limits = [limit for limit in (self.wait_s, self.run_s) if limit]
        self._sweep_timer = loop.call_later(min(1.0, *(limit / 4 for limit in limits)), self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Enforce both limits for all calls at once: a timer for each call would cost more than the call's queueing."""
        now = loop.time()
        for call in list(self._open):
            age = now - call.since
            too_long = self.run_s is not None and age > self.run_s
            waited = self.wait_s is not None and age > self.wait_s and not call.admitted
            if (waited or too_long) and self._withdraw(call):
                self.refused += 1
                call.fail(PoolBusy(f"waited {age:.1f} s for a thread of pool {self.name}"))
            elif too_long:
                call.fail(PoolTimeout(f"ran in pool {self.name} for more than {self.run_s} s"))
        self._sweep_timer = None
        if self._open:
            self._schedule_sweep(loop)

    def _settle(self, call: _Call, result: Any, error: BaseException | None) -> None:
        """Hand one finished call to its caller, on the loop."""
        self._open.discard(call)
        if not call.future.done():
            if error is None:
                call.future.set_result(result)
            else:
                call.future.set_exception(error)
        elif error is not None:
            logger.warning("A call in pool %s failed after its caller had left.", self.name, exc_info=error)
        elif call.discard is not None:
            self.post(call.discard, result)

    def _start_thread(self) -> None:
        name = f"{self.name}-{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        self._run_hook(self._on_thread_start)
        while self._tokens.get():
            try:
                call = self._waiting.popleft()
            except IndexError:
                continue  # its caller took it back
            call.run()
            del call  # an idle thread must not keep the last request alive
        self._run_hook(self._on_thread_exit)

    def _run_hook(self, hook: Callable[[], object] | None) -> None:
        if hook is None:
            return
        try:
            hook()
        except Exception:
            logger.exception("A thread hook of pool %s failed.", self.name)


class _Results:
    """Finished calls on their way back to one loop: however many finish before the loop wakes, it is woken once."""

    __slots__ = ("_done", "_pool", "_ringing", "loop")

    def __init__(self, pool: ThreadPool, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._pool = pool
        self._done: deque[tuple[_Call, Any, BaseException | None]] = deque()
        self._ringing = False

    def put(self, call: _Call, result: Any, error: BaseException | None) -> None:
        """Report from a worker thread. The order matters: append first, then look whether the bell already rings."""
        self._done.append((call, result, error))
        if not self._ringing:
            self._ringing = True
            try:
                self.loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                logger.debug("A result came after its event loop had been closed.")

    def _deliver(self) -> None:
        self._ringing = False
        while self._done:
            self._pool._settle(*self._done.popleft())


class _Call:
    """One piece of work, from the caller to a thread and back."""

    __slots__ = ("admitted", "args", "context", "discard", "fn", "future", "results", "since")

    def __init__(
        self,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        discard: Callable[[Any], object] | None,
        admitted: bool,
        future: asyncio.Future[Any],
        results: _Results,
    ) -> None:
        self.fn = fn
        self.args = args
        self.discard = discard
        self.admitted = admitted
        self.future = future
        self.results = results
        self.since = results.loop.time()
        self.context = contextvars.copy_context()

    def run(self) -> None:
        """Run in the worker thread; the outcome, good or bad, is the caller's.

        SystemExit must end neither this thread nor, through its future, the server; and no future can carry
        StopIteration.
        """
        result: Any = None
        error: BaseException | None = None
        try:
            result = self.context.run(self.fn, *self.args)
        except BaseException as exc:  # noqa: BLE001
            error = exc
            if isinstance(exc, StopIteration) or not isinstance(exc, Exception):
                error = RuntimeError(f"{type(exc).__name__} in a worker thread")
                error.__cause__ = exc
        self.results.put(self, result, error)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


def _log_failure(future: asyncio.Future[Any]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        logger.error("Background work in a worker thread failed.", exc_info=error)
