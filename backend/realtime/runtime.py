"""What a server process has once, on its event loop: the hub, its threads, and who is connected."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Protocol, TypeVar

import structlog
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections

from backend.common.pool import PoolBusy, ThreadPool
from backend.realtime import selectors
from backend.realtime.committer import GroupCommitter
from backend.realtime.feeds import Delivery
from backend.realtime.hub import Hub
from backend.realtime.presence import RENEW_S, Presence

log = structlog.get_logger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")
Key = TypeVar("Key", str, int)

READER_THREADS = 2
WAITING_MAX = 5000


class Connected(Protocol):
    """A socket as the runtime knows it."""

    def close(self, code: int) -> None: ...

    def going_away(self, within_s: float) -> None: ...

    def recheck(self) -> None: ...


class Follower:
    """Listens to a topic on behalf of the process itself."""

    def __init__(self, callback: Callable[[Delivery], None], cursor: int) -> None:
        self.cursor = cursor
        self._callback = callback

    def take(self, delivery: Delivery) -> None:
        self._callback(delivery)

    def take_whisper(self, frame: bytes) -> None:
        """Whispers are for people."""


class Runtime:
    """Started once for each server process; see `current`."""

    def __init__(self) -> None:
        numbers = settings.REALTIME
        self.readers = ThreadPool("read", READER_THREADS, WAITING_MAX, on_thread_exit=connections.close_all)
        self.writer = ThreadPool("write", 1, WAITING_MAX, on_thread_exit=connections.close_all)
        self.hub = Hub(
            layer=get_channel_layer(),
            readers=self.readers,
            head_check_s=numbers["head_check_seconds"],
            page=numbers["page"],
        )
        self.presence = Presence(self.hub)
        self.sockets: set[Connected] = set()
        self.opened = 0  # sockets that were let in so far
        self.closed: Counter[int] = Counter()  # by close code, those that we closed
        self.shared: dict[str, Any] = {}  # what a slice keeps once for each process
        self._by_session: defaultdict[str, set[Connected]] = defaultdict(set)
        self._by_user: defaultdict[int, set[Connected]] = defaultdict(set)
        self.committers: list[GroupCommitter[Any, Any]] = []

    async def start(self) -> None:
        await self.hub.start()
        self.hub.spawn(self.every(RENEW_S, self.presence.renew))
        for starter in _starters:
            self.hub.spawn(starter(self))

    async def drain(self, seconds: float) -> None:
        """Ask every socket to come back elsewhere, at moments spread over `seconds`; finish what is being written."""
        for socket in tuple(self.sockets):
            socket.going_away(seconds * 0.7)
        deadline = asyncio.get_running_loop().time() + seconds * 0.9
        while self.sockets and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        for committer in self.committers:
            await committer.drained()

    async def stop(self) -> None:
        await self.hub.stop()
        for pool in (self.readers, self.writer):
            pool.close(2.0)

    # Who is connected

    def add(self, socket: Connected, *, sid: str, user_id: int) -> None:
        self.sockets.add(socket)
        self.opened += 1
        self._by_session[sid].add(socket)
        self._by_user[user_id].add(socket)

    def discard(self, socket: Connected, *, sid: str, user_id: int) -> None:
        self.sockets.discard(socket)
        _discard_from(self._by_session, sid, socket)
        _discard_from(self._by_user, user_id, socket)

    def close_sessions(self, sids: Iterable[str], code: int) -> None:
        for sid in sids:
            for socket in tuple(self._by_session.get(sid, ())):
                socket.close(code)

    def recheck_user(self, user_id: int) -> None:
        """Let the person's sockets look again whether they may stay: a role or a flag changed."""
        for socket in tuple(self._by_user.get(user_id, ())):
            socket.recheck()

    # Work

    def committer(
        self, *, commit: Callable[[Sequence[Item]], Sequence[Result]], key_of: Callable[[Item], Any]
    ) -> GroupCommitter[Item, Result]:
        """Return a new group committer that writes in this process's writing thread."""
        made = GroupCommitter(
            commit=commit, key_of=key_of, writer=self.writer, batch_max=settings.REALTIME["batch_max"]
        )
        self.committers.append(made)
        return made

    async def follow(self, topic: str, callback: Callable[[Delivery], None], *, since_seconds: int) -> Follower:
        """Give the process itself every event of a topic, from `since_seconds` ago on, healed like any socket's.

        Returns, once it is live, the listener; its `cursor` says up to where the process has heard.
        """
        feed = self.hub.join(topic)
        follower = None
        while True:
            try:
                if follower is None:
                    page = await self.hub.read(selectors.events_since, topic, seconds=since_seconds)
                    follower = Follower(callback, page.events[0].seq - 1 if page.events else page.head)
                await self.hub.go_live(feed, follower, page.head)
                return follower
            except (DatabaseError, InterfaceError, PoolBusy) as fault:
                log.warning("topic.unread", topic=topic, fault=type(fault).__name__)
                await asyncio.sleep(1)

    async def every(self, seconds: float, job: Callable[[], Awaitable[None]]) -> None:
        """Run `job` every `seconds`; a database that is away is waited for."""
        while True:
            try:
                await job()
            except (DatabaseError, InterfaceError, PoolBusy) as fault:
                log.warning("job.failed", job=job.__qualname__, fault=type(fault).__name__)
            await asyncio.sleep(seconds)


def _discard_from(index: dict[Key, set[Connected]], key: Key, socket: Connected) -> None:
    holders = index.get(key)
    if holders is not None:
        holders.discard(socket)
        if not holders:
            del index[key]


Starter = Callable[[Runtime], Coroutine[Any, Any, None]]
_starters: list[Starter] = []
_running: dict[asyncio.AbstractEventLoop, Runtime] = {}


def on_start(starter: Starter) -> None:
    """Have `starter(runtime)` run as a task of every server process (called in `AppConfig.ready()`)."""
    _starters.append(starter)


async def current() -> Runtime:
    """Return this loop's runtime, started on first use."""
    loop = asyncio.get_running_loop()
    runtime = _running.get(loop)
    if runtime is None:
        runtime = _running[loop] = Runtime()  # Before any await: two first sockets share one.
        await runtime.start()
    return runtime


def found() -> Runtime | None:
    """Return the runtime if one has been started on this loop."""
    return _running.get(asyncio.get_running_loop())
