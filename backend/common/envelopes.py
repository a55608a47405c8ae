"""Short personal values at rest: each sealed under a key of its own, which a master key wraps.

So a master key is turned by wrapping again, without a look at the value; and a value is bound to where it stands, so
that one moved to another row or field does not open.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backend.common.encryption import KEY_BYTES, NONCE_BYTES, TAG, Damaged, MasterKeys, new_file_key

FORMAT = b"\x01"
VERSION_BYTES = 6
WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG
HEAD_BYTES = len(FORMAT) + VERSION_BYTES + WRAPPED_BYTES


class Envelopes:
    """Seals and opens the values of one purpose: the SSNs, the addresses."""

    def __init__(self, keys: MasterKeys) -> None:
        self._keys = keys

    def seal(self, value: str, *, bound_to: str) -> bytes:
        key, place = new_file_key(), bound_to.encode()
        nonce = os.urandom(NONCE_BYTES)
        return self._head(key, place) + nonce + AESGCM(key).encrypt(nonce, value.encode(), place)

    def open(self, sealed: bytes, *, bound_to: str) -> str:
        """Raises: Damaged, KeyMissing."""
        sealed, place = bytes(sealed), bound_to.encode()
        key = self._key_in(sealed, place)
        nonce, body = sealed[HEAD_BYTES : HEAD_BYTES + NONCE_BYTES], sealed[HEAD_BYTES + NONCE_BYTES :]
        try:
            return AESGCM(key).decrypt(nonce, body, place).decode()
        except (InvalidTag, ValueError) as fault:
            raise Damaged("a sealed value is not what was stored") from fault

    def is_current(self, sealed: bytes) -> bool:
        """Whether the newest master key wraps it."""
        return bytes(sealed[1 : 1 + VERSION_BYTES]).hex() == self._keys.newest

    def turned(self, sealed: bytes, *, bound_to: str) -> bytes:
        """Return the same value under the newest master key. Raises: Damaged, KeyMissing."""
        sealed, place = bytes(sealed), bound_to.encode()
        return self._head(self._key_in(sealed, place), place) + sealed[HEAD_BYTES:]

    def _head(self, key: bytes, place: bytes) -> bytes:
        version, wrapped = self._keys.wrap(key, place)
        return FORMAT + bytes.fromhex(version) + wrapped

    def _key_in(self, sealed: bytes, place: bytes) -> bytes:
        if len(sealed) < HEAD_BYTES + NONCE_BYTES + TAG or not sealed.startswith(FORMAT):
            raise Damaged("a sealed value has not the form of one")
        version = sealed[len(FORMAT) : len(FORMAT) + VERSION_BYTES].hex()
        return self._keys.unwrap(version, sealed[len(FORMAT) + VERSION_BYTES : HEAD_BYTES], place)
