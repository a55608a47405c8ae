"""One HTTP request: from the parsed head to the ASGI application, and its answer back to the connection.

Daphne's class is used for the WebSocket handshake; for HTTP it is replaced by a shorter way with backpressure in both
directions. What differs from Daphne, beside speed:

* The body's limit is checked before and while it arrives. Up to `body_max` it is complete before the application is
  called; a bigger one, where the path may have it, is handed over as it arrives, whether or not it stated its length,
  and reading stops while `HELD_MAX` bytes wait.
* `send` returns when the client has taken what was sent before.
* The application's task is cancelled when the client leaves.
* An answer that breaks off, or that has another length than it said, cuts the connection: it never looks complete.
* The client cannot set the root path by a header.
"""

from __future__ import annotations

import asyncio
import io
import logging
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from daphne.http_protocol import WebRequest
from daphne.utils import INVALID_HEADER_VALUE_BYTES

if TYPE_CHECKING:
    from djangocrud.serving.channel import Channel

logger = logging.getLogger(__name__)

HELD_MAX = 128 * 1024  # bytes of a big body that wait for the application
JOIN_MAX = 64 * 1024  # a body up to this size leaves in one write with its head
BAD_VALUE_BYTES = bytes(INVALID_HEADER_VALUE_BYTES)
BODILESS = frozenset((204, 304))
STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
OWN_HEADERS = frozenset((b"connection", b"transfer-encoding", b"date"))  # the server's business
ROOT_PATH_HEADER = b"daphne-root-path"  # by which Daphne would let any client move the application


class RequestHeaders(list[tuple[bytes, bytes]]):
    """A request's headers in order, with lower-case names as ASGI has them, behind the interface that Twisted uses."""

    def addRawHeader(self, name: bytes, value: bytes) -> None:
        self.append((name.lower(), value))

    def getRawHeaders(self, name: bytes, default: Any = None) -> Any:
        name = name.lower()
        return [value for header, value in self if header == name] or default

    def hasHeader(self, name: bytes) -> bool:
        name = name.lower()
        return any(header == name for header, _ in self)

    def getAllRawHeaders(self) -> Any:
        grouped: dict[bytes, list[bytes]] = {}
        for name, value in self:
            grouped.setdefault(name, []).append(value)
        return grouped.items()

    def tokens(self, name: bytes) -> list[bytes]:
        values = self.getRawHeaders(name)
        return [token.strip().lower() for token in b",".join(values).split(b",")] if values else []


class Request(WebRequest):
    """What the parser fills, and what the application's `receive` and `send` belong to."""

    def __init__(self, channel: Channel, queued: object = None) -> None:
        # Not Daphne's or Twisted's: they look addresses up, make header stores and register each request.
        self.channel = channel
        self.over = False  # nothing more can be said to the client: answered, refused, or gone
        self.server = channel.server
        self.transport = channel.transport
        self.client = self.host = self.client_addr = self.application_queue = None
        self.requestHeaders = RequestHeaders()
        self.queued = 0
        self.body_size = 0
        self.body_limit = 0
        self._body_max = 0  # up to here a body is complete before the application is called
        self._streamed = False
        self._chunks: deque[bytes] = deque()
        self._held = 0  # bytes in `_chunks`, and in the server's sum of them
        self._body_ended = self._body_given = False
        self._task: asyncio.Task[None] | None = None
        self._receiving: asyncio.Future[None] | None = None
        self._sending: asyncio.Future[None] | None = None
        self._start: dict[str, Any] | None = None  # the application's http.response.start
        self._head_sent = self._bodiless = False
        self._left: int | None = None  # bytes that the answer still owes

    # From the parser

    def headers_complete(self, command: bytes, uri: bytes, version: bytes, length: int | None) -> int:
        """Learn what is asked for; return how many bytes the body may have."""
        self.method, self.uri, self.clientproto = command, uri, version
        self.path, _, self.query_string = uri.partition(b"?")
        self._body_max = self.body_limit = self.server.limits.body_max
        if length != 0:
            self.body_limit = self.server.limits.body_limit(unquote(self.path.decode("latin-1")))
            self._streamed = length is not None and self._body_max < length <= self.body_limit
        return self.body_limit

    def parseCookies(self) -> None:
        """Django does that."""

    def gotLength(self, length: int | None) -> None:
        """The head is complete and not refused; the body, if any, follows."""
        if self._streamed:
            self._begin()

    def handleContentChunk(self, data: bytes) -> None:
        if self.over:
            return
        self.body_size += len(data)
        if self.body_size > self.body_limit:
            self.channel.refuse_body(self.body_limit)
            return
        self._hold(len(data))
        self._chunks.append(data)
        if self.body_size > self._body_max and not self._streamed:
            self._streamed = True  # it did not state its length, and turns out to be a big one
            self._begin()
        if self.server.bodies_held > self.server.limits.bodies_in_memory_max:
            self.channel.refuse(503, "The service is busy. Try again shortly.", "busy")
        elif self._streamed:
            _wake(self._receiving)
            if self._held > HELD_MAX:
                self.channel.hold_reading()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The request is complete."""
        self._body_ended = True
        if self._streamed:
            _wake(self._receiving)
        else:
            self._begin()

    def connectionLost(self, reason: Any) -> None:
        self.abandon()

    def abandon(self) -> bool:
        """Stop the application: the client is gone, or the channel answers it. True if an answer had begun already."""
        self._end()
        if self._task is not None:
            self._task.cancel()
        return self._head_sent

    def _end(self) -> None:
        self.over = True
        self._release(self._held)
        self._chunks.clear()
        _wake(self._receiving)

    def _hold(self, count: int) -> None:
        self._held += count
        self.server.bodies_held += count

    def _release(self, count: int) -> None:
        self._held -= count
        self.server.bodies_held -= count

    # To the application

    def _upgrade(self) -> None:
        """Let Daphne hand the connection over to its WebSocket protocol."""
        self.content = io.BytesIO()
        self.requestHeaders[:] = [header for header in self.requestHeaders if header[0] != ROOT_PATH_HEADER]
        self.process()
        self.channel.detach()

    def _begin(self) -> None:
        values = b"".join([value for _, value in self.requestHeaders])
        if not self.uri.isascii() or len(values.translate(None, BAD_VALUE_BYTES)) != len(values):
            self.channel.refuse(400, "The request could not be read.", "bad_request")
        elif self.requestHeaders.getRawHeaders(b"upgrade", [b""])[0].lower() == b"websocket" and not self._streamed:
            self._upgrade()
        else:
            self._task = self.server.loop.create_task(self._run(self._make_scope()))

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """Daphne calls this when the handshake cannot begin."""
        self.channel.refuse(status, body, "error")

    def _make_scope(self) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": self.clientproto[5:].decode("ascii"),
            "method": self.method.decode("ascii"),
            "path": unquote(self.path.decode("ascii")),
            "raw_path": self.path,
            "root_path": self.server.root_path,
            "scheme": "http",
            "query_string": self.query_string,
            "headers": self._scope_headers(),
            "client": self.transport.client_address,
            "server": self.transport.server_address,
        }

    def _scope_headers(self) -> list[tuple[bytes, bytes]]:
        """Drop names with an underscore, which Django would take for the same name with a hyphen. A body that came in
        chunks is complete by now: it has a length like any other, without which Django does not read forms."""
        headers = [header for header in self.requestHeaders if b"_" not in header[0]]
        if self.body_size and not self._streamed and self.requestHeaders.hasHeader(b"transfer-encoding"):
            headers = [header for header in headers if header[0] != b"transfer-encoding"]
            headers.append((b"content-length", b"%d" % self.body_size))
        return headers

    async def _run(self, scope: dict[str, Any]) -> None:
        try:
            await self.server.application(scope, self.receive, self.send)
            if not self.over:
                raise RuntimeError("The application returned without a complete response.")
        except asyncio.CancelledError:
            self._fail()
        except Exception:
            logger.exception("The application failed: %s %s", scope["method"], scope["path"])
            self._fail()

    async def receive(self) -> dict[str, Any]:
        while not self.over:
            if self._chunks or (self._body_ended and not self._body_given):
                return self._next_chunk()
            self._receiving = self.server.loop.create_future()
            await self._receiving
        return {"type": "http.disconnect"}

    def _next_chunk(self) -> dict[str, Any]:
        if self._streamed or not self._chunks:
            chunk = self._chunks.popleft() if self._chunks else b""
        else:
            chunk = self._chunks.popleft() if len(self._chunks) == 1 else b"".join(self._chunks)
            self._chunks.clear()
        self._release(len(chunk))
        self._body_given = self._body_ended and not self._chunks
        if self._held < HELD_MAX // 2:
            self.channel.go_on_reading()
        return {"type": "http.request", "body": chunk, "more_body": not self._body_given}

    # From the application

    async def send(self, message: dict[str, Any]) -> None:
        """Write to the client, and return when it has taken enough for more to be made."""
        if self.over:
            return
        if message["type"] == "http.response.start":
            if self._start is not None:
                raise ValueError("The response has already been started.")
            self._start = message
        elif message["type"] == "http.response.body":
            self._write_body(message.get("body", b""), message.get("more_body", False))
            while self.channel.is_congested and not self.over:
                self._sending = self.server.loop.create_future()
                await self._sending
        else:
            raise ValueError(f"HTTP knows no message of type {message['type']}.")

    def _write_body(self, body: bytes, more: bool) -> None:
        head = b"" if self._head_sent else self._make_head(len(body), more)
        if self._bodiless:
            body = b""
        elif self._left is not None:
            self._left -= len(body)
            if self._left < 0:
                raise RuntimeError("The response is longer than its Content-Length.")
        elif self.chunked and body:
            body = b"%x\r\n%b\r\n" % (len(body), body)
        if self.chunked and not more:
            body += b"0\r\n\r\n"
        self._head_sent = True
        if head and len(body) <= JOIN_MAX:
            self.transport.write(head + body)
        else:
            for data in filter(None, (head, body)):
                self.transport.write(data)
        if not more:
            self._finish()

    def _make_head(self, body_size: int, more: bool) -> bytes:
        """Build the head, and settle how the client will know where the body ends."""
        if self._start is None:
            raise ValueError("The response has not been started.")
        status = self._start["status"]
        self._bodiless = self.method == b"HEAD" or status in BODILESS
        lines = [STATUS_LINES.get(status, b"HTTP/1.1 %d \r\n" % status), self.server.date_line]
        for name, value in self._start.get("headers", ()):
            lower = name.lower()
            if lower == b"content-length":
                self._left = int(value)
            elif lower == b"connection" and value.lower() == b"close":
                self.channel.persistent = False
            if lower not in OWN_HEADERS:
                lines.append(b"%b: %b\r\n" % (name, value))
        if self._left is None and not self._bodiless:
            self._settle_length(body_size, more, lines)
        if not self.channel.persistent:
            lines.append(b"Connection: close\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
            raise ValueError("A response header has a line break in it.")
        return head + b"\r\n"

    def _settle_length(self, body_size: int, more: bool, lines: list[bytes]) -> None:
        if not more:
            self._left = body_size
            lines.append(b"Content-Length: %d\r\n" % body_size)
        elif self.clientproto == b"HTTP/1.1":
            self.chunked = 1
            lines.append(b"Transfer-Encoding: chunked\r\n")
        else:
            self.channel.persistent = False  # the end of the connection is the end of the body

    def drained(self) -> None:
        """The client has taken all that was written."""
        _wake(self._sending)

    def _finish(self) -> None:
        if self._left and not self._bodiless:
            raise RuntimeError(f"The response is {self._left} bytes shorter than its Content-Length.")
        self._end()
        self.channel.requestDone(self)

    def _fail(self) -> None:
        """The application will not finish: say so while that is possible, else cut, so that nothing looks complete."""
        if self.over:
            return
        if self._head_sent:
            self.transport.abortConnection()
        else:
            self.channel.refuse(500, "Internal server error.", "error")


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
