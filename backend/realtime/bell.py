"""Ringing: telling every server process that events were committed. A lost ring costs time, never an event.

Inside a server the hub rings. Commands and Celery workers have no loop, so they publish on Redis themselves, in the
channel layer's own wire form. Both after commit, both without ever failing the write that is already done.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgpack
import redis
import structlog
from django.conf import settings

from backend.realtime.events import StoredEvent, render

log = structlog.get_logger(__name__)

GROUP = "rings"
# A ring carries the rendered event while that is cheaper than everybody reading it from the database.
CARRY_MAX_BYTES = 8192

# Topic, seq, kind, the rendered event while it is small, and the seq of the event that it rewrites, if any.
RingItem = tuple[str, int, str, bytes | None] | tuple[str, int, str, bytes | None, int]
Ringer = Callable[[Sequence[StoredEvent]], None]
_ringers: list[Ringer] = []


def set_ringer(ringer: Ringer | None) -> None:
    """Let the running hub take over ringing in this process; None gives it back."""
    _ringers[:] = [ringer] if ringer else []


def ring(events: Sequence[StoredEvent]) -> None:
    """Tell all processes of committed events."""
    if not events:
        return
    if _ringers:
        _ringers[0](events)
    else:
        _publish(ring_message(events, origin="command"))


def ring_message(events: Sequence[StoredEvent], *, origin: str) -> dict[str, Any]:
    """Return the layer message for these events. `at` says when it was sent: what was long under way is not trusted."""
    items = [ring_item(event, render(event)) for event in events]
    return {"type": "ring", "origin": origin, "at": time.time(), "events": items}


def ring_item(event: StoredEvent, rendered: bytes) -> RingItem:
    carried = rendered if len(rendered) <= CARRY_MAX_BYTES else None
    if event.rewrites is None:
        return event.topic, event.seq, event.kind, carried
    return event.topic, event.seq, event.kind, carried, event.rewrites


def _publish(message: dict[str, Any]) -> None:
    """Publish as `channels_redis.pubsub` does, on the shard that its layer would choose for the group."""
    from channels_redis.utils import _consistent_hash

    channel = f"{settings.LAYER_PREFIX}__group__{GROUP}"
    url = settings.REDIS_URLS[_consistent_hash(channel, len(settings.REDIS_URLS))]
    try:
        with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
            client.publish(channel, msgpack.packb(message))
    except redis.RedisError as fault:
        log.warning("ring.lost", fault=type(fault).__name__)
