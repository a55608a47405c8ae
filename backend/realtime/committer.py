"""Group commit: what arrives while a commit is in flight is committed together in the next one."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import structlog
from django.db import DatabaseError, IntegrityError, InterfaceError, transaction

from backend.common.database import dropped
from backend.common.errors import DomainError, Unavailable
from backend.common.metrics import Histogram
from backend.common.pool import ThreadPool

log = structlog.get_logger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")
Waiting = tuple[Item, Callable[[Result | Exception], None]]

# Over this many items in the queue, senders are made to wait: nothing is dropped, and memory is bounded.
QUEUE_MAX = 2000
# A commit costs nearly as much for one message as for ten. So while commits follow one another this closely, a short
# queue waits a moment for more. Processes that share the load have short queues: this is what keeps them from paying
# twice. Whoever speaks into silence never waits.
BUSY_S, GATHER_S, ENOUGH = 0.005, 0.002, 8


class GroupCommitter(Generic[Item, Result]):
    """Runs `commit(items)` in one thread, one batch after the other; each item's `done` hears its own result.

    `key_of` names what two items of one batch must not share: the second waits for the next batch, in its place.
    A batch that fails is tried again item by item, each in a transaction of its own, so that one bad item does not
    take others with it; a connection that is lost answers all of them with Unavailable, since the outcome is unknown.
    """

    def __init__(
        self,
        *,
        commit: Callable[[Sequence[Item]], Sequence[Result]],
        key_of: Callable[[Item], Hashable | None],
        writer: ThreadPool,
        batch_max: int,
    ) -> None:
        self._commit = commit
        self._key_of = key_of
        self._writer = writer
        self._batch_max = batch_max
        self._queue: deque[Waiting[Item, Result]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._ended_at = float("-inf")
        self.committed = 0  # items that were answered so far
        self.seconds = Histogram()  # of each batch

    @property
    def waiting(self) -> int:
        return len(self._queue)

    async def room(self) -> None:
        """Wait until the queue has room."""
        await self._room.wait()

    def submit(self, item: Item, done: Callable[[Result | Exception], None]) -> None:
        """Queue an item. `done` is called on the loop with the result, or with the exception, after the commit."""
        self._queue.append((item, done))
        if len(self._queue) >= QUEUE_MAX:
            self._room.clear()
        if self._running is None:
            self._running = asyncio.ensure_future(self._run())

    async def drained(self) -> None:
        """Wait until everything submitted is answered."""
        while self._running is not None:
            await asyncio.shield(self._running)

    async def _run(self) -> None:
        try:
            while self._queue:
                if len(self._queue) < ENOUGH and time.perf_counter() - self._ended_at < BUSY_S:
                    await asyncio.sleep(GATHER_S)
                batch = self._next_batch()
                since = time.perf_counter()
                results = await self._results([item for item, _ in batch])
                self._ended_at = time.perf_counter()
                self.seconds.observe(self._ended_at - since)
                self.committed += len(batch)
                for (_, done), result in zip(batch, results, strict=True):
                    _tell(done, result)
        finally:
            self._running = None

    def _next_batch(self) -> list[Waiting[Item, Result]]:
        batch: list[Waiting[Item, Result]] = []
        keys: set[Hashable] = set()
        while self._queue and len(batch) < self._batch_max:
            key = self._key_of(self._queue[0][0])
            if key is not None and key in keys:
                break
            if key is not None:
                keys.add(key)
            batch.append(self._queue.popleft())
        if len(self._queue) < QUEUE_MAX:
            self._room.set()
        return batch

    async def _results(self, items: Sequence[Item]) -> Sequence[Result | Exception]:
        try:
            return await self._writer.run(self._commit_all, items)
        except Exception as fault:  # noqa: BLE001 - every item must hear something; the cause is logged by its socket
            return [fault] * len(items)

    def _commit_all(self, items: Sequence[Item]) -> Sequence[Result | Exception]:
        try:
            return self._commit(items)
        except (DatabaseError, InterfaceError) as fault:
            if dropped(fault):
                raise Unavailable from fault
            if len(items) == 1 and not isinstance(fault, IntegrityError):
                return [fault]
        return [self._commit_one(item) for item in items]

    def _commit_one(self, item: Item) -> Result | Exception:
        try:
            with transaction.atomic():
                return self._commit([item])[0]
        except (DatabaseError, InterfaceError) as fault:
            if dropped(fault):
                return Unavailable()
            return fault
        except DomainError as fault:
            return fault


def _tell(done: Callable[[Result | Exception], None], result: Result | Exception) -> None:
    """Give one item its result. A listener that fails must not keep the others from theirs."""
    try:
        done(result)
    except Exception:
        log.exception("commit.answer_failed")
