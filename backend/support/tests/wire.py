"""One raw connection to a chat's socket: every frame as it came, nothing repeated, nothing resumed."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from backend.tests.frames import check_frame

PATIENCE_S = 30
FLEETING = {"presence", "typing", "read", "queue"}


class Wire:
    """What it gets is held against the AsyncAPI document. `seen` keeps all of it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[Any] = []

    async def send(self, frame: Any) -> None:
        """Send text and bytes as they are, anything else as JSON."""
        await self.socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    async def say(self, text: str, **fields: Any) -> None:
        await self.send({"message": text, **fields})

    async def next(self) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            frame = json.loads(await self.socket.recv())
        check_frame(frame)
        self.seen.append(frame)
        return frame

    async def array(self) -> list[dict[str, Any]]:
        """Return the next frame, which must be an array."""
        frame = await self.next()
        assert isinstance(frame, list), str(frame)[:300]
        return frame

    async def get(self, kind: str) -> dict[str, Any]:
        """Return the next object of this type. Only what is not stored may come before it."""
        while True:
            frame = await self.next()
            assert isinstance(frame, dict), str(frame)[:300]
            if frame["type"] == kind:
                return frame
            assert frame["type"] in FLEETING, str(frame)[:300]

    async def messages(self, count: int) -> list[dict[str, Any]]:
        return [await self.get("message") for _ in range(count)]

    async def ask(self, frame: Any) -> dict[str, Any]:
        """Send a frame that only this socket hears of, and return the answer."""
        await self.send(frame)
        while True:
            answer = await self.next()
            if answer["type"] not in FLEETING:
                return answer

    async def ask_for_array(self, frame: Any) -> list[dict[str, Any]]:
        """Send a frame that is answered with an array, and return that."""
        await self.send(frame)
        while not isinstance(answer := await self.next(), list):
            assert answer["type"] in FLEETING, str(answer)[:300]
        return answer

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the objects of this type that have come so far."""
        return [frame for frame in self.seen if isinstance(frame, dict) and frame["type"] == kind]

    async def settle(self) -> list[Any]:
        """Wait until the server has worked through everything sent so far; return what came meanwhile, but the pong."""
        before = len(self.seen)
        await self.send({"type": "ping"})
        while (await self.next())["type"] != "pong":
            pass
        return self.seen[before:-1]

    async def closed(self) -> int | None:
        """Read until the server closes; return the close code."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.next()
        return self.socket.close_code


async def read_until(what: Callable[[], bool], *wires: Wire) -> None:
    """Read all of them at once until `what()` holds."""

    async def read_on(member: Wire) -> None:
        while True:
            await member.next()

    reading = [asyncio.ensure_future(read_on(member)) for member in wires]
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not what():
                await asyncio.sleep(0.01)
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


@contextlib.asynccontextmanager
async def wire(
    server: Any,
    chat_id: Any,
    token: str | None = None,
    *,
    after: object = None,
    path: str = "/ws/support/chat/{}/",
    **options: Any,
) -> AsyncIterator[Wire]:
    """Connect as a member would. `token` goes into the header; other credentials come with `options` or the path."""
    query = "" if after is None else f"?after={after}"
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    options = {"additional_headers": headers, "compression": None, "proxy": None, "max_size": None, **options}
    async with connect(server.ws_url + path.format(chat_id) + query, close_timeout=5, **options) as socket:
        yield Wire(socket)


async def close_code_of(*args: Any, **options: Any) -> int | None:
    """Connect, read what comes, and return the code that the server closes with."""
    async with wire(*args, **options) as socket:
        return await socket.closed()
