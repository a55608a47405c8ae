"""Restoring a backup: checked first, then the database in one transaction, then files, then proved."""

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection

from backend.common import backups, vault
from backend.common.backups import BackupFailed, BackupRefused
from backend.common.backups.making import CARRIED, DATABASE, FILES, FORMAT, MANIFEST, proof_of
from backend.common.backups.programs import restore_from
from backend.common.encryption import CHUNK, Damaged, KeyMissing, Opener


@dataclass
class Restored:
    """What was done, and what does not prove out."""

    made_at: str
    seconds: float = 0.0
    files: int = 0
    notes: list[str] = field(default_factory=list)
    proved: dict[str, str] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)


def restore(
    folder: Path, *, force: bool = False, verify: bool = True, say: Callable[[str], object] = lambda words: None
) -> Restored:
    """Put a backup back. `force` empties the database first; without it only an empty one is restored into.

    Raises: BackupRefused before anything is written, BackupFailed.
    """
    since = time.monotonic()
    manifest, opener = _opened(folder)
    _check_keys(manifest)
    _check_parts(folder, manifest)
    _check_database(force=force)
    say(f"Restoring what was backed up at {manifest['made_at']}.")
    if force:
        _empty_database()
    connection.close()
    try:
        restore_from(opener)
    except Damaged as fault:
        raise BackupFailed(f"{DATABASE} is not what was written: {fault}. The database is empty.") from fault
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    done = Restored(manifest["made_at"])
    say(f"The database is there after {time.monotonic() - since:.0f} s.")
    done.files = _put_files(folder / FILES, manifest["files"]["paths"])
    for name in manifest["carried"]:
        if name in backups.carried:
            done.notes.append(f"{name}: {backups.carried[name].load(_portions(folder / CARRIED / name))}")
    if not manifest["files"]["taken"]:
        done.notes.append("files: the backup has none; the storage must hold them")
    done.seconds = time.monotonic() - since
    if verify:
        _prove(done)
    return done


def _prove(done: Restored) -> None:
    for proof in backups.proofs.values():
        findings, words = proof.prove()
        done.proved[proof.name] = words
        done.findings += [f"{proof.name}: {finding}" for finding in findings]


def _opened(folder: Path) -> tuple[dict[str, Any], Opener]:
    """Read the manifest, and open the dump with its key."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if manifest["format"] != FORMAT:
            raise BackupRefused(
                f"format {manifest['format']} is not known here: restore with the release that made it."
            )
        backup_id = uuid.UUID(manifest["id"])
        key = vault.master_keys().unwrap(
            manifest["key"]["version"], bytes.fromhex(manifest["key"]["wrapped"]), backup_id.bytes
        )
        if not hmac.compare_digest(proof_of(manifest, key), str(manifest["proof"])):
            raise BackupRefused("the manifest was changed after the backup was made.")
        return manifest, Opener((folder / DATABASE).open("rb"), key, backup_id, manifest["database"]["bytes"])
    except FileNotFoundError as fault:
        raise BackupRefused(f"{folder} holds no whole backup: {Path(str(fault.filename)).name} is missing.") from fault
    except KeyMissing as fault:
        raise BackupRefused(
            f"ENCRYPTION_KEY_DOCUMENTS lacks the version {fault}, which sealed the backup: put it behind the newest."
        ) from fault
    except (Damaged, ValueError, KeyError, TypeError) as fault:
        raise BackupRefused(f"the backup is damaged: {fault}.") from fault


def _check_keys(manifest: dict[str, Any]) -> None:
    """Data without its keys is lost: say so before, not when the first person asks for a document."""
    here = backups.fingerprints()
    lacking = [name for name, needed in manifest["keys"].items() if not set(needed) <= set(here.get(name, ()))]
    if lacking:
        raise BackupRefused(
            f"{', '.join(lacking)}: not the keys that the data was written with: configure every version of then."
        )


def _check_parts(folder: Path, manifest: dict[str, Any]) -> None:
    for name, facts in manifest["carried"].items():
        path = folder / CARRIED / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != facts["sha256"]:
            raise BackupRefused(f"{CARRIED}/{name} is not what was written.")
    gone = [name for name in manifest["files"]["paths"] if not (folder / FILES / name).is_file()]
    if gone:
        raise BackupRefused(f"{len(gone)} files are missing from the backup, the first is {gone[0]}.")


def _check_database(*, force: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute("""SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'""")
        others = cursor.fetchone()[0]
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()")
        tables = cursor.fetchone()[0]
    if others:
        raise BackupRefused(f"{others} others are connected to the database: stop all servers and workers first.")
    if tables and not force:
        raise BackupRefused(f"the database has {tables} tables: restore into an empty one, or say --force to empty it.")


def _empty_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        schema = cursor.fetchone()[0]
        cursor.execute(f"DROP SCHEMA {schema} CASCADE")
        cursor.execute(f"CREATE SCHEMA {schema}")


def _put_files(folder: Path, paths: list[str]) -> int:
    """Put files where the storage has none of that name; what is there is the same, since no name comes twice."""
    count = 0
    for name in paths:
        source = folder / name
        try:
            if default_storage.exists(name) and default_storage.size(name) == source.stat().st_size:
                continue
            with source.open("rb") as opened:
                stored = default_storage.save(name, File(opened))
        except Exception as fault:
            raise BackupFailed(f"the file {name} cannot be put back: {type(fault).__name__}. Restore again.") from fault
        if stored != name:
            raise BackupFailed(f"another file stands at {name} in the storage.")
        count += 1
    return count


def _portions(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while portion := file.read(CHUNK):
            yield portion
