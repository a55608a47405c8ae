"""PDFs that only show something: no scripts, no programs to start, no files inside, no lock.

Names in a PDF may be written with escapes (`/J#61vaScript`) and lie in compressed object streams, so both are undone
before looking. The whole file is looked at, not only what its table of contents leads to: what one reader skips,
another repairs.
"""

import re
import zlib
from collections.abc import Iterator

from backend.common.content.refusals import ContentRefused, damaged
from backend.common.content.windows import OVERLAP, Data, find_all, starts_with, stretches

TAIL = 2048
OBJECTS_MAX = 16 * 1024 * 1024  # of all object streams, unpacked
PIECE = 64 * 1024

_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_OBJECT = re.compile(rb"obj(?=[\s<%])")
_BLANK = re.compile(rb"(?:\s|%[^\r\n]*[\r\n])*")
_STREAM = re.compile(rb"(?:\s|%[^\r\n]*[\r\n])*stream\r?\n")
_BRACKET = re.compile(rb"<<|>>|[(%<]")
_IN_TEXT = re.compile(rb"\\.|[()]", re.DOTALL)
_LOCKED = re.compile(rb"/Encrypt[\s<]")
# All of them long, or bounded by what follows, so that ten megabytes of compressed pixels do not hold one by chance.
_ACTIVE = re.compile(
    rb"/(?:JavaScript|Launch|RichMedia|Rendition|SubmitForm|ImportData|GoToE)(?=[\s/<>\[\]()%]|$)"
    rb"|/XFA\s{0,99}(?=[\[\d])|/JS\s{0,99}(?=\(|\d+\s+\d+\s+R)"
)
_CARRIES = re.compile(rb"/EmbeddedFiles?(?=[\s/<>\[\]()%]|$)")
_PACKED_ONCE = re.compile(rb"/Filter\s*\[?\s*/FlateDecode\s*\]?\s*(?=[/>])")


def read_pdf(data: Data) -> None:
    """Raises: ContentRefused."""
    if not re.match(rb"%PDF-[12]\.\d", data):
        raise damaged("PDF")
    _refuse_unended(data)
    for start, end in stretches(data):
        plain = _unescaped(data[start:end])
        if _LOCKED.search(plain):
            raise ContentRefused("locked", "This PDF is protected by a password. Send it without.")
        _refuse_active(plain)
    left = OBJECTS_MAX
    for head, start in _streams(data):
        if b"/ObjStm" not in head and b"/First" not in head:
            continue
        before = b""
        for objects in _unpacked(data, start, head):
            left -= len(objects)
            if left < 0:
                raise _unreadable()
            _refuse_active(_unescaped(before + objects))
            before = objects[-OVERLAP:]


def _refuse_unended(data: Data) -> None:
    end = data.rfind(b"%%EOF")
    if end < 0 or data.rfind(b"startxref", max(0, end - TAIL), end) < 0:
        raise damaged("PDF")
    if data[end + len(b"%%EOF") :].strip(b"\r\n\t \x00"):
        raise ContentRefused("trailing", "Something else follows the end of this PDF.")


def _unescaped(text: bytes) -> bytes:
    return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), text)


def _refuse_active(plain: bytes) -> None:
    if _ACTIVE.search(plain):
        raise ContentRefused(
            "active", "This PDF runs something when it is opened. Print it to a new PDF and send that."
        )
    if _CARRIES.search(plain):
        raise ContentRefused("carries", "This PDF carries other files. Send them by themselves.")


def _streams(data: Data) -> Iterator[tuple[bytes, int]]:
    """Return the dictionary and the start of every stream, wherever in the file an object begins.

    Reads dictionaries as a viewer does: a word inside a text or a comment hides nothing.
    """
    budget = 4 * len(data)  # else a file of nothing but beginnings would be read once for each of them
    for found in find_all(_OBJECT, data):
        blank = _BLANK.match(data, found.end())
        start = blank.end() if blank else found.end()
        if not starts_with(data, b"<<", start):
            continue
        end = _after_dictionary(data, start)
        budget -= end - found.start()
        if budget < 0:
            raise _unreadable()
        stream = _STREAM.match(data, end)
        if stream:
            yield _unescaped(data[start:end]), stream.end()


def _after_dictionary(data: Data, position: int) -> int:
    """Return where the dictionary ends that begins here, or the end of the file."""
    depth = 0
    while found := _BRACKET.search(data, position):
        position = found.end()
        match found[0]:
            case b"<<":
                depth += 1
            case b">>":
                depth -= 1
                if depth == 0:
                    return position
            case b"(":
                position = _after_text(data, position)
            case b"%":
                position = _after_any(data, position, b"\r", b"\n")
            case _:
                position = _after_any(data, position, b">")
    return len(data)


def _after_text(data: Data, position: int) -> int:
    depth = 1
    while depth and (found := _IN_TEXT.search(data, position)):
        position = found.end()
        depth += {b"(": 1, b")": -1}.get(found[0], 0)
    return len(data) if depth else position


def _after_any(data: Data, position: int, *ends: bytes) -> int:
    found = [place for place in (data.find(end, position) for end in ends) if place >= 0]
    return min(found) + 1 if found else len(data)


def _unpacked(data: Data, start: int, head: bytes) -> Iterator[bytes]:
    """Return what is in a stream of objects, in pieces."""
    if b"/Filter" not in head:
        return  # it was looked at with the rest of the file
    if not _PACKED_ONCE.search(head) or b"/Predictor" in head:
        raise _unreadable()
    unpacking = zlib.decompressobj()
    try:
        while not unpacking.eof and start < len(data):
            packed = data[start : start + PIECE]
            start += len(packed)
            while packed and not unpacking.eof:
                yield unpacking.decompress(packed, PIECE)
                packed = unpacking.unconsumed_tail
    except zlib.error as fault:
        raise damaged("PDF") from fault


def _unreadable() -> ContentRefused:
    return ContentRefused("unreadable", "This PDF is packed in a way that cannot be looked into.")
