"""Signed lines outside of the database: how far the chain goes, and what has been archived.

One place for all processes: a file that only grows, or a folder of the default storage with one object a line. Each
line names the hash of the one before, so none can be taken out; a copy of each is in the database, so that neither side
can be set back alone. Whoever can set back both is caught by what has left the house: an export, or the log line that
each checkpoint writes (`verify_audit --witness`).
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from backend.audit.offline.chain import canonical

Line = dict[str, Any]


class Place(Protocol):
    """Where lines are kept."""

    def last(self) -> Line | None:
        """Return the newest line."""

    def lines(self) -> Iterator[Line]:
        """Return all lines, oldest first."""

    def append(self, line: Line) -> None:
        """Keep one more line, for good. Raises: OSError."""


def place() -> Place:
    """Return the place that AUDIT_CHECKPOINTS names."""
    named = str(settings.AUDIT_CHECKPOINTS)
    kind, colon, folder = named.partition(":")
    return StoragePlace(folder or "audit") if colon and kind == "storage" else FilePlace(Path(named))


class FilePlace:
    """A file of JSON lines. Appending is one write, flushed to the disk; what a crash left torn is not a line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def last(self) -> Line | None:
        try:
            with self.path.open("rb") as file:
                for tail in (4096, 65536, None):
                    size = file.seek(0, os.SEEK_END)
                    file.seek(0 if tail is None else max(0, size - tail))
                    found = [line for raw in file.read().splitlines() if (line := _parsed(raw))]
                    if found or tail is None or tail >= size:
                        return found[-1] if found else None
        except FileNotFoundError:
            return None
        return None

    def lines(self) -> Iterator[Line]:
        try:
            with self.path.open("rb") as file:
                yield from (line for raw in file if (line := _parsed(raw)))
        except FileNotFoundError:
            return

    def append(self, line: Line) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            os.write(descriptor, (b"\n" if torn else b"") + canonical(line) + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _reached() -> Iterator[None]:
    """Turn whatever a storage raises into the one error that callers know. Raises: OSError."""
    try:
        yield
    except OSError:
        raise
    except Exception as fault:
        raise OSError(f"the storage of checkpoints: {type(fault).__name__}") from fault


class StoragePlace:
    """One object for each line, in a folder for each day: object stores do not append. None is ever written over."""

    def __init__(self, folder: str) -> None:
        self.folder = f"{folder.strip('/')}/checkpoints"

    def last(self) -> Line | None:
        with _reached():
            for day in reversed(self._days()):
                names = self._names(day)
                if names:
                    return self._read(day, names[-1])
        return None

    def lines(self) -> Iterator[Line]:
        with _reached():
            found = [self._read(day, name) for day in self._days() for name in self._names(day)]
        return iter([line for line in found if line is not None])

    def append(self, line: Line) -> None:
        name = f"{self.folder}/{datetime.now(UTC):%Y-%m-%d}/{line['number']:012}.json"
        with _reached():
            if default_storage.exists(name):
                raise FileExistsError(name)
            default_storage.save(name, ContentFile(canonical(line)))

    def _days(self) -> list[str]:
        try:
            return sorted(default_storage.listdir(self.folder)[0])
        except FileNotFoundError:
            return []

    def _names(self, day: str) -> list[str]:
        return sorted(default_storage.listdir(f"{self.folder}/{day}")[1])

    def _read(self, day: str, name: str) -> Line | None:
        with default_storage.open(f"{self.folder}/{day}/{name}") as file:
            return _parsed(file.read())


def _parsed(raw: bytes) -> Line | None:
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    return line if isinstance(line, dict) and "number" in line else None
