"""The keys of the trail. None of them is in the database, so whoever can write there cannot write history.

`AUDIT_KEY` holds versions: the newest signs, the older ones go on proving. From each one come several keys, so that an
auditor can be given what proves digests and seals without what signs checkpoints.
"""

import hmac
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from backend.audit.offline.chain import Keys, signed_bytes


@dataclass(frozen=True, slots=True)
class Version:
    number: int
    keys: Keys
    signer: Ed25519PrivateKey
    files: bytes

    def file_key(self, file_id: UUID) -> bytes:
        """Return the key of one archive. Nothing of it is in the database, so nobody can lose it there."""
        return hmac.digest(self.files, file_id.bytes, "sha256")

    @property
    def public(self) -> bytes:
        return self.signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def ring() -> dict[int, Version]:
    """Return every version by its number."""
    return _ring(tuple(sorted(settings.AUDIT_KEYS.items())))


def newest() -> Version:
    known = ring()
    return known[max(known)]


def proving() -> dict[int, Keys]:
    """Return what digests and seals are checked with."""
    return {number: version.keys for number, version in ring().items()}


def public() -> dict[int, bytes]:
    """Return what signatures are checked with: for anybody to know."""
    return {number: version.public for number, version in ring().items()}


def signed(line: dict[str, Any]) -> dict[str, Any]:
    """Return the line with the newest version's signature."""
    version = newest()
    line = {**line, "key": version.number}
    return {**line, "signature": version.signer.sign(signed_bytes(line)).hex()}


def verify_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """The library's own verification, two hundred times as fast as the offline verifier's."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@cache
def _ring(secrets: tuple[tuple[int, str], ...]) -> dict[int, Version]:
    return {number: _version(number, secret.encode()) for number, secret in secrets}


def _version(number: int, secret: bytes) -> Version:
    digest, seal, signing, files = (
        hmac.digest(secret, f"ease.audit.{use}".encode(), "sha256") for use in ("digest", "seal", "signing", "files")
    )
    return Version(number, Keys(digest, seal), Ed25519PrivateKey.from_private_bytes(signing), files)
