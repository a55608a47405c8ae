"""Sealed bytes: what was altered, cut, moved or opened with another key never comes out (ADR 0005)."""

import hashlib
import io
import os
import uuid

import pytest
from cryptography.fernet import Fernet

from backend.common.encryption import (
    CHUNK,
    HEADER,
    TAG,
    Damaged,
    KeyMissing,
    MasterKeys,
    Opener,
    Sealer,
    new_file_key,
    sealed_size,
)

KEY, ID = new_file_key(), uuid.uuid4()
SEALED_CHUNK = CHUNK + TAG


def seal(plain: bytes, portion: int = 50_000, key: bytes = KEY, file_id: uuid.UUID = ID) -> bytes:
    sealer = Sealer(key, file_id)
    parts = [sealer.seal(plain[start : start + portion]) for start in range(0, len(plain), portion)]
    sealed = b"".join([*parts, sealer.finish()])
    assert (sealer.size, sealer.sha256) == (len(plain), hashlib.sha256(plain).hexdigest())
    return sealed


def opened(sealed: bytes, size: int, key: bytes = KEY, file_id: uuid.UUID = ID) -> bytes:
    return Opener(io.BytesIO(sealed), key, file_id, size).read()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7])
def test_what_is_sealed_opens_to_the_same_bytes(size):
    plain = os.urandom(size)

    sealed = seal(plain)

    assert len(sealed) == sealed_size(size)
    assert opened(sealed, size) == plain
    assert seal(plain, portion=7 * CHUNK) == sealed  # the portions in which it comes change nothing


def test_a_stretch_in_the_middle_is_read_by_itself():
    plain = os.urandom(4 * CHUNK + 100)
    opener = io.BufferedReader(Opener(io.BytesIO(seal(plain)), KEY, ID, len(plain)))

    opener.seek(2 * CHUNK - 10)

    assert opener.read(20) == plain[2 * CHUNK - 10 : 2 * CHUNK + 10]
    assert opener.seek(-5, io.SEEK_END) == len(plain) - 5
    assert opener.read() == plain[-5:]


@pytest.mark.parametrize("position", [len(HEADER), len(HEADER) + SEALED_CHUNK - 1, -1])
def test_one_altered_bit_is_found(position):
    sealed = bytearray(seal(bytes(2 * CHUNK)))
    sealed[position] ^= 1

    with pytest.raises(Damaged):
        opened(bytes(sealed), 2 * CHUNK)


def test_chunks_in_another_order_are_found():
    sealed = seal(os.urandom(3 * CHUNK))
    body = sealed[len(HEADER) :]
    first, second, third = (body[n * SEALED_CHUNK : (n + 1) * SEALED_CHUNK] for n in range(3))

    with pytest.raises(Damaged):
        opened(HEADER + second + first + third, 3 * CHUNK)
    with pytest.raises(Damaged):
        opened(HEADER + first + first + third, 3 * CHUNK)


def test_a_cut_is_found_also_where_the_size_was_altered_with_it():
    sealed = seal(os.urandom(3 * CHUNK))

    with pytest.raises(Damaged, match="size"):
        opened(sealed[:-1], 3 * CHUNK)
    with pytest.raises(Damaged):
        opened(sealed[:-SEALED_CHUNK], 2 * CHUNK)  # its last chunk does not say that it is the last
    with pytest.raises(Damaged):
        opened(HEADER, 0)


def test_another_key_and_another_file_s_bytes_do_not_open():
    plain = b"plain"

    with pytest.raises(Damaged):
        opened(seal(plain), len(plain), key=new_file_key())
    with pytest.raises(Damaged):
        opened(seal(plain, file_id=uuid.uuid4()), len(plain))


def test_older_versions_unwrap_and_the_newest_wraps():
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    version, wrapped = MasterKeys([old]).wrap(KEY, ID.bytes)

    both = MasterKeys([new, old])

    assert both.unwrap(version, wrapped, ID.bytes) == KEY
    assert both.newest != version
    with pytest.raises(KeyMissing):
        MasterKeys([new]).unwrap(version, wrapped, ID.bytes)
    with pytest.raises(Damaged):
        both.unwrap(version, wrapped, uuid.uuid4().bytes)  # bound to its own file
    with pytest.raises(Damaged):
        both.unwrap(both.newest, wrapped, ID.bytes)


@pytest.mark.parametrize("text", ["", "short", "x" * 43, "+/" * 22, "é" * 44])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(ValueError):
        MasterKeys([text])
