"""Sockets in this process, under a server that knows only ASGI: the test is the server here."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any, ClassVar

from backend.assistant.consumers import Assisted
from backend.assistant.process import assistant_of
from backend.identity.sockets import SignedSocket
from backend.realtime import runtime as runtimes
from backend.realtime.sockets import Admission


class PageSocket(Assisted):
    """An agent's page without anything else on it: as the console's socket, which stands above this slice."""

    frames: ClassVar[dict[str, str]] = {**SignedSocket.frames, **Assisted.assisted_frames}

    def admit(self) -> Admission:
        return Admission(self.identified(), [])

    def cursors_from(self, value: object) -> dict[str, int]:
        return {}

    def heads(self) -> dict[str, Any]:
        return {"heads": {}}

    def left(self) -> None:
        self.end_assisting()


async def page_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await PageSocket(scope, receive, send).run()


class Seat:
    """One connection; every frame it gets is held against the AsyncAPI document by `check`."""

    def __init__(self, application: Any, token: str, check: Callable[[Any], None], path: dict[str, Any]) -> None:
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()
        self.outgoing: asyncio.Queue[Any] = asyncio.Queue()
        self._check = check
        headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
        scope = {"type": "websocket", "headers": headers, "query_string": b"", "url_route": {"kwargs": path}}
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.ensure_future(application(scope, self.incoming.get, self._send))

    async def _send(self, message: Any) -> None:
        self.outgoing.put_nowait(message)

    def send(self, *frames: Any) -> None:
        for frame in frames:
            self.incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})

    async def next(self) -> Any:
        async with asyncio.timeout(30):
            message = await self.outgoing.get()
        if message["type"] != "websocket.send":
            return message
        frame = json.loads(message["text"])
        self._check(frame)
        return frame

    async def get(self, kind: str, **facts: Any) -> Any:
        """Return the next object of this type that has these facts."""
        while True:
            frame = await self.next()
            if isinstance(frame, dict) and frame["type"] == kind and facts.items() <= frame.items():
                return frame

    async def opened(self) -> Any:
        assert (await self.next())["type"] == "websocket.accept"
        return await self.next()

    async def leave(self) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self.task, 30)


def play(scene: Callable[..., Any]) -> Any:
    """Run `scene(seat)`, where `seat(application, token, check)` takes a place; end everything at its end."""

    async def run() -> Any:
        seats: list[Seat] = []

        def seat(application: Any, token: str, check: Callable[[Any], None], **path: Any) -> Seat:
            seats.append(Seat(application, token, check, path))
            return seats[-1]

        try:
            return await scene(seat)
        finally:
            for taken in seats:
                with contextlib.suppress(TimeoutError):
                    await taken.leave()
            runtime = await runtimes.current()
            await asyncio.sleep(0.05)  # What was cancelled settles.
            if assistant_of(runtime)._model is not None:
                await assistant_of(runtime).model.close()
            await runtime.stop()

    return asyncio.run(run())
