"""The product's chat without the database: the committer numbers messages in memory. All else is the real code."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson

from djangocrud.asgi import application  # first: it sets Django up

from backend.realtime.events import StoredEvent  # isort: skip
from backend.realtime.hub import Hub  # isort: skip
from backend.realtime.runtime import Runtime  # isort: skip
from backend.realtime.services import Outcome  # isort: skip
from backend.support import consumers  # isort: skip
from backend.support.frames import Said  # isort: skip

__all__ = ["application"]


class MemoryCommitter:
    """Answers at once with the next `seq` that this process delivers."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def room(self) -> None:
        return

    def submit(self, item: Said, done: Callable[[Any], None]) -> None:
        draft = item.draft()
        seq = (self._hub.feeds[draft.topic].delivered or 0) + 1
        payload, at = orjson.dumps(draft.payload), datetime.now(UTC).isoformat()
        done(Outcome(StoredEvent(draft.topic, seq, draft.kind, draft.client_id, payload, at)))


class MemoryDesk(consumers.Desk):
    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self.committer: Any = MemoryCommitter(runtime.hub)


consumers.Desk = MemoryDesk  # type: ignore[misc]
