"""From bytes to numbered records. A line that cannot be read never takes its neighbours along."""

import codecs
import csv
from collections.abc import Iterable, Iterator
from typing import NamedTuple

LINE_MAX = 64 * 1024
JOINED_MAX = 20  # lines that one quoted field may run over; beyond, its quote is taken for a slip
TOO_LONG = f"The line is longer than {LINE_MAX:,} bytes."
OPEN_QUOTE = "A quote is opened and not closed."


class Record(NamedTuple):
    """The fields of a record and the number of its first line, or what is wrong with that line. `last` is the number
    of its last line."""

    line: int
    last: int
    fields: list[str]
    fault: str = ""


def decoded(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Return the pieces as they are, but UTF-16, which spreadsheets call Unicode text, as UTF-8."""
    decoder: codecs.IncrementalDecoder | None = None
    for number, piece in enumerate(pieces):
        if number == 0 and piece[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
            decoder = codecs.getincrementaldecoder("utf-16")("replace")
        yield decoder.decode(piece).encode("utf-8", "replace") if decoder else piece


def records(pieces: Iterable[bytes], delimiter: str, *, after: int = 0) -> Iterator[Record]:
    """Return the records of the lines after the line number `after`; empty lines are none."""
    numbered = _numbered(pieces)
    waiting: list[tuple[int, str | None]] = []
    while True:
        number, text = waiting.pop(0) if waiting else next(numbered, (0, ""))
        if number == 0:
            return
        if number <= after:
            continue
        if text is None:
            yield Record(number, number, [], TOO_LONG)
        elif '"' not in text:
            if text.strip():
                yield Record(number, number, text.split(delimiter))
        else:
            fields = _fields(text, delimiter)
            if fields is not None:
                yield Record(number, number, fields)
            else:
                yield _joined(number, text, delimiter, waiting, numbered)


def _joined(
    number: int,
    text: str,
    delimiter: str,
    waiting: list[tuple[int, str | None]],
    numbered: Iterator[tuple[int, str | None]],
) -> Record:
    """Return the record whose quoted field goes on in the next lines. If none of them closes it, the first line is
    bad, and the others stand for themselves."""
    while len(waiting) < JOINED_MAX and (following := next(numbered, None)):
        waiting.append(following)
    for count, (last, more) in enumerate(waiting, start=1):
        if more is None:
            break
        text = f"{text}\n{more}"
        fields = _fields(text, delimiter) if '"' in more else None
        if fields is not None:
            del waiting[:count]
            return Record(number, last, fields)
    return Record(number, number, [], OPEN_QUOTE)


def _fields(text: str, delimiter: str) -> list[str] | None:
    """Return the fields of one record; None if a quote stays open."""
    try:
        return next(csv.reader((text,), delimiter=delimiter, strict=True))
    except csv.Error:
        if text.count('"') % 2:
            return None
    try:  # A quote in the middle of a field: read as it stands.
        return next(csv.reader((text,), delimiter=delimiter))
    except (csv.Error, StopIteration):
        return None


def _numbered(pieces: Iterable[bytes]) -> Iterator[tuple[int, str | None]]:
    """Return every line with its number; None for one that is too long to be one."""
    number, rest, is_too_long = 0, b"", False
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            number += 1
            yield number, None if is_too_long or len(line) > LINE_MAX else _text(number, line)
            is_too_long = False
        if len(rest) > LINE_MAX:
            rest, is_too_long = b"", True
    if rest or is_too_long:
        yield number + 1, None if is_too_long else _text(number + 1, rest)


def _text(number: int, line: bytes) -> str:
    """Decode a line by itself: files are put together from several, and each may be in another encoding."""
    if number == 1:
        line = line.removeprefix(codecs.BOM_UTF8)
    line = line.removesuffix(b"\r")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")
