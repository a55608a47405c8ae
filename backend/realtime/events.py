"""The event as it travels: stored once, rendered once, the same bytes for everybody who may see it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A committed event. `payload` is its JSON object as text; `at` is ISO 8601 UTC.

    `rewrites` is the `seq` of an older event of the topic whose payload changed with this one.
    """

    topic: str
    seq: int
    kind: str
    client_id: str | None
    payload: bytes
    at: str
    rewrites: int | None = None

    def fields(self) -> dict[str, Any]:
        """Return the payload, parsed."""
        found: dict[str, Any] = orjson.loads(self.payload)
        return found


Renderer = Callable[[StoredEvent], bytes]
_renderers: dict[str, Renderer] = {}


def register_renderer(family: str, renderer: Renderer) -> None:
    """Say how events of topics that begin with `family` and a dot look to clients."""
    _renderers[family] = renderer


def render(event: StoredEvent) -> bytes:
    """Return the JSON object that clients get for this event."""
    renderer = _renderers.get(event.topic.partition(".")[0], render_notice)
    return renderer(event)


def render_notice(event: StoredEvent) -> bytes:
    """The form of inboxes and desks: the payload stays an object of its own under `payload`."""
    head = orjson.dumps({"topic": event.topic, "seq": event.seq, "kind": event.kind, "timestamp": event.at})
    return head[:-1] + b',"payload":' + event.payload + b"}"


def joined(head: dict[str, object], payload: bytes) -> bytes:
    """Return one JSON object with the fields of `head` and then those of `payload`, without parsing the payload."""
    opening = orjson.dumps(head)[:-1]
    return opening + (b"}" if payload == b"{}" else b"," + payload[1:])


def text_frame(payload: bytes) -> bytes:
    """Return the complete WebSocket text frame of a server (RFC 6455 5.2: final, unmasked)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload
