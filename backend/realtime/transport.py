"""Writing to a WebSocket without awaiting: through our server's own handle, or through plain ASGI where it has none."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

Send = Callable[[dict[str, Any]], Awaitable[None]]


class SocketHandle(Protocol):
    """What `djangocrud.serve` puts into the scope as the extension `ease.socket`."""

    @property
    def unsent(self) -> int: ...

    @property
    def is_open(self) -> bool: ...

    def write(self, frame: bytes) -> None: ...

    def close(self, code: int, reason: str = "") -> None: ...


def handle_of(scope: dict[str, Any], send: Send) -> "SocketHandle":
    return (scope.get("extensions") or {}).get("ease.socket") or AsgiHandle(send)


class AsgiHandle:
    """The same for servers that know only ASGI (`manage.py runserver`): frames wait in a queue for one sending task."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._unsent = 0
        self._open = True
        self._task = asyncio.ensure_future(self._run())

    @property
    def unsent(self) -> int:
        return self._unsent

    @property
    def is_open(self) -> bool:
        return self._open

    def write(self, frame: bytes) -> None:
        if self._open:
            self._unsent += len(frame)
            self._queue.put_nowait({"type": "websocket.send", "text": _payload_of(frame).decode()})

    def close(self, code: int, reason: str = "") -> None:
        if self._open:
            self._open = False
            self._queue.put_nowait({"type": "websocket.close", "code": code, "reason": reason})

    async def _run(self) -> None:
        while True:
            message = await self._queue.get()
            await self._send(message)
            if message["type"] == "websocket.close":
                return
            self._unsent -= len(message["text"])


def _payload_of(frame: bytes) -> bytes:
    length = frame[1]
    return frame[2:] if length < 126 else frame[4:] if length == 126 else frame[10:]
