"""Backups that are whole or none: database, files and checkpoints as of one moment, in a folder that only we can read.

    folder/manifest.json      what there is, which keys it needs, and a proof that nobody changed it; written last
    folder/database.sealed    a dump by pg_dump, sealed as it is made (common/encryption.py); plain bytes touch no disk
    folder/files/…            the storage's files as they lie there: sealed already
    folder/carried/…          what slices keep outside of the database (the trail's signed checkpoints)

No key is in it. The manifest names those that the data needs by fingerprint, so a restore without them is refused
before anything is written. The dump's own key is wrapped by `ENCRYPTION_KEY_DOCUMENTS`.

Slices register in `AppConfig.ready()` what only they know: what they carry, which keys they need, how to prove that
what was restored is right.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from backend.common.errors import Conflict, Unavailable


class BackupRefused(Conflict):
    """It is not done, and nothing was changed. The words say why, and what to do."""

    code = "backup.refused"


class BackupFailed(Unavailable):
    """A program or a storage failed. A restore of the database is one transaction, and left nothing behind."""

    code = "backup.failed"


@dataclass(frozen=True, slots=True)
class Carried:
    """Something outside of database and files: how to read it, and how to put it back where there is nothing yet."""

    name: str
    save: Callable[[], Iterable[bytes]]
    load: Callable[[Iterable[bytes]], str]  # returns what it did, in words


@dataclass(frozen=True, slots=True)
class Proof:
    """A way to prove restored data: it returns what is wrong, in words, and how much it went through."""

    name: str
    prove: Callable[[], tuple[Sequence[str], str]]


carried: dict[str, Carried] = {}
proofs: dict[str, Proof] = {}
_needed_keys: list[Callable[[], Mapping[str, Sequence[str]]]] = []
_more_files: list[Callable[[], Iterable[str]]] = []


def carry(name: str, *, save: Callable[[], Iterable[bytes]], load: Callable[[Iterable[bytes]], str]) -> None:
    carried[name] = Carried(name, save, load)


def prove_by(name: str, prove: Callable[[], tuple[Sequence[str], str]]) -> None:
    proofs[name] = Proof(name, prove)


def need_keys(versions: Callable[[], Mapping[str, Sequence[str]]]) -> None:
    """Have backups name the versions of keys that are configured, and restores ask for them."""
    _needed_keys.append(versions)


def also_files(paths: Callable[[], Iterable[str]]) -> None:
    """Have backups take files of the storage that `StoredFile` does not know."""
    _more_files.append(paths)


def more_files() -> list[str]:
    return sorted({path for paths in _more_files for path in paths()})


def fingerprints() -> dict[str, list[str]]:
    """Return, for each key, which versions are configured: names that give nothing of them away."""
    configured = {name: texts for versions in _needed_keys for name, texts in versions().items()}
    return {name: [fingerprint(name, text) for text in texts] for name, texts in sorted(configured.items())}


def fingerprint(name: str, secret: str) -> str:
    return hashlib.blake2b(secret.encode(), digest_size=8, person=b"ease-key", salt=name.encode()[-16:]).hexdigest()
