"""Bytes in encrypted chunks, the keys that open them, and the master keys that those keys are wrapped by (ADR 0005).

A file has a random key of its own. Its bytes are sealed in chunks by AES-256-GCM; the nonce is the chunk's number and
whether it is the last one, and each chunk is bound to the file's id. So a chunk that was altered, moved, repeated,
left out or taken from another file does not open, and neither does what was cut at the end of a chunk. Nothing that
was not authenticated is ever handed out. Memory does not grow with the file, in either direction.
"""

import base64
import hashlib
import io
import os
import struct
import uuid
from collections.abc import Sequence
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CHUNK = 64 * 1024
TAG = 16
# Format, its version, the chunk size as a power of two. Bound into every chunk.
HEADER = b"easefile" + bytes([1, 16]) + bytes(6)
KEY_BYTES = 32
NONCE_BYTES = 12


class Damaged(Exception):
    """The bytes are not those that were stored: altered, cut, moved, or opened with another key."""


class KeyMissing(Exception):
    """No master key of this version is configured."""


def sealed_size(size: int) -> int:
    """Return how many bytes `size` plain bytes take when sealed."""
    return len(HEADER) + size + TAG * _chunk_count(size)


def _chunk_count(size: int) -> int:
    return max(1, -(-size // CHUNK))


def _nonce(number: int, is_last: bool) -> bytes:
    return struct.pack(">3xQB", number, is_last)


class Sealer:
    """Plain bytes in, sealed bytes out, in any portions. Counts and hashes the plain bytes on the way."""

    def __init__(self, key: bytes, file_id: uuid.UUID) -> None:
        self.size = 0
        self._cipher = AESGCM(key)
        self._bound = HEADER + file_id.bytes
        self._waiting = bytearray()
        self._number = 0
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def seal(self, data: bytes) -> bytes:
        """Take more of the file; return what of it can be written. The header comes with the first portion."""
        head = b"" if self.size or not data else HEADER
        self.size += len(data)
        self._hash.update(data)
        self._waiting += data
        sealed = [head]
        # A full chunk waits for the next byte: only then is it known not to be the last one.
        while len(self._waiting) > CHUNK:
            sealed.append(self._close_chunk(bytes(self._waiting[:CHUNK]), is_last=False))
            del self._waiting[:CHUNK]
        return b"".join(sealed)

    def finish(self) -> bytes:
        """Return the last chunk. Nothing may be sealed after it."""
        head = b"" if self.size else HEADER
        return head + self._close_chunk(bytes(self._waiting), is_last=True)

    def _close_chunk(self, plain: bytes, *, is_last: bool) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._number, is_last), plain, self._bound)
        self._number += 1
        return sealed


class Opener(io.RawIOBase):
    """The plain bytes of a sealed file as a seekable binary stream that holds one chunk. Closing it closes `sealed`.

    Raises `Damaged` at once when the sealed file has not the size that `size` plain bytes have, and while reading at
    the first chunk that is not what was stored.
    """

    def __init__(self, sealed: BinaryIO, key: bytes, file_id: uuid.UUID, size: int) -> None:
        super().__init__()
        self.size = size
        self._sealed = sealed
        self._cipher = AESGCM(key)
        self._bound = HEADER + file_id.bytes
        self._count = _chunk_count(size)
        self._position = 0
        self._number = -1
        self._chunk = b""
        if sealed.seek(0, io.SEEK_END) != sealed_size(size):
            raise Damaged("the sealed file has another size than it was stored with")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        if self._position >= self.size and self.size:
            return 0
        number, start = divmod(self._position, CHUNK)
        if number != self._number:
            self._chunk, self._number = self._open_chunk(number), number
        count = min(len(target), len(self._chunk) - start)
        target[:count] = self._chunk[start : start + count]
        self._position += count
        return count

    def readall(self) -> bytes:
        rest = bytearray()
        while portion := self.read(CHUNK):
            rest += portion
        return bytes(rest)

    def _open_chunk(self, number: int) -> bytes:
        self._sealed.seek(len(HEADER) + number * (CHUNK + TAG))
        sealed = self._sealed.read(CHUNK + TAG)
        try:
            return self._cipher.decrypt(_nonce(number, number == self._count - 1), sealed, self._bound)
        except InvalidTag as fault:
            raise Damaged(f"chunk {number} is not what was stored") from fault

    def close(self) -> None:
        if not self.closed:
            self._sealed.close()
        super().close()


def new_file_key() -> bytes:
    return os.urandom(KEY_BYTES)


class MasterKeys:
    """The versions of a master key, the newest first: it wraps, all of them unwrap.

    A version is named by a digest of its key, not by its place in the list, so that putting a new one in front
    changes nobody's name.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        """`texts` are keys in Fernet's form: 32 bytes in URL-safe base64. Raises: ValueError."""
        ciphers = [_wrapping(key_from(text)) for text in texts]
        if not ciphers:
            raise ValueError("at least one master key is needed")
        self.newest = ciphers[0][0]
        self._ciphers = dict(ciphers)

    def wrap(self, key: bytes, bound_to: bytes) -> tuple[str, bytes]:
        """Return the newest version's name and the wrapped key, which opens only together with `bound_to`."""
        nonce = os.urandom(NONCE_BYTES)
        return self.newest, nonce + self._ciphers[self.newest].encrypt(nonce, key, bound_to)

    def unwrap(self, version: str, wrapped: bytes, bound_to: bytes) -> bytes:
        """Raises: KeyMissing, Damaged."""
        cipher = self._ciphers.get(version)
        if cipher is None:
            raise KeyMissing(version)
        try:
            return cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound_to)
        except InvalidTag as fault:
            raise Damaged("the wrapped key does not open") from fault


def key_from(text: str) -> bytes:
    """Return the 32 bytes of a key in base64: as Fernet writes it, or with the `+` and `/` of what Render generates.

    Raises: ValueError.
    """
    if len(text) != 44:
        raise ValueError("a key is 32 bytes in base64, 44 characters")
    key = base64.b64decode(text.replace("+", "-").replace("/", "_"), altchars=b"-_", validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError("a key is 32 bytes in base64, 44 characters")
    return key


def _wrapping(secret: bytes) -> tuple[str, AESGCM]:
    """Return a version's name and its cipher. Both are derived: the secret may wrap other things elsewhere."""

    def derive(purpose: bytes) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"ease " + purpose).derive(secret)

    return derive(b"master key version")[:6].hex(), AESGCM(derive(b"file keys"))
