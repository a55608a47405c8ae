"""Making a backup."""

import hashlib
import hmac
import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from backend.common import backups, vault
from backend.common.backups import BackupFailed, BackupRefused
from backend.common.backups.programs import dump_into
from backend.common.encryption import CHUNK, Sealer, new_file_key
from backend.common.models import StoredFile

FORMAT = 1
MANIFEST, DATABASE, FILES, CARRIED = "manifest.json", "database.sealed", "files", "carried"


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that is whole."""

    folder: Path
    dump_bytes: int
    files: int
    missing: list[str]
    seconds: float


def back_up(folder: Path, *, with_files: bool = True) -> Made:
    """Write a backup into a new folder. Without its manifest, which comes last, it is none.

    Raises: BackupRefused where something is there already, BackupFailed.
    Locks:  nothing: it reads one snapshot, which holds vacuum up for as long as the dump takes.
    """
    since = time.monotonic()
    _make(folder)
    backup_id, key = uuid.uuid4(), new_file_key()
    version, wrapped = vault.master_keys().wrap(key, backup_id.bytes)
    with _one_moment() as snapshot:
        paths = _paths() if with_files else []
        size = _dump(folder / DATABASE, Sealer(key, backup_id), snapshot)
        migrations = _migrations()
    missing = _copy_files(folder / FILES, paths)
    manifest = {
        "format": FORMAT,
        "id": str(backup_id),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "key": {"version": version, "wrapped": wrapped.hex()},
        "database": {"bytes": size, "server": getattr(connection, "pg_version", None), "migrations": migrations},
        "files": {"taken": with_files, "paths": [path for path in paths if path not in missing], "missing": missing},
        "carried": {part.name: _carry(folder / CARRIED / part.name, part) for part in backups.carried.values()},
        "keys": backups.fingerprints(),
    }
    _write(folder / MANIFEST, {**manifest, "proof": proof_of(manifest, key)})
    return Made(folder, size, len(paths) - len(missing), missing, time.monotonic() - since)


def proof_of(manifest: dict[str, Any], key: bytes) -> str:
    """Return what shows that nobody without the backup's key has changed its manifest."""
    told = {name: value for name, value in manifest.items() if name != "proof"}
    content = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    return hmac.digest(key, b"ease.backup.manifest" + content, "sha256").hex()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BackupRefused(f"{folder} is not empty: each backup has a folder of its own.")
        folder.chmod(0o700)
        (folder / CARRIED).mkdir(mode=0o700)
    except OSError as fault:
        raise BackupFailed(f"{folder} cannot be written: {fault.strerror}.") from fault


@contextmanager
def _one_moment() -> Iterator[str]:
    """Keep one snapshot open, and name it for others."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        yield str(cursor.fetchone()[0])


def _paths() -> list[str]:
    kept = StoredFile.objects.filter(destroyed_at=None, kept_at__isnull=False).values_list("path", flat=True)
    return sorted({*kept.iterator(), *backups.more_files()})


def _migrations() -> dict[str, str]:
    applied = sorted(MigrationRecorder(connection).applied_migrations())
    return dict(applied)  # the last one of each app


def _dump(path: Path, sealer: Sealer, snapshot: str) -> int:
    try:
        with _private(path) as target:
            dump_into(target, sealer, snapshot=snapshot)
            target.flush()
            os.fsync(target.fileno())
    except OSError as fault:
        raise BackupFailed(f"{path} cannot be written: {fault.strerror}.") from fault
    return sealer.size


def _copy_files(folder: Path, paths: list[str]) -> list[str]:
    """Copy files as they lie in the storage; return those that are not there: destroyed since, or lost."""
    missing = []
    for name in paths:
        target = folder / name
        try:
            with default_storage.open(name, "rb") as source:
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with _private(target) as copy:
                    for portion in source.chunks(CHUNK):
                        copy.write(portion)
        except FileNotFoundError:
            missing.append(name)
        except Exception as fault:
            raise BackupFailed(f"the file {name} cannot be copied: {type(fault).__name__}.") from fault
    return missing


def _carry(path: Path, part: backups.Carried) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with _private(path) as target:
        for portion in part.save():
            target.write(portion)
            digest.update(portion)
            size += len(portion)
    return {"sha256": digest.hexdigest(), "bytes": size}


def _private(path: Path) -> Any:
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _write(path: Path, manifest: dict[str, Any]) -> None:
    fresh = path.with_suffix(".new")
    with _private(fresh) as target:
        target.write(json.dumps(manifest, indent=1).encode())
        target.flush()
        os.fsync(target.fileno())
    fresh.rename(path)
