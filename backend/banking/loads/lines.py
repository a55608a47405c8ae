"""The lines of a file, each with its number, and how far into the file one has come.

`position` and `line` always stand behind the last line that was handed out, so whoever stores them together with what
those lines became can go on from there, in another process, and misses nothing and repeats nothing.
"""

import codecs
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

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
    beginning of the file is passed over. Raises: NotText, at the first piece.
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
        is_first = True
        for piece in self._pieces:
            if is_first:
                is_first = False
                if b"\x00" in piece:
                    raise NotText
                if self.position == 0 and piece.startswith(codecs.BOM_UTF8):
                    self.position = len(codecs.BOM_UTF8)
                    piece = piece.removeprefix(codecs.BOM_UTF8)
            yield piece


def pieces_of(file: BinaryIO, *, start: int, end: int) -> Iterator[bytes]:
    """Yield a file's bytes between two positions."""
    file.seek(start)
    while start < end and (piece := file.read(min(PIECE, end - start))):
        start += len(piece)
        yield piece
