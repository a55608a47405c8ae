"""The worker pool: what is refused, what never runs, what is thrown away, and how it ends."""

import asyncio
import contextvars
import threading
import time
from collections.abc import Iterator

import pytest

from backend.common.pool import PoolBusy, PoolClosed, PoolTimeout, ThreadPool

CEILING_S = 20.0
word: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="none")


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    made = ThreadPool("test", 2, 3, wait_s=0.4, run_s=1.2)
    yield made
    made.close(CEILING_S)


class Gate:
    """Calls that wait for it, and a count of them."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self._open = threading.Event()

    def wait(self, result: object = None) -> object:
        self.entered.release()
        assert self._open.wait(CEILING_S)
        return result

    def open(self) -> None:
        self._open.set()


async def fill(pool: ThreadPool, gate: Gate) -> list[asyncio.Task[object]]:
    """Keep both threads busy."""
    tasks = [asyncio.create_task(pool.run(gate.wait, number)) for number in range(pool.size)]
    for _ in tasks:
        while not gate.entered.acquire(blocking=False):
            await asyncio.sleep(0.005)
    return tasks


def test_results_and_errors_come_back(pool: ThreadPool) -> None:
    async def scene() -> None:
        assert await pool.run(divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await pool.run(divmod, 7, 0)

    asyncio.run(scene())


@pytest.mark.parametrize("error", [StopIteration, SystemExit, KeyboardInterrupt])
def test_errors_that_would_end_more_than_the_call_are_wrapped(pool: ThreadPool, error: type[BaseException]) -> None:
    def fail() -> None:
        raise error

    async def scene() -> None:
        with pytest.raises(RuntimeError, match=error.__name__):
            await pool.run(fail)
        assert await pool.run(int, "5") == 5

    asyncio.run(scene())


def test_thousands_of_calls_at_once_all_come_back() -> None:
    pool = ThreadPool("many", 4, 5000)

    async def scene() -> None:
        results = await asyncio.gather(*(pool.run(abs, -number) for number in range(5000)))
        assert results == list(range(5000))

    asyncio.run(scene())
    assert pool.close(CEILING_S)


def test_what_waits_is_bounded(pool: ThreadPool) -> None:
    async def scene() -> None:
        gate = Gate()
        running = await fill(pool, gate)
        waiting = [asyncio.create_task(pool.run(abs, -number)) for number in range(3)]
        await asyncio.sleep(0)
        assert (pool.running, pool.waiting) == (2, 3)
        with pytest.raises(PoolBusy):
            await pool.run(abs, -9)
        assert pool.refused == 1
        gate.open()
        assert await asyncio.gather(*running, *waiting) == [0, 1, 0, 1, 2]

    asyncio.run(scene())


def test_admitted_work_is_neither_refused_nor_sent_away(pool: ThreadPool) -> None:
    async def scene() -> None:
        gate = Gate()
        running = await fill(pool, gate)
        waiting = [asyncio.create_task(pool.run(abs, -1, admitted=True)) for _ in range(9)]
        await asyncio.sleep(0.7)  # longer than others may wait
        gate.open()
        assert await asyncio.gather(*running, *waiting) == [0, 1, *[1] * 9]

    asyncio.run(scene())


def test_a_call_that_waits_too_long_never_runs(pool: ThreadPool) -> None:
    async def scene() -> None:
        gate, ran = Gate(), []
        running = await fill(pool, gate)
        with pytest.raises(PoolBusy):
            await pool.run(ran.append, "ran")
        gate.open()
        await asyncio.gather(*running)
        assert await pool.run(len, ran) == 0

    asyncio.run(scene())


def test_a_call_that_runs_too_long_goes_on_counting(pool: ThreadPool) -> None:
    async def scene() -> None:
        gate = Gate()
        with pytest.raises(PoolTimeout):
            await pool.run(gate.wait)
        assert pool.running == 1
        gate.open()
        deadline = time.monotonic() + CEILING_S
        while pool.running:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)

    asyncio.run(scene())


def test_a_cancelled_caller_takes_back_what_waits_and_discards_what_runs(pool: ThreadPool) -> None:
    async def scene() -> None:
        gate, discarded, ran = Gate(), [], []
        running = [
            asyncio.create_task(pool.run(gate.wait, number, discard=discarded.append)) for number in range(pool.size)
        ]
        waiting = asyncio.create_task(pool.run(ran.append, "ran"))
        while not (gate.entered.acquire(blocking=False) and gate.entered.acquire(timeout=CEILING_S)):
            await asyncio.sleep(0.005)
        for task in (*running, waiting):
            task.cancel()
        assert len([e for e in await asyncio.gather(*running, waiting, return_exceptions=True) if e]) == 3
        assert (pool.running, pool.waiting) == (2, 0)
        gate.open()
        deadline = time.monotonic() + CEILING_S
        while len(discarded) < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        assert (sorted(discarded), ran) == ([0, 1], [])

    asyncio.run(scene())


def test_context_goes_with_the_call_and_does_not_leak_into_the_next(pool: ThreadPool) -> None:
    def read_and_set() -> str:
        before = word.get()
        word.set("leaked")
        return before

    async def scene() -> None:
        word.set("mine")
        assert [await pool.run(read_and_set) for _ in range(5)] == ["mine"] * 5

    asyncio.run(scene())


def test_one_pool_serves_one_loop_after_another(pool: ThreadPool) -> None:
    for number in range(3):
        assert asyncio.run(pool.run(abs, -number)) == number


def test_a_loop_that_is_gone_does_not_hold_the_pool(pool: ThreadPool) -> None:
    gate = Gate()

    async def leave() -> None:
        for task in await fill(pool, gate):
            task.cancel()

    asyncio.run(leave())
    gate.open()
    assert asyncio.run(pool.run(abs, -3)) == 3


def test_closing_ends_threads_runs_hooks_and_refuses_the_rest() -> None:
    started, ended = [], []
    pool = ThreadPool(
        "closing",
        2,
        5,
        on_thread_start=lambda: started.append(threading.get_ident()),
        on_thread_exit=lambda: ended.append(threading.get_ident()),
    )

    async def scene() -> None:
        gate = Gate()
        running = await fill(pool, gate)
        waiting = asyncio.create_task(pool.run(abs, -1))
        await asyncio.sleep(0)
        assert not pool.close(0.0)  # two threads still wait at the gate
        with pytest.raises(PoolClosed):
            await waiting
        with pytest.raises(PoolClosed):
            await pool.run(abs, -1)
        gate.open()
        assert await asyncio.gather(*running) == [0, 1]
        assert pool.close(CEILING_S)

    asyncio.run(scene())
    assert sorted(started) == sorted(ended)
    assert len(set(ended)) == 2


def test_a_failing_hook_does_not_cost_a_thread() -> None:
    def fail() -> None:
        raise RuntimeError("a hook")

    pool = ThreadPool("hooks", 1, 1, on_thread_start=fail, on_thread_exit=fail)
    assert asyncio.run(pool.run(abs, -1)) == 1
    assert pool.close(CEILING_S)
