"""WebSocket connections: Daphne's protocol with limits, backpressure in both directions, and a direct way out.

The application finds a `Socket` in `scope["extensions"]["ease.socket"]`. Under another server it is not there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

if TYPE_CHECKING:
    from djangocrud.serving.limits import Limits
    from djangocrud.serving.server import Server
    from djangocrud.serving.transport import Connection

logger = logging.getLogger(__name__)

TEXT, BINARY = 0x81, 0x82  # the first byte of a whole message in one frame, not compressed
MASKED = 0x80
LENGTH_16 = 126
EXTENSION = "ease.socket"


def encode_frame(payload: bytes, first_byte: int = TEXT) -> bytes:
    """Encode one message as one server frame."""
    size = len(payload)
    if size < LENGTH_16:
        return bytes((first_byte, size)) + payload
    if size < 1 << 16:
        return bytes((first_byte, LENGTH_16)) + size.to_bytes(2, "big") + payload
    return bytes((first_byte, LENGTH_16 + 1)) + size.to_bytes(8, "big") + payload


class Socket:
    """A way past the ASGI queueing for the application that keeps many sockets: `scope["extensions"]["ease.socket"]`.

    To be used on the event loop only. Frames leave in the order of the calls, together with those sent by ASGI.
    """

    __slots__ = ("_protocol", "_transport")

    def __init__(self, protocol: SocketProtocol) -> None:
        self._protocol = protocol
        self._transport: Connection = protocol.transport

    @property
    def is_open(self) -> bool:
        return self._protocol.state == WebSocketProtocol.STATE_OPEN

    @property
    def unsent(self) -> int:
        """Bytes that were written and that the kernel has not taken yet; grows while the client does not read."""
        return self._transport.unsent

    def write(self, frame: bytes) -> None:
        """Send a complete, encoded, unmasked frame; it is not looked at. Dropped unless the socket is open."""
        if self._protocol.state == WebSocketProtocol.STATE_OPEN:
            self._transport.write(frame)

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame after what was written before. Codes: 1000 and 3000 to 4999, nothing else."""
        self._protocol.close(code, reason)


class Inbox:
    """Messages that wait for the application. It asks the protocol to stop and to go on reading."""

    def __init__(self, protocol: SocketProtocol, limits: Limits) -> None:
        self._protocol = protocol
        self._limits = limits
        self._messages: deque[tuple[dict[str, Any], int]] = deque()
        self._bytes = 0
        self._waiter: asyncio.Future[None] | None = None

    def put_nowait(self, message: dict[str, Any], size: int = 0) -> None:
        self._messages.append((message, size))
        self._bytes += size
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    @property
    def is_full(self) -> bool:
        return len(self._messages) > self._limits.inbox_frames_max or self._bytes > self._limits.inbox_bytes_max

    @property
    def is_low(self) -> bool:
        return len(self._messages) < self._limits.inbox_frames_low and self._bytes < self._limits.inbox_bytes_max // 2

    async def get(self) -> dict[str, Any]:
        while not self._messages:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        message, size = self._messages.popleft()
        self._bytes -= size
        if self._protocol.reading_held and self.is_low:
            self._protocol.go_on_reading()
        return message


class SocketProtocol(WebSocketProtocol):
    """Incoming: whole short frames are taken here, all else by autobahn. Outgoing: one write for each message."""

    server: Server
    transport: Connection
    reading_held = False
    data: bytes  # what has arrived and has not been taken yet
    message_data: list[bytes] | None

    # What arrives

    def make_inbox(self) -> Inbox:
        self.inbox = Inbox(self, self.server.limits)
        return self.inbox

    def dataReceived(self, data: bytes) -> None:
        self.data = self.data + data if self.data else data
        self.consumeData()

    def consumeData(self) -> None:
        """Take frames until there are no more or the application has enough of them; the rest stays in `data`."""
        if self.state not in (self.STATE_OPEN, self.STATE_CLOSING):
            super().consumeData()
            return
        while not self.reading_held and self.state != self.STATE_CLOSED:
            if not (self._take_simple_frames() or self.processData()):
                break

    def _take_simple_frames(self) -> bool:
        """Take the complete, masked, unfragmented messages of up to 65,535 bytes at the front of `data`."""
        if self.state != self.STATE_OPEN or self.current_frame is not None or self.inside_message:
            return False
        data, start, size_max = self.data, 0, self.maxFramePayloadSize
        while not self.reading_held and self.state == self.STATE_OPEN and len(data) - start >= 8:
            first, second = data[start], data[start + 1]
            size, mask = second - MASKED, start + 2
            if size == LENGTH_16:
                size, mask = (data[start + 2] << 8) | data[start + 3], start + 4
                if size < LENGTH_16:
                    break  # not the shortest encoding: an error, and autobahn's to tell
            elif size > LENGTH_16:
                break
            end = mask + 4 + size
            if first not in (TEXT, BINARY) or size < 0 or size > size_max or end > len(data):
                break
            start = end
            self._take_message(_unmask(data[mask : mask + 4], data[mask + 4 : end]), first == BINARY)
        self.data = data[start:]
        return start > 0

    def _take_message(self, payload: bytes, is_binary: bool) -> None:
        if self.autoPingTimeoutCall:
            self._cancelAutoPingTimeoutCall()
        self.onMessage(payload, is_binary)

    def onMessageEnd(self) -> None:
        """As autobahn's, without its listeners, which nobody uses here."""
        payload, self.message_data = b"".join(self.message_data or ()), None
        if not self.failedByMe:
            self.onMessage(payload, self.message_is_binary)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self.state != self.STATE_OPEN:
            return
        self.last_ping = time.time()
        message: dict[str, Any] = {"type": "websocket.receive"}
        if isBinary:
            message["bytes"] = payload
        else:
            try:
                message["text"] = payload.decode()
            except UnicodeDecodeError:
                self._invalid_payload("a text message is not UTF-8")
                return
        self.inbox.put_nowait(message, len(payload))
        if self.inbox.is_full:
            self._hold_reading()

    def _hold_reading(self) -> None:
        """Make the client wait until the application has caught up. Its pong waits, too, so none is asked for."""
        self.reading_held = True
        self.transport.pauseProducing()
        if self.autoPingTimeoutCall:
            self._cancelAutoPingTimeoutCall()

    def go_on_reading(self) -> None:
        self.reading_held = False
        self.last_ping = time.time()
        self.consumeData()
        if not self.reading_held:
            self.transport.resumeProducing()

    def check_timeouts(self) -> None:
        """Daphne's, which also pings. Not while a pong is outstanding: a second ping would forget the first's timer."""
        if not self.reading_held and not self.autoPingTimeoutCall:
            super().check_timeouts()

    # What goes out

    async def send(self, message: dict[str, Any]) -> None:
        """The application's `send`. What comes after the end is dropped, as ASGI wants it."""
        if self.state == self.STATE_CLOSED or "disconnected" in self.server.connections.get(self, ("disconnected",)):
            return
        if message["type"] == "websocket.send":
            self._send_message(message)
        elif message["type"] == "websocket.close" and self.state == self.STATE_OPEN:
            self.close(message.get("code") or 1000, message.get("reason") or "")
        else:
            self.handle_reply(message)

    def _send_message(self, message: dict[str, Any]) -> None:
        if self.state == self.STATE_CONNECTING:
            raise ValueError("The socket has not been accepted.")
        text, data = message.get("text"), message.get("bytes")
        if text is not None and data is None:
            frame = encode_frame(text.encode())
        elif data is not None and text is None:
            frame = encode_frame(data, BINARY)
        else:
            raise ValueError("A message has either text or bytes.")
        if self.state == self.STATE_OPEN:
            self.transport.write(frame)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Autobahn's way out, for the handshake and control frames."""
        self.transport.write(data)

    def close(self, code: int, reason: str = "") -> None:
        if code != 1000 and not 3000 <= code <= 4999:
            raise ValueError(f"Close code {code} is not for applications: use 1000 or 3000 to 4999.")
        if self.state == self.STATE_OPEN:
            self.sendClose(code, reason or None)
            self._stop_holding()

    def go_away(self, code: int) -> None:
        """Close because the server ends, in whichever state the connection is."""
        if self.state == self.STATE_CONNECTING:
            self._reject()
        else:
            self.close(code)

    def application_ended(self) -> None:
        """The application returned. What it left open is closed."""
        self.go_away(1000)

    def fail(self) -> None:
        """The application failed: 500 before the handshake is over, 1011 after it."""
        if self.state == self.STATE_CONNECTING:
            if hasattr(self, "handshake_deferred"):
                self.handle_exception(None)
                del self.handshake_deferred
        else:
            self.sendCloseFrame(1011)
            self._stop_holding()

    def _reject(self) -> None:
        if hasattr(self, "handshake_deferred"):
            self.serverReject()

    def _stop_holding(self) -> None:
        """While closing, nothing is given to the application, but the client's close frame must be read."""
        if self.reading_held:
            self.go_on_reading()


class SocketFactory(WebSocketFactory):
    protocol = SocketProtocol


def _unmask(mask: bytes, payload: bytes) -> bytes:
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")
