"""The cells of a bank's file, each checked and written as COPY reads it. A fault is a ValueError in words."""

import re
from collections.abc import Callable, Iterable

NULL = "\\N"
SHOWN_MAX = 40
MISSING = frozenset({"", "na", "n/a", "nan", "none", "null"})

Reader = Callable[[str], str]


class Known(dict[str, str]):
    """What a reader makes of a cell, for cells that come again and again: most do. Faults are not kept."""

    KEPT_MAX = 4096

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self._reader = reader

    def __missing__(self, text: str) -> str:
        """Raises: ValueError."""
        found = self._reader(text.strip())
        if len(self) < self.KEPT_MAX:
            self[text] = found
        return found


def is_missing(text: str) -> bool:
    return text.strip().casefold() in MISSING


def plain(text: str) -> str:
    """Return a choice as it is compared: `Have Mortgage`, `HaveMortgage` and `have_mortgage` are one."""
    return "".join(text.replace("_", " ").split()).casefold()


def amounts(digits: int, *, least: str = "0") -> Reader:
    """Return the reader of numbers with at most two places, and `digits` before them. Missing ones are null.

    `least` is "0", or "0.01" for numbers that are above nothing.
    """
    # More zeros than two places are no more than that.
    good = re.compile(rf"\+?0*(\d{{1,{digits}}}(?:\.\d{{0,2}})?)(?:(?<=\.\d\d)0+)?", re.ASCII).fullmatch

    def read(text: str) -> str:
        if text.isdecimal() and text.isascii() and len(text) <= digits and text[0] != "0":
            return text  # Most are; the rest says the same of them, and takes three times as long.
        found = good(text)
        if found is None:
            return _no_number(text, f"has more than {digits} digits, or more than two places")
        if least != "0" and not found[1].strip("0."):
            raise ValueError("must be more than 0")
        return found[1]

    return read


def counts(most: int) -> Reader:
    """Return the reader of whole numbers up to `most`; `12.0` is one, too. Missing ones are null."""
    good = re.compile(r"\+?0*(\d{1,19})(?:\.0*)?", re.ASCII).fullmatch

    def read(text: str) -> str:
        if text.isdecimal() and text.isascii() and len(text) < len(str(most)):
            return text
        found = good(text)
        if found is None:
            return _no_number(text, "is no whole number")
        if int(found[1]) > most:
            raise ValueError(f"{_shown(text)} is above {most}")
        return found[1]

    return read


def choices(values: Iterable[str], *, is_needed: bool) -> Reader:
    """Return the reader of one of these words, in any spelling of its blanks and capitals."""
    known = {plain(value): value for value in values}
    exactly = {value: value for value in known.values()}

    def read(text: str) -> str:
        found = exactly.get(text) or known.get(plain(text))
        if found is not None:
            return found
        if not is_missing(text):
            raise ValueError(f"{_shown(text)} is none of {', '.join(known.values())}")
        return _missing(is_needed=is_needed)

    return read


def words(longest: int) -> Reader:
    """Return the reader of words that are needed."""

    def read(text: str) -> str:
        if is_missing(text):
            return _missing(is_needed=True)
        if len(text) > longest:
            raise ValueError(f"is longer than {longest} characters")
        if not text.isprintable():
            raise ValueError("holds characters that cannot be printed")
        return text.replace("\\", "\\\\")

    return read


def needed(reader: Reader) -> Reader:
    """Return the reader that refuses missing cells."""

    def read(text: str) -> str:
        found = reader(text)
        if found == NULL:
            return _missing(is_needed=True)
        return found

    return read


def _missing(*, is_needed: bool) -> str:
    if is_needed:
        raise ValueError("is missing")
    return NULL


def _no_number(text: str, fault: str) -> str:
    if is_missing(text):
        return NULL
    is_number = re.fullmatch(r"[+]?\d*\.?\d*", text, re.ASCII) and text.strip("+.")
    raise ValueError(f"{_shown(text)} {fault if is_number else 'is no number'}")


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}...")
