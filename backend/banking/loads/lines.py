"""The lines of a file, each with its number, and how far into the file one has come.

`position` and `line` always stand behind the last line that was handed out, so whoever stores them together with what
those lines became can go on from there, in another process, and misses nothing and repeats nothing.
"""

import codecs
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

PIECE = 256 * 1024

Fault = str | dict[str, list[str]]


class BadLine(NamedTuple):
    """A line that is not stored and why: in words for a line that is none, else by field."""

    line: int
    fault: Fault

    @property
    def shown(self) -> "str | dict[str, Fault]":
        """As S4-B14's clients read it."""
        if isinstance(self.fault, str):
            return f"Line {self.line}: {self.fault}"
        return {f"Line {self.line}": self.fault}


class NotText(Exception):
    """The file is no text: its first bytes hold zeros, as those of pictures, archives and UTF-16 do."""


class Lines:
    """Iterates over (number, line without its end); None for a line of more than `longest` bytes.

    `position` is where in the file the pieces begin, `line` the number of the line before it. A byte order mark at the
    beginning of the file is passed over. Raises: NotText, at the file's first piece.
    """

    def __init__(self, pieces: Iterable[bytes], *, longest: int, position: int = 0, line: int = 0) -> None:
        self.position = position
        self.line = line
        self._pieces = pieces
        self._longest = longest

    def __iter__(self) -> Iterator[tuple[int, bytes | None]]:
        rest, cut, longest = b"", 0, self._longest  # `cut`: how much of a line that is too long was let go.
        for piece in self._from_the_start():
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                self.line += 1
                self.position += cut + len(line) + 1
                yield self.line, None if cut or len(line) > longest else line.removesuffix(b"\r")
                cut = 0
            if len(rest) > longest:
                cut, rest = cut + len(rest), b""
        if rest or cut:
            self.line += 1
            self.position += cut + len(rest)
            yield self.line, None if cut else rest.removesuffix(b"\r")

    def _from_the_start(self) -> Iterator[bytes]:
        pieces = iter(self._pieces)
        if self.position == 0:
            first = next(pieces, b"")
            if b"\x00" in first:
                raise NotText
            if first.startswith(codecs.BOM_UTF8):
                self.position = len(codecs.BOM_UTF8)
            yield first.removeprefix(codecs.BOM_UTF8)
        yield from pieces


class Readable(Protocol):
    def seek(self, offset: int, /) -> int: ...

    def read(self, size: int, /) -> bytes: ...


def pieces_of(file: Readable, *, start: int, end: int) -> Iterator[bytes]:
    """Yield a file's bytes between two positions."""
    file.seek(start)
    while start < end and (piece := file.read(min(PIECE, end - start))):
        start += len(piece)
        yield piece


class Splitter:
    """Cuts a file that is passing into parts of at least `each` bytes, at ends of lines, and counts its lines."""

    def __init__(self, each: int) -> None:
        self.size = self.lines = 0
        self.cuts: list[tuple[int, int]] = []  # (position, number of lines before it)
        self._each = each
        self._due = each

    def feed(self, piece: bytes) -> None:
        begin = 0
        while (at := piece.find(b"\n", max(self._due - self.size - 1, begin))) >= 0:
            self.lines += piece.count(b"\n", begin, at + 1)
            begin = at + 1
            self.cuts.append((self.size + begin, self.lines))
            self._due = self.size + begin + self._each
        self.lines += piece.count(b"\n", begin)
        self.size += len(piece)

    def parts(self, *, start: int = 0, line: int = 0) -> list[tuple[int, int, int]]:
        """Return (start, end, number of lines before it) of each part behind `start`, where `line` lines end."""
        begins = [(start, line), *((at, number) for at, number in self.cuts if start < at < self.size)]
        ends = [*(at for at, _ in begins[1:]), self.size]
        return [(at, end, number) for (at, number), end in zip(begins, ends, strict=True)]
