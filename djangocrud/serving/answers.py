"""From a Django response, in a worker thread, to the bytes that the event loop sends."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django.db import connections
from django.http import FileResponse
from django.http.response import HttpResponseBase

PART_SIZE = 64 * 1024
PART_GATHER_S = 0.05
EVENT_STREAM = "text/event-stream"

Headers = list[tuple[bytes, bytes]]


class Answer(NamedTuple):
    """What the loop needs to answer one request: all of it, or the beginning and where to get the rest."""

    status: int
    headers: Headers
    body: bytes
    rest: ResponseParts | None = None
    route: str = ""  # the pattern that the path matched, for whoever counts

    def close(self) -> None:
        if self.rest is not None:
            self.rest.close()


def json_answer(status: int, content: Mapping[str, Any], retry_after_s: int | None = None) -> Answer:
    body = json.dumps(content).encode()
    headers = [
        (b"Content-Type", b"application/json"),
        (b"Content-Length", b"%d" % len(body)),
        (b"Cache-Control", b"no-store"),
    ]
    if retry_after_s is not None:
        headers.append((b"Retry-After", b"%d" % retry_after_s))
    return Answer(status, headers, body)


def render(response: HttpResponseBase, method: str) -> Answer:
    """Turn a finished response into an answer and close it, unless more of it is to come.

    A streamed response that is done within its first part is sent whole. HEAD never runs its iterator. An event stream
    is sent as it is made, so its headers go out first.
    """
    headers = _encode_headers(response)
    rest = None
    try:
        if method == "HEAD":
            body = b""
        elif not response.streaming:
            body = response.content  # type: ignore[attr-defined]
        else:
            rest = ResponseParts(response)
            body = b"" if rest.is_event_stream else rest.pull()
            if rest.ended:
                rest = None
    except BaseException:
        response.close()
        raise
    if rest is None:
        response.close()
    return Answer(response.status_code, headers, body, rest)


def _encode_headers(response: HttpResponseBase) -> Headers:
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
    for cookie in response.cookies.values():
        headers.append((b"Set-Cookie", cookie.output(header="").strip().encode("ascii")))
    return headers


class ResponseParts:
    """The rest of a streamed response. One thread at a time pulls or closes it, not always the same one."""

    def __init__(self, response: HttpResponseBase) -> None:
        if getattr(response, "is_async", False):
            raise TypeError("An asynchronous iterator would be read to its end before anything is sent.")
        if isinstance(response, FileResponse):
            response.block_size = PART_SIZE
        self.ended = False
        self.is_event_stream = response.get("Content-Type", "").startswith(EVENT_STREAM)
        self._response = response
        self._chunks: Iterator[bytes] = iter(response)
        self._lock = threading.Lock()  # held while the iterator runs
        self._closing = False

    def pull(self) -> bytes:
        """Return the next part: about `PART_SIZE` bytes, or what came in `PART_GATHER_S`. Sets `ended` at the end.

        Gathering matters because each part costs a hop into the pool, and exports yield line by line.
        """
        with self._lock:
            part = b"" if self._closing else self._gather()
        if self._closing:
            self.close()
        return part

    def _gather(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        enough = 1 if self.is_event_stream else PART_SIZE
        deadline = time.monotonic() + PART_GATHER_S
        while size < enough and time.monotonic() < deadline:
            piece = next(self._chunks, None)
            if piece is None:
                self.ended = True
                break
            pieces.append(piece)
            size += len(piece)
        if any(connection.in_atomic_block for connection in connections.all(initialized_only=True)):
            raise RuntimeError("A streamed response must not hold a transaction open from one part to the next.")
        return b"".join(pieces)

    def close(self) -> None:
        """Close the response, now or as soon as the running pull ends. Repeating it does nothing."""
        self._closing = True
        if self._lock.acquire(blocking=False):
            try:
                response, self._response = self._response, None  # type: ignore[assignment]
                if response is not None:
                    response.close()
            finally:
                self._lock.release()
