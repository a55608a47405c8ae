"""`/readyz` says how the process is, however busy it is."""

import asyncio
import threading

from backend.realtime import runtime as runtimes
from djangocrud import asgi


def test_readiness_is_answered_while_all_readers_are_busy(live):
    release = threading.Event()

    async def play():
        runtime = await runtimes.current()
        busy = [asyncio.ensure_future(runtime.hub.read(release.wait)) for _ in range(runtimes.READER_THREADS)]
        try:
            while runtime.readers.running < runtimes.READER_THREADS:
                await asyncio.sleep(0)
            return await asyncio.wait_for(asgi.readyz(), 30)
        finally:
            release.set()
            await asyncio.gather(*busy)
            await runtime.stop()

    status, body = asyncio.run(play())
    assert (status, body["database"]) == (200, True)
