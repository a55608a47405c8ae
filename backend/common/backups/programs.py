"""pg_dump and pg_restore, at the two ends of a sealed stream."""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from django.conf import settings
from django.db import connection

from backend.common.backups import BackupFailed
from backend.common.encryption import CHUNK, Opener, Sealer

PORTION = 4 * CHUNK


def dump_into(target: BinaryIO, sealer: Sealer, *, snapshot: str) -> None:
    """Write the database as of `snapshot` into `target`, sealed. Raises: BackupFailed."""
    options = ["--format=custom", "--compress=1", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
    with _running("pg_dump", options, stdout=subprocess.PIPE) as process:
        out = cast(IO[bytes], process.stdout)
        while portion := out.read(PORTION):
            target.write(sealer.seal(portion))
    target.write(sealer.finish())


def restore_from(opener: Opener) -> None:
    """Put a dump into the empty database, in one transaction. Raises: BackupFailed, Damaged; nothing is there then."""
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    options += ["--dbname", _database()["NAME"]]
    with _running("pg_restore", options, stdin=subprocess.PIPE) as process:
        try:
            # Where it has ended early, its own words say why.
            with contextlib.suppress(BrokenPipeError), cast(IO[bytes], process.stdin) as into:
                while portion := opener.read(CHUNK):
                    into.write(portion)
        except BaseException:
            process.kill()  # Before its input ends: what it has written so far is not to be committed.
            raise


class _running:  # noqa: N801 - used like a function
    """A program for the block. Raises, at the block's end: BackupFailed with its last words when it failed."""

    def __init__(self, name: str, options: Sequence[str], **streams: Any) -> None:
        self._name = name
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the block ends
        try:
            self._process = subprocess.Popen(  # noqa: S603 - PostgreSQL's own programs, as a list
                [_program(name), *options], stderr=self._words, env=_connection(), **streams
            )
        except OSError as fault:
            raise BackupFailed(f"{name} cannot be run: {fault.strerror}.") from fault

    def __enter__(self) -> "subprocess.Popen[bytes]":
        return self._process

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._words:
            if kind is not None:
                self._process.kill()
            code = self._process.wait()
            for stream in (self._process.stdout, self._process.stdin):
                if stream is not None:
                    stream.close()
            if code and kind is None:
                self._words.seek(0)
                lines = self._words.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
                raise BackupFailed(f"{self._name} failed: {lines[0]}")


def _program(name: str) -> str:
    """Return the program's path: in the folder that is configured, else wherever the system has it."""
    folder = settings.POSTGRES_BIN
    found = shutil.which(name, path=folder) if folder else shutil.which(name)
    if found is None:
        raise BackupFailed(f"{name} is not here: install PostgreSQL's client programs, or set POSTGRES_BIN.")
    return str(Path(found))


def _database() -> dict[str, Any]:
    return connection.settings_dict


def _connection() -> dict[str, str]:
    """Return how to reach the database, in the variables that its programs read: arguments would show the password."""
    parts = _database()
    told = {
        "PGHOST": parts["HOST"],
        "PGPORT": parts["PORT"],
        "PGUSER": parts["USER"],
        "PGPASSWORD": parts["PASSWORD"],
        "PGDATABASE": parts["NAME"],
        "PGSSLMODE": parts.get("OPTIONS", {}).get("sslmode", ""),
        "PGCONNECT_TIMEOUT": "10",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LC_ALL": "C",
    }
    return {name: str(value) for name, value in told.items() if value}
