"""A client as an app developer would write it: REST for signing in, a socket that survives being cut.

The demo, the jitter run and the journey tests all use it, so what they show is what the protocol gives.
"""

import asyncio
import contextlib
import json
import random
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

# Close codes after which coming back makes sense (design.md section 4); 1006 is a cut without a word.
COME_BACK = frozenset({1000, 1001, 1006, 1011, 1012, 4004, 4007, 4012, 4013})


def call(
    base_url: str, method: str, path: str, body: Any = None, token: str = "", headers: Mapping[str, str] | None = None
) -> tuple[int, Any]:
    """Make one REST call; return status and decoded body. Statuses of any kind are answers, not exceptions."""
    request = urllib.request.Request(base_url + path, method=method)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    content = json.dumps(body).encode() if body is not None else None
    try:
        with urllib.request.urlopen(request, content, timeout=30) as response:
            return response.status, json.loads(response.read() or b"null")
    except urllib.error.HTTPError as refusal:
        text = refusal.read()
        with contextlib.suppress(ValueError):
            return refusal.code, json.loads(text)
        return refusal.code, text.decode(errors="replace")


def sign_in(base_url: str, email: str, password: str) -> str:
    """Return an access token."""
    status, body = call(base_url, "POST", "/api/users/login/", {"username": email, "password": password})
    if status != 200:
        raise RuntimeError(f"sign-in of {email} answered {status}: {body}")
    return str(body["access"])


class ChatClient:
    """One member of one chat. Keeps its place (`cursor`), comes back after every cut, and sends again what was not
    acknowledged, under the same `client_id`: nothing it was told is stored can be lost, nothing arrives twice."""

    check_frame: Callable[[Any], None] | None = None  # tests hold every frame against the AsyncAPI document

    def __init__(self, base_url: str | Callable[[], str], chat_id: str, token: str, *, name: str = "") -> None:
        self._base_url = base_url if callable(base_url) else lambda: str(base_url)
        self._path = f"/ws/support/chat/{chat_id}/"
        self._token = token
        self.name = name
        self.cursor = 0
        self.events: list[dict[str, Any]] = []  # durable ones, in the order they came
        self.others: list[dict[str, Any]] = []  # typing, presence, errors, …
        self.connects = 0
        self.close_code: int | None = None
        self._unacknowledged: dict[str, tuple[str, asyncio.Future[int]]] = {}
        self._socket: ClientConnection | None = None
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "ChatClient":
        self._task = asyncio.ensure_future(self._run())
        await self.until(lambda: self.connects > 0 or self.close_code is not None)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def say(self, text: str) -> int:
        """Send a message and return its `seq` once it is stored, however many connections that takes.

        Raises: ConnectionError when the server has said that there is nothing to come back to.
        """
        if self._task is not None and self._task.done():
            raise ConnectionError(f"closed with {self.close_code}")
        client_id = uuid.uuid4().hex
        stored: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._unacknowledged[client_id] = (text, stored)
        await self._send_message(client_id, text)
        return await stored

    async def send(self, frame: Any) -> None:
        if self._socket is not None:
            with contextlib.suppress(ConnectionClosed):
                await self._socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    def cut(self) -> None:
        """Lose the connection without a word, as in a tunnel."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def until(self, what: Callable[[], bool], *, within_s: float = 30) -> None:
        """Wait until `what()` holds. Raises: TimeoutError."""
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(what)

    @property
    def query(self) -> str:
        """Where to go on from."""
        return f"after={self.cursor}"

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(OSError, InvalidHandshake, ConnectionClosed, TimeoutError):
                await self._hold_one_connection()
            if self.close_code is not None and self.close_code not in COME_BACK:
                self._give_up(ConnectionError(f"closed with {self.close_code}"))
                return
            await asyncio.sleep(random.uniform(0.05, 0.3))

    def _give_up(self, fault: Exception) -> None:
        """Tell whoever waits for an acknowledgement that none will come."""
        for _, stored in self._unacknowledged.values():
            if not stored.done():
                stored.set_exception(fault)
        self._unacknowledged.clear()

    async def _hold_one_connection(self) -> None:
        url = f"{self._base_url().replace('http', 'ws', 1)}{self._path}?{self.query}"
        headers = {"Authorization": f"Bearer {self._token}"}
        async with connect(
            url,
            additional_headers=headers,
            compression=None,
            open_timeout=10,
            close_timeout=1,
            max_size=2**24,
            proxy=None,
        ) as socket:
            try:
                async for text in socket:
                    await self._take(socket, json.loads(text))
            finally:  # Also when the loop raises, as it does for every code but 1000 and 1001.
                self._socket = None
                self.close_code = socket.close_code
                async with self._news:
                    self._news.notify_all()

    async def _take(self, socket: ClientConnection, frame: Any) -> None:
        if ChatClient.check_frame is not None:
            ChatClient.check_frame(frame)
        for event in frame if isinstance(frame, list) else [frame]:
            self._take_one(event)
        if self._socket is None:  # The first array of this connection has come: what is unanswered goes out again.
            self._socket = socket
            self.connects += 1
            self.close_code = None
            for client_id, (text, _) in list(self._unacknowledged.items()):
                await self._send_message(client_id, text)
        async with self._news:
            self._news.notify_all()

    def _take_one(self, event: dict[str, Any]) -> None:
        if "seq" in event and event["type"] in {"message", "chat"}:
            self.cursor = max(self.cursor, event["seq"])
            self.events.append(event)
        else:
            self.others.append(event)
        if event["type"] == "ack" or event["type"] == "message":
            _, stored = self._unacknowledged.pop(event.get("client_id") or "", ("", None))
            if stored is not None and not stored.done():
                stored.set_result(event["seq"])

    async def _send_message(self, client_id: str, text: str) -> None:
        await self.send({"message": text, "client_id": client_id})

    @property
    def texts(self) -> list[str]:
        return [event["message"] for event in self.events if event["type"] == "message"]


def faults_in(seqs: list[int], *, first: int, last: int) -> dict[str, int]:
    """Count what a receiver of a gapless sequence must never see."""
    expected = set(range(first, last + 1))
    return {
        "lost": len(expected - set(seqs)),
        "doubled": len(seqs) - len(set(seqs)),
        "out_of_order": sum(1 for a, b in zip(seqs, seqs[1:], strict=False) if b < a),
    }
