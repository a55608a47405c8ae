"""A partner's file of customers, line by line (S4-B13): no header, `external_id,score[,preapproved_at]`, UTF-8.

Pure: bytes in, good and bad lines out, by number. A line that cannot be read takes no other along; empty lines are
none (BUG-S4-11). Byte order mark, CRLF, quotes and blanks around values are understood, and `NA` for no date.
"""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from backend.banking.external_ids import fault_of

LINE_MAX = 1000
COLUMNS = (2, 3)
NOTHING = frozenset({"", "na", "n/a", "null", "none"})
_NUMBER = re.compile(r"([+-]?)0*(\d*)(?:\.(\d*))?")

Fields = dict[str, list[str]]


class NotText(Exception):
    """The file is no text: its first bytes hold zeros, as those of pictures, archives and UTF-16 do."""


class CustomerLine(NamedTuple):
    """A good line."""

    line: int
    external_id: str
    score: Decimal
    preapproved_at: datetime | None


class BadLine(NamedTuple):
    """A bad line and why: in words for a line that is none, else by field."""

    line: int
    fault: str | Fields

    @property
    def shown(self) -> "str | dict[str, Fields]":
        """As S4-B14's clients read it."""
        if isinstance(self.fault, str):
            return f"Line {self.line}: {self.fault}"
        return {f"Line {self.line}": self.fault}


def read(pieces: Iterable[bytes], *, after: int = 0) -> Iterator[CustomerLine | BadLine]:
    """Return what each line behind the line number `after` is. Raises: NotText, at the first piece."""
    for number, raw in _numbered(pieces):
        if number <= after or (raw is not None and not raw.strip()):
            continue
        yield BadLine(number, f"it is longer than {LINE_MAX} bytes.") if raw is None else _line(number, raw)


def _line(number: int, raw: bytes) -> CustomerLine | BadLine:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return BadLine(number, "it is not UTF-8 text.")
    values = _values(text)
    if values is None:
        return BadLine(number, "a quote is opened and not closed.")
    if len(values) not in COLUMNS:
        return BadLine(number, f"expected 2 or 3 columns, found {len(values)}.")
    score, score_fault = _score(values[1])
    at, at_fault = _moment(values[2]) if len(values) > 2 else (None, None)
    found = {"external_id": fault_of(values[0]), "score": score_fault, "preapproved_at": at_fault}
    faults = {name: [fault] for name, fault in found.items() if fault}
    return BadLine(number, faults) if faults else CustomerLine(number, values[0], score, at)


def _values(text: str) -> list[str] | None:
    """Return the trimmed values of a line; None if a quote stays open."""
    if '"' not in text:
        return [value.strip() for value in text.split(",")]
    try:
        return [value.strip() for value in next(csv.reader((text,), strict=True, skipinitialspace=True))]
    except (csv.Error, StopIteration):
        return None


def _score(text: str) -> tuple[Decimal, str | None]:
    """Return a credit line as the column holds it, and what is wrong with it. The same words as a field's."""
    found = _NUMBER.fullmatch(text) if text.isascii() else None
    if found is None or not (found[2] or found[3] or "0" in text):
        return Decimal(0), "A valid number is required."
    whole, places = found[2], (found[3] or "").rstrip("0")
    if found[1] == "-" and (whole or places):
        return Decimal(0), "Ensure this value is greater than or equal to 0."
    if len(whole) > 10:
        return Decimal(0), "Ensure that there are no more than 12 digits in total."
    if len(places) > 2:
        return Decimal(0), "Ensure that there are no more than 2 decimal places."
    return Decimal(f"{whole or 0}.{places:0<2}"), None


def _moment(text: str) -> tuple[datetime | None, str | None]:
    """Return a moment; one without a zone is UTC's."""
    if text.lower() in NOTHING:
        return None, None
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC), None
    except (ValueError, OverflowError):
        return None, "Datetime has wrong format. Use ISO 8601: 2026-01-31T09:30:00Z."


def _numbered(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Return every line with its number; None for one that is too long to be one."""
    number, rest, is_first, is_too_long = 0, b"", True, False
    for piece in pieces:
        if is_first and b"\x00" in piece:
            raise NotText
        *whole, rest = (rest + (piece.removeprefix(codecs.BOM_UTF8) if is_first else piece)).split(b"\n")
        is_first = False
        for line in whole:
            number += 1
            yield number, None if is_too_long or len(line) > LINE_MAX else line.removesuffix(b"\r")
            is_too_long = False
        if len(rest) > LINE_MAX:
            rest, is_too_long = b"", True
    if rest or is_too_long:
        yield number + 1, None if is_too_long else rest.removesuffix(b"\r")
