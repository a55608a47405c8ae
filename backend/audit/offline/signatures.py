"""Signatures, and the signed lines outside of the database: checkpoints, and anchors of archives.

Python's library only: this file is part of what auditors get (bundle.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from backend.audit.offline.chain import GENESIS, SIGNED_KINDS, Finding, line_hash, signed_bytes

# Ed25519, as RFC 8032 has it. Slow, and only ever used on what is public.

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)  # of -1
_Point = tuple[int, int, int, int]  # x, y, z, t with x*y = z*t, all over z


def _x_of(y: int, sign: int) -> int | None:
    """Return the x that belongs to y (RFC 8032, 5.1.3), if there is one."""
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    if square == 0:
        return None if sign else 0
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P != 0:
        x = x * _ROOT % _P
    if (x * x - square) % _P != 0:
        return None
    return _P - x if (x & 1) != sign else x


_BASE_Y = 4 * pow(5, _P - 2, _P) % _P
_BASE_X = _x_of(_BASE_Y, 0) or 0
_BASE: _Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)


def _add(one: _Point, other: _Point) -> _Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _times(number: int, point: _Point) -> _Point:
    total: _Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = _add(total, point)
        point = _add(point, point)
        number >>= 1
    return total


def _point(text: bytes) -> _Point | None:
    y = int.from_bytes(text, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    x = _x_of(y, sign)
    return None if x is None else (x, y, 1, x * y % _P)


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature of the message was made with the private half of this key (RFC 8032, 5.1.7)."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, commitment = _point(public), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= _L:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    left, right = _times(scalar, _BASE), _add(commitment, _times(challenge, key))
    same_x = (left[0] * right[2] - right[0] * left[2]) % _P == 0
    return same_x and (left[1] * right[2] - right[1] * left[2]) % _P == 0


# Checkpoints and anchors: lines that are signed, each naming the one before.

Verifier = Callable[[bytes, bytes, bytes], bool]


def check_lines(
    lines: Iterable[Mapping[str, Any]], public_keys: Mapping[int, bytes], verify: Verifier = ed25519_verify
) -> tuple[list[Mapping[str, Any]], list[Finding]]:
    """Return the lines that hold, and what is wrong with the others.

    Each line names the hash of the one before, so the last signature covers them all: the others are looked at only
    when something does not fit.
    """
    given = list(lines)
    whole = all(one["previous"] == line_hash(before) for before, one in zip(given, given[1:], strict=False))
    numbered = all(line["number"] == number for number, line in enumerate(given, 1))
    if not given or (whole and numbered and is_signed(given[-1], public_keys, verify)):
        return given, []
    good: list[Mapping[str, Any]] = []
    for number, line in enumerate(given, 1):
        if not is_signed(line, public_keys, verify):
            return good, [Finding(_place(line), "forged", f"the signature of checkpoint {line['number']} is wrong")]
        if line["number"] != number or (good and line["previous"] != line_hash(good[-1])):
            return good, [Finding(_place(line), "rolled_back", f"checkpoint {number} is gone")]
        good.append(line)
    return good, []


def is_signed(line: Mapping[str, Any], public_keys: Mapping[int, bytes], verify: Verifier = ed25519_verify) -> bool:
    """Whether the line was signed with a key that we know."""
    public = public_keys.get(line["key"])
    return public is not None and verify(public, signed_bytes(line), bytes.fromhex(line["signature"]))


def _place(line: Mapping[str, Any]) -> int:
    return int(line["seq"])


def check_witness(lines: Iterable[Mapping[str, Any]], witness: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    """Compare with lines that somebody kept: each must still be there, unchanged."""
    present = {line["number"]: line_hash(line) for line in lines}
    for line in witness:
        if line["number"] not in present:
            yield Finding(_place(line), "rolled_back", f"checkpoint {line['number']}, which the witness has, is gone")
        elif present[line["number"]] != line_hash(line):
            yield Finding(_place(line), "forked", f"checkpoint {line['number']} is not the one that the witness has")


def check_beginning(
    first: int, link: str, signed: Iterable[Mapping[str, Any]], *, is_complete: bool
) -> Iterator[Finding]:
    """What comes before the first row must be nothing, or signed: by the anchor of an archive, if all rows are here."""
    if first == 1 and link == GENESIS:
        return
    kinds = {"anchor"} if is_complete else SIGNED_KINDS
    if not any(line["kind"] in kinds and line["seq"] == first - 1 and line["link"] == link for line in signed):
        yield Finding(first, "missing", "nothing signed says what came before this row")
