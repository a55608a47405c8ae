"""What the lines of each kind of file become. `running` knows how to go through them, these know what they are."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from backend.banking.loads.lines import BadLine, Lines


class Kind(Protocol):
    """`longest` is how long a line may be, `at_once` how many are stored in one transaction."""

    longest: int
    at_once: int

    def outcomes(self, lines: Lines) -> Iterator[Any]:
        """Return what each line is: something good, a BadLine, or None for one without anything in it."""

    def store(self, good: Sequence[Any]) -> list[BadLine]:
        """Store what is good, in the caller's transaction; return what could not be stored after all."""
