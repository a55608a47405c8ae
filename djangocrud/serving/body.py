"""A request body that a worker thread reads while it is still arriving on the event loop.

The loop writes, one thread reads. At most `HIGH_WATER` bytes lie in between: the loop then stops asking the server for
more, and the server stops reading the client's connection. A body that does not arrive whole makes `read` raise
`BodyCut`; it never looks like a shorter body.
"""

from __future__ import annotations

import asyncio
import io
from queue import Empty, SimpleQueue

from django.core.exceptions import BadRequest

HIGH_WATER = 256 * 1024


class BodyCut(BadRequest):
    """The body ended early or stopped arriving. Django answers 400; usually nobody is left to read it.

    Not an OSError: of those Django makes an `UnreadablePostError`, which is a 500 and a traceback in the log.
    """


class BodyPipe(io.RawIOBase):
    """The reading end is a raw binary stream; wrap it in `io.BufferedReader`. `stall_s` limits each wait for data."""

    def __init__(self, loop: asyncio.AbstractEventLoop, stall_s: float) -> None:
        super().__init__()
        self._loop = loop
        self._stall_s = stall_s
        self._chunks: SimpleQueue[bytes | BodyCut] = SimpleQueue()  # b"" ends the body
        self._current = memoryview(b"")
        self._ended = False
        self._held = 0  # bytes written and not yet read; the loop's thread only
        self._room: asyncio.Future[None] | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        """Block until there is something to read. 0 is the end of a body that arrived whole."""
        if not self._current and not self._ended:
            self._next_chunk()
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        count = min(len(target), len(self._current))
        target[:count] = self._current[:count]
        self._current = self._current[count:]
        return count

    def _next_chunk(self) -> None:
        try:
            chunk = self._chunks.get(timeout=self._stall_s)
        except Empty:
            chunk = BodyCut("The request body stopped arriving.")
        if isinstance(chunk, BodyCut):
            self._chunks.put(chunk)  # every later read fails, too
            raise chunk
        self._ended = not chunk
        self._current = memoryview(chunk)
        if chunk and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._taken, len(chunk))

    def write_chunk(self, chunk: bytes) -> None:
        """Add to the body, from the loop."""
        if chunk:
            self._held += len(chunk)
            self._chunks.put(chunk)

    def end(self) -> None:
        self._chunks.put(b"")

    def cut(self, reason: str) -> None:
        self._chunks.put(BodyCut(reason))

    async def room(self) -> None:
        """Wait, on the loop, until the thread has read enough that more may be written."""
        while self._held >= HIGH_WATER:
            self._room = self._loop.create_future()
            await self._room

    def _taken(self, count: int) -> None:
        self._held -= count
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
