"""One raw connection to the notifications' socket. What it gets is held against the AsyncAPI document."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from backend.tests.frames import check_notice_frame

PATIENCE_S = 30
PATH = "/ws/notifications/"


class Ear:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, frame: Any) -> None:
        """Send text and bytes as they are, anything else as JSON."""
        await self.socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    async def next(self) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            frame = json.loads(await self.socket.recv())
        check_notice_frame(frame)
        return frame

    async def first_frame_or_code(self) -> Any:
        """Return the next frame, or the close code if there is none."""
        try:
            return await self.next()
        except ConnectionClosed:
            return self.socket.close_code

    async def array(self) -> list[dict[str, Any]]:
        """Return the next frame, which must be an array."""
        frame = await self.next()
        assert isinstance(frame, list), frame
        return frame

    async def events(self, topic: str, *, until: int) -> list[dict[str, Any]]:
        """Read arrays until the topic's notice `until` has come; return the topic's notices."""
        found: list[dict[str, Any]] = []
        while not found or found[-1]["seq"] < until:
            found += [notice for notice in await self.array() if notice["topic"] == topic]
        return found

    async def heads(self) -> dict[str, int]:
        """Ask for a pong, which must be the next frame, and return its heads."""
        await self.send({"type": "ping"})
        pong = await self.next()
        assert pong["type"] == "pong", pong
        return pong["heads"]

    async def until_topics_are(self, topics: set[str]) -> None:
        """Wait until the socket sees exactly these topics."""
        async with asyncio.timeout(PATIENCE_S):
            while set(await self.heads()) != topics:
                await asyncio.sleep(0.02)

    async def closed(self) -> int | None:
        """Read until the server closes; return the close code."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.next()
        return self.socket.close_code


@contextlib.asynccontextmanager
async def ear(
    server: Any, token: str | None = None, *, query: str = "", path: str = PATH, **options: Any
) -> AsyncIterator[Ear]:
    """Connect. `token` goes into the header; other credentials come with `options` or the query."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    options = {"additional_headers": headers, "compression": None, "proxy": None, "max_size": None, **options}
    url = f"{server.ws_url}{path}{'?' + query if query else ''}"
    async with connect(url, close_timeout=5, **options) as socket:
        yield Ear(socket)


async def close_code_of(*args: Any, **options: Any) -> int | None:
    """Connect, read what comes, and return the code that the server closes with."""
    async with ear(*args, **options) as socket:
        return await socket.closed()


def facts_of(notices: list[dict[str, Any]]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(notice["topic"], notice["kind"], notice["payload"]) for notice in notices]


def opens(*args: Any, **options: Any) -> bool:
    """Whether the socket lets one in; one that does not must say 4001."""

    async def play() -> Any:
        async with ear(*args, **options) as socket:
            return await socket.first_frame_or_code()

    outcome = asyncio.run(play())
    assert outcome == 4001 or isinstance(outcome, list), outcome
    return outcome != 4001
