"""Looking through a file a stretch at a time: no copy of it all, and other threads get their turn in between.

A search over ten megabytes in one call would hold the interpreter, and with it every socket, for a tenth of a second.
"""

import mmap
import re
from collections.abc import Iterator

# A file's bytes, held outside of Python's own memory: it goes back to the system at once.
Data = mmap.mmap

STRETCH = 128 * 1024
OVERLAP = 512  # more than anything that is searched for is long


def starts_with(data: Data, words: bytes, position: int = 0) -> bool:
    return data[position : position + len(words)] == words


def stretches(data: Data) -> Iterator[tuple[int, int]]:
    """Return where overlapping stretches begin and end."""
    for start in range(0, len(data), STRETCH):
        yield start, min(start + STRETCH + OVERLAP, len(data))


def search(pattern: re.Pattern[bytes], data: Data) -> bool:
    return any(pattern.search(data, start, end) for start, end in stretches(data))


def find_all(pattern: re.Pattern[bytes], data: Data) -> Iterator[re.Match[bytes]]:
    """Return each match once, in order."""
    for start, end in stretches(data):
        for found in pattern.finditer(data, start, end):
            if found.start() < start + STRETCH:
                yield found
