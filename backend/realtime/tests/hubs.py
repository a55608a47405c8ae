"""Hubs as server processes have them, on the real layer and database, and listeners that keep what they hear."""

import asyncio
import contextlib

import orjson
from channels.layers import get_channel_layer
from django.db import connection, connections

from backend.common.pool import ThreadPool
from backend.realtime import selectors
from backend.realtime.feeds import Delivery
from backend.realtime.hub import Hub


class Ear:
    """A listener that keeps what it hears."""

    def __init__(self, cursor=0):
        self.cursor = cursor
        self.heard = []
        self.whispers = []
        self.news = asyncio.Condition()

    def take(self, delivery: Delivery):
        self.heard.append((delivery.seq, orjson.loads(delivery.payload)["payload"]["text"]))
        asyncio.ensure_future(self._tell())

    def take_whisper(self, frame):
        self.whispers.append(frame)
        asyncio.ensure_future(self._tell())

    async def until(self, what):
        async with asyncio.timeout(30), self.news:
            await self.news.wait_for(what)

    async def _tell(self):
        async with self.news:
            self.news.notify_all()


@contextlib.asynccontextmanager
async def joined_hubs(count=1, *, head_check_s=0.2, page=50):
    """Hubs as that many processes have them, all of them joined to the layer."""
    pools = [ThreadPool("read", 2, 5000, on_thread_exit=connections.close_all) for _ in range(count)]
    hubs = [Hub(layer=get_channel_layer(), readers=pool, head_check_s=head_check_s, page=page) for pool in pools]
    try:
        for hub in hubs:
            await hub.start()
        async with asyncio.timeout(30):
            while not all(hub.layer_joined for hub in hubs):
                await asyncio.sleep(0.01)
        yield hubs
    finally:
        for hub, pool in zip(hubs, pools, strict=True):
            await hub.stop()
            pool.close(30)


async def come(hub, topic, ear):
    feed = hub.join(topic)
    page = await hub.read(selectors.events_after, topic, ear.cursor, limit=1)
    await hub.go_live(feed, ear, page.head)
    return feed


def in_thread(job):
    """Run the job on another thread, with a connection of its own, while the loop goes on."""

    def run():
        try:
            return job()
        finally:
            connection.close()

    return asyncio.get_running_loop().run_in_executor(None, run)
