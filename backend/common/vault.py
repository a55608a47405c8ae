"""Files that nobody can read without us: attachments, documents, exports. Encrypted before they touch any disk.

    with vault.incoming(kind="attachment") as file:      # outside of any transaction
        for portion in portions:
            file.write(portion)
        file.store()                                     # now in the storage
        with unit_of_work():
            stored = file.keep(owner_id=actor.id)        # and now yours, if this transaction commits
            Attachment.objects.create(file=stored, ...)

Invariants:

1. Plain bytes lie in memory only, a chunk at a time; what waits on a disk (`VAULT_SPOOL`) or in the storage is sealed.
2. A row is there before the bytes are in the storage, so nothing in the storage is unknown. Leaving the block without
   `keep`, or with a fault, removes both; what a killed process leaves, `sweep` removes after a day.
3. Destroying a file's wrapped key makes it unreadable for ever, at once and in every copy and backup of the storage.
4. Turning the master key rewrites the wrapped keys in the database and no byte of any file.
"""

import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import structlog
from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q

from backend.common import encryption, jobs, tasks
from backend.common.database import is_connection_trouble
from backend.common.errors import Conflict, NotFound, Unavailable
from backend.common.models import StoredFile

log = structlog.get_logger(__name__)

ABANDONED_AFTER = timedelta(days=1)
SWEEP_MAX = 500
PORTION = encryption.CHUNK


class StorageAway(Unavailable):
    code = "storage_unavailable"
    detail = "Files cannot be stored or read at the moment. Try again shortly."


class FileGone(NotFound):
    """Its key was destroyed: with its owner's data, or because it was taken back."""

    code = "file.gone"
    detail = "This file no longer exists."


class FileDamaged(Conflict):
    """What the storage holds is not what was stored. Nobody can mend it: it must be sent again (E-KYC-6)."""

    code = "file.damaged"
    detail = "This file can no longer be read. Please send it again."


class Incoming:
    """A file that is being written. `id` is the one it will have; size and hash grow with it."""

    def __init__(self, kind: str, spool: IO[bytes]) -> None:
        self.id = uuid.uuid4()
        self.kind = kind
        self.row: StoredFile | None = None
        self.kept = False
        self._spool = spool
        self._key = encryption.new_file_key()
        self._sealer = encryption.Sealer(self._key, self.id)
        self._finished = False

    @property
    def size(self) -> int:
        return self._sealer.size

    @property
    def sha256(self) -> str:
        """The SHA-256 of the plain bytes so far, in hexadecimal."""
        return self._sealer.sha256

    def write(self, data: bytes) -> int:
        """Take more of the file."""
        self._spool.write(self._sealer.seal(data))
        return len(data)

    def finish(self) -> None:
        """Nothing more comes. Repeating it changes nothing."""
        if not self._finished:
            self._spool.write(self._sealer.finish())
            self._spool.flush()
            self._finished = True

    def open(self) -> encryption.Opener:
        """Return the plain bytes, to look at them before the file is stored. Finishes it. Read one such view at a time
        and close none: it is the file that is being written."""
        self.finish()
        return encryption.Opener(cast(BinaryIO, _Unclosed(self._spool)), self._key, self.id, self.size)

    def store(self) -> None:
        """Put the file into the storage, and its row before it. Slow, so never inside a transaction.

        Raises: StorageAway; leaving the block then removes the row, or the sweep does if the storage stays away.
        """
        self.finish()
        version, wrapped = master_keys().wrap(self._key, self.id.bytes)
        self.row = StoredFile.objects.create(
            id=self.id,
            kind=self.kind,
            path=f"{self.kind}/{self.id.hex[:2]}/{self.id.hex}",
            size=self.size,
            sha256=self.sha256,
            key_version=version,
            wrapped_key=wrapped,
        )
        try:
            path = default_storage.save(self.row.path, _Spooled(self._spool))
        except Exception as fault:
            log.warning("vault.not_stored", fault=type(fault).__name__, kind=self.kind)
            raise StorageAway from fault
        if path != self.row.path:
            raise RuntimeError("the storage gave a new file another name")

    def keep(self, *, owner_id: int | None) -> StoredFile:
        """Make the file the caller's, in the caller's transaction, and return its row. `owner_id` is whose data it is.

        Raises: FileGone, when it was swept meanwhile.
        """
        if self.row is None:
            raise RuntimeError("a file is stored before it is kept")
        row = self.row
        row.owner_id, row.kept_at = owner_id, datetime.now(UTC)
        changed = StoredFile.objects.filter(pk=row.pk, kept_at=None, destroyed_at=None)
        if not changed.update(owner_id=owner_id, kept_at=row.kept_at):
            raise FileGone
        self.kept = True
        return row


@contextmanager
def incoming(*, kind: str) -> Iterator[Incoming]:
    """Take a file in. Whatever is not stored and kept when the block ends, or when it fails, is removed.

    `kind` is a word for what slices keep here: it names the folder in the storage.
    """
    spool_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=spool_folder(), prefix="in-") as spool:
        file = Incoming(kind, spool)
        try:
            yield file
        except BaseException as fault:
            # Lost while committing: it may be committed. The sweep knows by tomorrow.
            if not (file.kept and isinstance(fault, Exception) and _outcome_unknown(fault)):
                _take_back(file)
            raise
        if not file.kept:
            _take_back(file)


def _outcome_unknown(fault: BaseException) -> bool:
    links: BaseException | None = fault
    while links is not None:
        if is_connection_trouble(links):
            return True
        links = links.__cause__
    return False


def _take_back(file: Incoming) -> None:
    """Remove what an abandoned file has left. Where that fails, too, it is left to the sweep."""
    if file.row is None:
        return
    try:
        default_storage.delete(file.row.path)
        StoredFile.objects.filter(pk=file.row.pk).delete()
    except Exception as fault:  # noqa: BLE001 - the caller's own fault is the one to hear of
        log.warning("vault.left_to_sweep", file=str(file.id), fault=type(fault).__name__)


def open_file(stored: StoredFile) -> encryption.Opener:
    """Return the plain bytes as a seekable stream, to be closed. Whether the reader may have them is the caller's to
    know. Reading raises `encryption.Damaged` where the storage holds something else than was stored.

    Raises: FileGone, FileDamaged, StorageAway.
    """
    key = _file_key(stored)
    try:
        sealed = default_storage.open(stored.path, "rb")
        return encryption.Opener(cast(BinaryIO, sealed), key, stored.pk, stored.size)
    except (FileNotFoundError, encryption.Damaged) as fault:
        log.error("vault.damaged", file=str(stored.pk), fault=repr(fault))
        raise FileDamaged from fault
    except Exception as fault:
        log.warning("vault.not_read", fault=repr(fault))
        raise StorageAway from fault


def _file_key(stored: StoredFile) -> bytes:
    if stored.wrapped_key is None:
        raise FileGone
    try:
        return master_keys().unwrap(stored.key_version, bytes(stored.wrapped_key), stored.pk.bytes)
    except (encryption.Damaged, encryption.KeyMissing) as fault:
        log.error("vault.key_does_not_open", file=str(stored.pk), version=stored.key_version)
        raise FileDamaged from fault


def portions(stored: StoredFile) -> Iterator[bytes]:
    """Return the plain bytes portion by portion, for a streamed answer. Opened at once, so faults come before it.

    Raises: as `open_file`, and `encryption.Damaged` on the way.
    """
    return _Portions(open_file(stored))


class _Portions:
    """An iterator that a response can close, also when it was never begun."""

    def __init__(self, opener: encryption.Opener) -> None:
        self._opener = opener

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        portion = self._opener.read(PORTION)
        if not portion:
            self.close()
            raise StopIteration
        return portion

    def close(self) -> None:
        self._opener.close()


def destroy(ids: Iterable[uuid.UUID]) -> int:
    """Destroy the keys of files, in the caller's transaction: from its commit on they are unreadable. The rows stay,
    as what was once there. Returns how many still had a key.

    Repeating: nothing. After commit: the bytes leave the storage, now or with the next sweep.
    """
    wanted = list(ids)
    now = datetime.now(UTC)
    count = StoredFile.objects.filter(pk__in=wanted, destroyed_at=None).update(
        wrapped_key=None, key_version="", destroyed_at=now
    )
    if count:
        jobs.enqueue(tasks.remove_files, ids=[str(pk) for pk in wanted])
    return count


def discard(ids: Iterable[uuid.UUID]) -> int:
    """Destroy files that nothing refers to any more; their rows go, too, once the bytes are gone."""
    wanted = list(ids)
    StoredFile.objects.filter(pk__in=wanted).update(kept_at=None)
    return destroy(wanted)


def remove_bytes(ids: Iterable[uuid.UUID | str]) -> int:
    """Remove the bytes of destroyed and of abandoned files from the storage, then the rows that stand for nothing.
    Only for ids of such files; whatever still has a key and a keeper is left alone."""
    count = 0
    gone = Q(kept_at=None) | Q(destroyed_at__isnull=False)
    for row in StoredFile.objects.filter(gone, pk__in=ids, removed_at=None):
        try:
            default_storage.delete(row.path)
        except Exception as fault:  # noqa: BLE001 - whatever a storage raises, the next sweep tries again
            log.warning("vault.not_removed", file=str(row.pk), fault=type(fault).__name__)
            continue
        if row.kept_at is None:
            count += StoredFile.objects.filter(pk=row.pk, kept_at=None).delete()[0]
        else:
            count += StoredFile.objects.filter(pk=row.pk).update(removed_at=datetime.now(UTC))
    return count


def sweep() -> int:
    """Remove what was abandoned on the way in, and the bytes of destroyed files that are still in the storage.

    Safe to repeat, and to run twice at once. At most `SWEEP_MAX` files at a time; returns how many.
    """
    _sweep_spool()
    old = datetime.now(UTC) - ABANDONED_AFTER
    due = Q(kept_at=None, created_at__lt=old) | Q(destroyed_at__isnull=False)
    found = StoredFile.objects.filter(due, removed_at=None).order_by("created_at").values_list("pk", flat=True)
    return remove_bytes(list(found[:SWEEP_MAX]))


def _sweep_spool() -> None:
    """A process that was killed leaves its sealed spools; the keys were in its memory only."""
    oldest = time.time() - ABANDONED_AFTER.total_seconds()
    for path in spool_folder().glob("in-*"):
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """One step of turning the key: how many keys were wrapped anew, which could not be, and where to go on."""

    count: int
    failed: list[uuid.UUID]
    last: uuid.UUID | None


def rewrap(*, after: uuid.UUID | None = None, limit: int = 500) -> Rewrapped:
    """Wrap up to `limit` keys of older versions by the newest one, in the order of ids. `last` is None at the end.

    Safe to stop, to repeat and to run twice at once. Locks: those rows.
    """
    keys, failed, done = master_keys(), [], []
    with transaction.atomic():
        old = StoredFile.objects.filter(destroyed_at=None).exclude(key_version=keys.newest)
        if after is not None:
            old = old.filter(pk__gt=after)
        rows = list(old.select_for_update(skip_locked=True).order_by("pk")[:limit])
        for row in rows:
            try:
                row.key_version, row.wrapped_key = keys.wrap(_file_key(row), row.pk.bytes)
            except FileDamaged:
                failed.append(row.pk)
            else:
                done.append(row)
        StoredFile.objects.bulk_update(done, ["key_version", "wrapped_key"])
    return Rewrapped(len(done), failed, rows[-1].pk if rows else None)


def spool_folder() -> Path:
    return Path(settings.VAULT_SPOOL)


def master_keys() -> encryption.MasterKeys:
    return _master_keys(tuple(settings.ENCRYPTION_KEY_DOCUMENTS))


@cache
def _master_keys(texts: tuple[str, ...]) -> encryption.MasterKeys:
    return encryption.MasterKeys(texts)


class _Unclosed:
    """A view of an open file whose closing leaves the file open."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def close(self) -> None:
        """Its owner closes it."""


class _Spooled(File):
    """A spool as storages take it: they read it from its start, in portions."""

    def __init__(self, spool: IO[bytes]) -> None:
        super().__init__(spool, name="sealed")
        self.size = spool.seek(0, 2)
        spool.seek(0)

    def close(self) -> None:
        """S3's storage closes what it is given; the spool is still ours."""
