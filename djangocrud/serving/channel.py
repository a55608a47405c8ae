"""One HTTP connection: Twisted parses it, we set the limits.

No timer belongs to a connection: the server looks at all of them every tick (`sweep`).
"""

from __future__ import annotations

import json
import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from twisted.web.http import HTTPChannel

if TYPE_CHECKING:
    from djangocrud.serving.http import Request
    from djangocrud.serving.server import Server

logger = logging.getLogger(__name__)


class Channel(HTTPChannel):
    """`requests` holds at most one request: while it is answered, Twisted keeps what the client sends ahead."""

    timeOut = None  # Twisted's own timer, one for each connection
    requests: list[Request]

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server
        self.limits = server.limits
        self.reading_held = False  # by a request whose body arrives faster than the application takes it
        self._closing_since: float | None = None
        self._began_at = self._progress_at = self._taken_at = time.monotonic()
        self._held_since = 0.0
        self._taken = 0

    def connectionMade(self) -> None:
        super().connectionMade()
        self.server.channels.add(self)

    def connectionLost(self, reason: Any) -> None:
        self.server.channels.discard(self)
        super().connectionLost(reason)

    def detach(self) -> None:
        """Leave the connection to the WebSocket protocol that has taken it over."""
        self.server.channels.discard(self)
        self.requests.clear()
        self._networkProducer.unregisterProducer()

    # What arrives

    def dataReceived(self, data: bytes) -> None:
        self._progress_at = time.monotonic()
        if not self.requests and not self._buffer:
            self._began_at = self._progress_at
        super().dataReceived(data)

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        return version == b"HTTP/1.1" and b"close" not in request.requestHeaders.tokens(b"connection")

    def allHeadersReceived(self) -> None:
        """Decide about the body before any of it is read, and before the client is told to go on sending it."""
        request = self.requests[-1]
        limit = request.headers_complete(self._command, self._path, self._version, self.length)
        if self.server.draining:
            self.refuse(503, "The service is restarting. Try again shortly.", "draining")
        elif self.length is not None and self.length > limit:
            self.refuse_body(limit)
        else:
            super().allHeadersReceived()

    def hold_reading(self) -> None:
        """Make the client wait: its request's body arrives faster than the application takes it."""
        if not self.reading_held:
            self.reading_held = True
            self._held_since = time.monotonic()
            self._networkProducer.pauseProducing()

    def go_on_reading(self) -> None:
        if self.reading_held:
            self.reading_held = False
            self._progress_at = time.monotonic()
            self._began_at += self._progress_at - self._held_since
            self._networkProducer.resumeProducing()

    def allContentReceived(self) -> None:
        if self._closing_since is None:
            super().allContentReceived()

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Twisted calls this for whatever it cannot parse."""
        self.refuse(400, "The request could not be read.", "bad_request")

    def lineLengthExceeded(self, line: bytes) -> None:
        self.refuse(431, "A line of the request's head is too long.", "headers_too_large")

    # What goes out

    @property
    def is_congested(self) -> bool:
        """Whether the client has not yet taken what was written, so that no more should be made."""
        return self._waitingForTransport

    def resumeProducing(self) -> None:
        """Called by the transport when all that was written has been taken."""
        self._waitingForTransport = False
        for request in self.requests:
            request.drained()
        if not self._handlingRequest and not self.reading_held:
            self._networkProducer.resumeProducing()

    def requestDone(self, request: Request) -> None:
        self._began_at = self._progress_at = time.monotonic()
        if not self._handlingRequest:  # answered before its body was complete
            self._close_orderly()
            return
        super().requestDone(request)
        if self._waitingForTransport:  # no further requests from a client that does not read its answers
            self._networkProducer.pauseProducing()

    def refuse_body(self, limit: int) -> None:
        self.refuse(413, f"The request body may have at most {limit} bytes.", "body_too_large")

    def refuse(self, status: int, detail: str, code: str) -> None:
        """Answer at once, whatever the client still sends, and close so that it can read the answer."""
        if self._closing_since is not None:
            return
        body = json.dumps({"detail": detail, "code": code}).encode()
        retry = "Retry-After: 1\r\n" if status == 503 else ""
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{retry}Connection: close\r\n\r\n"
        )
        if not any(request.abandon() for request in self.requests):
            self.transport.write(head.encode() + body)
        self._close_orderly()

    def _close_orderly(self) -> None:
        """Close our side and read on for a moment: closing both with input unread would reset the connection, and the
        client would lose the answer."""
        self._closing_since = time.monotonic()
        self.requests.clear()
        for receiver in ("dataReceived", "lineReceived", "rawDataReceived"):
            setattr(self, receiver, _ignore)
        self._networkProducer.unregisterProducer()
        self._networkProducer.resumeProducing()
        self.transport.loseWriteConnection()

    # Limits of time

    def sweep(self, now: float) -> None:
        """Enforce the limits of time; the server calls this every tick."""
        transport, limits = self.transport, self.limits
        if not transport.unsent or transport.taken != self._taken:
            self._taken, self._taken_at = transport.taken, now
        elif now - self._taken_at > limits.unread_s:
            logger.info("Ended a connection whose client did not read its response.")
            transport.abortConnection()
        if self._closing_since is not None:
            if now - self._closing_since > limits.linger_s and not transport.unsent:
                transport.abortConnection()
        elif self._is_idle:
            if now - self._progress_at > limits.idle_s:
                self.loseConnection()
        elif not self._handlingRequest and not self.reading_held:
            self._sweep_arrival(now)

    @property
    def _is_idle(self) -> bool:
        return not self.requests and not self._buffer

    def _sweep_arrival(self, now: float) -> None:
        limits = self.limits
        arrived = self.requests[-1].body_size if self.requests else 0
        total_s = limits.arrive_total_s + arrived / limits.arrive_rate_min
        if now - self._progress_at > limits.arrive_stall_s or now - self._began_at > total_s:
            self.refuse(408, "The request did not arrive in time.", "request_timeout")

    def drain(self) -> None:
        """Close after the request that is being answered, or now if there is none. One that arrives is refused."""
        if self._is_idle:
            self.loseConnection()
        elif self.requests:
            self.persistent = False

    @property
    def is_busy(self) -> bool:
        """Whether ending now would cost a client its answer. A head that is still arriving is not waited for."""
        return self.transport.unsent > 0 or (self._closing_since is None and not self.line_mode)

    def cut(self) -> None:
        """End a connection that outlived the drain."""
        for request in self.requests:
            request.abandon()
        self.transport.abortConnection()


def _ignore(*_: object) -> None:
    """What still arrives after a refusal."""
