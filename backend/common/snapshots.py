"""What a reading of the database came to, kept for as long as nothing at all has been committed since.

PostgreSQL says which transactions a reader sees (`pg_current_snapshot`). Two readers with one snapshot see the same
rows, so an answer is exact while the snapshot is the one that it was made under; any commit, of whatever, ends it. A
transaction that has written sees rows of its own that no snapshot tells of, so it neither finds nor keeps anything.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from django.db import connection

Found = TypeVar("Found")
_SNAPSHOT = "SELECT pg_current_snapshot()::text WHERE pg_current_xact_id_if_assigned() IS NULL"


class SnapshotCache(Generic[Found]):
    """The answers of one costly reading, in this process: at most `most` of them, the latest used."""

    def __init__(self, *, most: int = 64) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, tuple[str, Found]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, read: Callable[[], Found]) -> Found:
        """Return what `read` returned for this key, or call it: it only reads the database."""
        before = _snapshot()
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and kept[0] == before:
            return kept[1]
        made = read()
        # Several statements have a snapshot each; the same before and after, so all of them.
        if before is not None and _snapshot() == before:
            self._keep(key, before, made)
        return made

    def _keep(self, key: Hashable, snapshot: str, made: Found) -> None:
        with self._lock:
            self._kept[key] = (snapshot, made)
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


def _snapshot() -> Any:
    with connection.cursor() as cursor:
        cursor.execute(_SNAPSHOT)
        row = cursor.fetchone()
    return row[0] if row else None
