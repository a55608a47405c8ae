"""The format of the trail, and the walk along its chain (backend/docs/trust.md).

Python's library only: this file is part of what auditors get (bundle.py).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

FORMAT = "ease.audit.1"
GENESIS = hashlib.sha256(FORMAT.encode()).hexdigest()
# What a row's digest covers, in the order of the canonical object; `facts` is a string of canonical JSON.
FIELDS = (
    *("action", "action_type", "actor_id", "at", "detail_hash", "facts", "ip_address", "key", "log_id"),
    *("subject_id", "target_id", "target_type", "user_agent"),
)
ERASED = "audit.details_erased"
SIGNED_KINDS = frozenset({"checkpoint", "anchor"})
FINDINGS_MAX = 1000
LOOSE_MAX = 200

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False).encode
_encode_ordered = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def canonical(value: Any) -> bytes:
    """Return the one form of a JSON value: keys sorted, no spaces, UTF-8."""
    return _encode(value).encode()


def row_bytes(row: Mapping[str, Any]) -> bytes:
    """Return what a row's digest is made over."""
    return _encode_ordered({name: row[name] for name in FIELDS}).encode()


def digest_of(key: bytes, body: bytes) -> str:
    """Return a row's digest: only who holds the key can make one."""
    return hmac.digest(key, body, "sha256").hex()


def leaf_of(body: bytes, row: Mapping[str, Any]) -> str:
    """Return what the chain holds of a row: everything in it, its digest, and the transaction that wrote it."""
    place = int(row["id"]).to_bytes(8, "big") + int(row["xid"]).to_bytes(8, "big")
    return hashlib.sha256(b"\x00" + body + bytes.fromhex(row["digest"]) + place).hexdigest()


def link_of(previous: str, leaf: str) -> str:
    return hashlib.sha256(b"\x01" + bytes.fromhex(previous) + bytes.fromhex(leaf)).hexdigest()


def mac_of(key: bytes, seq: int, link: str) -> str:
    """Return a seal's own code: without the key nobody can make the chain again, only longer."""
    return hmac.digest(key, seq.to_bytes(8, "big") + bytes.fromhex(link), "sha256")[:16].hex()


def detail_hash_of(salt: str, values: str) -> str:
    """Return the commitment to personal values. The salt goes with them, so that nobody can guess them afterwards."""
    return hashlib.sha256(bytes.fromhex(salt) + values.encode()).hexdigest()


def signed_bytes(line: Mapping[str, Any]) -> bytes:
    """Return what the signature of a checkpoint or an anchor is made over."""
    return FORMAT.encode() + b"\n" + canonical({name: line[name] for name in line if name != "signature"})


def line_hash(line: Mapping[str, Any]) -> str:
    """Return what the next line names as its `previous`."""
    return hashlib.sha256(canonical(dict(line))).hexdigest()


@dataclass(frozen=True, order=True)
class Finding:
    """Something wrong, at a place in the chain. `row` is the row's number in the database where one is known."""

    seq: int
    kind: str
    words: str
    row: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.kind} at {self.seq}" + (f" (row {self.row})" if self.row else "") + f": {self.words}"


class Keys(NamedTuple):
    """The two keys of one version."""

    digest: bytes
    seal: bytes


@dataclass(frozen=True)
class _Loose:
    """A seal that does not fit its row or the seal before it; what was moved and what was changed shows at the end."""

    seq: int
    row: int
    previous: str | None
    link: str
    leaf: str  # of the row that is there


class Walk:
    """Goes along the chain, seal by seal, and keeps what does not fit.

    `expected` are the links that signed checkpoints name. `keys` by version; without any, only what needs no secret is
    checked. `knows_values` says whether personal values are handed in, so that missing ones count.
    """

    def __init__(
        self,
        *,
        seq: int = 0,
        link: str | None = GENESIS,
        keys: Mapping[int, Keys] | None = None,
        expected: Mapping[int, str] | None = None,
        knows_values: bool = False,
        finds_doubles: bool = True,
    ) -> None:
        self.seq, self.link = seq, link
        self.rows = 0
        self.agreed = seq  # the last place where a checkpoint agreed
        self.findings: list[Finding] = []
        self.count = 0
        self.erased: set[int] = set()
        self.without_values: list[tuple[int, int]] = []
        self._keys, self._expected, self._knows_values = keys, expected or {}, knows_values
        self._seen: set[int] | None = set() if finds_doubles else None
        self._loose: list[_Loose] = []

    def find(self, seq: int, kind: str, words: str, row: int | None = None) -> None:
        self.count += 1
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(seq, kind, words, row))

    def step(self, seal: Mapping[str, Any], row: Mapping[str, Any] | None) -> None:
        """Take the next seal, and the row that it says it seals."""
        seq, link = seal["seq"], seal["link"]
        if seq != self.seq + 1:
            self._gap(seq)
        ours = self._is_ours(seal)
        if row is None:
            self.find(seq, "missing", "the row sealed here is gone", seal["row_id"])
        else:
            self.rows += 1
            self._check_row(seal, row, ours)
        if seq in self._expected:
            self._compare(seq, link)
        self.seq, self.link = seq, link

    def finish(self, *, head: int | None = None) -> list[Finding]:
        """Return everything found, first place first. `head` is how far a signed line says that the chain goes."""
        self._sort_out()
        for seq, row in self.without_values:
            if row not in self.erased:
                self.find(seq, "missing", "its personal values are gone, and no row says that they were erased", row)
        if head is not None and head > self.seq:
            self.find(self.seq + 1, "truncated", f"a signed checkpoint says that the chain goes to {head}")
        return sorted(self.findings)

    def _gap(self, seq: int) -> None:
        if seq <= self.seq:
            self.find(seq, "reordered", "this place comes twice or too late")
        else:
            gone = f"{self.seq + 1}" if seq == self.seq + 2 else f"{self.seq + 1} to {seq - 1}"
            self.find(self.seq + 1, "missing", f"the seals {gone} are gone")
        self.link = None

    def _is_ours(self, seal: Mapping[str, Any]) -> bool:
        if self._keys is None:
            return True
        keys = self._keys.get(seal["key"])
        if keys is not None and hmac.compare_digest(mac_of(keys.seal, seal["seq"], seal["link"]), seal["mac"]):
            return True
        self.find(seal["seq"], "forked", "this seal was not made by Ease: the chain was made again", seal["row_id"])
        return False

    def _check_row(self, seal: Mapping[str, Any], row: Mapping[str, Any], ours: bool) -> None:
        seq, number = seal["seq"], row["id"]
        body = row_bytes(row)
        leaf = leaf_of(body, row)
        fits = leaf == seal["leaf"] and number == seal["row_id"]
        if not fits or (self.link is not None and link_of(self.link, leaf) != seal["link"]):
            if len(self._loose) < FINDINGS_MAX:
                self._loose.append(_Loose(seq, number, self.link, seal["link"], leaf))
        elif ours and not self._is_written_by_us(row, body):
            self.find(
                seq, "inserted", "Ease did not write this row: it was put there, or changed before sealing", number
            )
        self._check_values(seq, row)
        if row["action"] == ERASED and fits:
            self.erased.update(json.loads(row["facts"]).get("rows", ()))
        if self._seen is not None:
            name = int(row["log_id"].replace("-", ""), 16) & 0xFFFFFFFFFFFFFFFF
            if name in self._seen:
                self.find(seq, "inserted", "a copy of an earlier row", number)
            self._seen.add(name)

    def _is_written_by_us(self, row: Mapping[str, Any], body: bytes) -> bool:
        if self._keys is None:
            return True
        keys = self._keys.get(row["key"])
        return keys is not None and hmac.compare_digest(digest_of(keys.digest, body), row["digest"])

    def _check_values(self, seq: int, row: Mapping[str, Any]) -> None:
        values = row.get("values")
        if values is not None:
            if detail_hash_of(row["salt"], values) != row["detail_hash"]:
                self.find(seq, "altered", "its personal values are not those that were recorded", row["id"])
        elif self._knows_values and row["detail_hash"]:
            self.without_values.append((seq, row["id"]))

    def _compare(self, seq: int, link: str) -> None:
        if self._expected[seq] == link:
            self.agreed = seq
        else:
            since = f"between {self.agreed + 1} and {seq}"
            self.find(seq, "forked", f"a checkpoint signed another chain here; it was left {since}")

    def _sort_out(self) -> None:
        """Tell what was moved from what was changed: for what was moved, another place has what is wanting here."""
        for loose in self._loose:
            if any(_belongs(loose, other) for other in self._loose[:LOOSE_MAX] if other is not loose):
                self.find(loose.seq, "reordered", "this row does not belong here, but at another place", loose.row)
            else:
                self.find(loose.seq, "altered", "the row is not the one that was sealed", loose.row)
        self._loose.clear()


def _belongs(here: _Loose, other: _Loose) -> bool:
    """Whether the other place holds the row that was sealed here, or the seal that this one was made to follow."""
    if here.previous is not None and link_of(here.previous, other.leaf) == here.link:
        return True
    return link_of(other.link, here.leaf) == here.link
