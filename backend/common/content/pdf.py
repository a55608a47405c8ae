"""PDFs that only show something: no scripts, no programs to start, no files inside, no lock.

Names in a PDF may be written with escapes (`/J#61vaScript`) and lie in compressed object streams, so both are undone
before looking. The whole file is looked at, not only what its table of contents leads to: what one reader skips,
another repairs.
"""

import re
import zlib
from collections.abc import Iterator

from backend.common.content.refusals import ContentRefused, damaged

TAIL = 2048
OBJECTS_MAX = 16 * 1024 * 1024  # of all object streams, unpacked
PIECE = 64 * 1024

_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_OBJECT = re.compile(rb"obj(?:\s|%[^\r\n]*[\r\n])*(?=<<)")
_STREAM = re.compile(rb"(?:\s|%[^\r\n]*[\r\n])*stream\r?\n")
_BRACKET = re.compile(rb"<<|>>|[(%<]")
_IN_TEXT = re.compile(rb"\\.|[()]", re.DOTALL)
_LOCKED = re.compile(rb"/Encrypt[\s<]")
# All of them long, or bounded by what follows, so that ten megabytes of compressed pixels do not hold one by chance.
_ACTIVE = re.compile(
    rb"/(?:JavaScript|Launch|RichMedia|Rendition|SubmitForm|ImportData|GoToE)(?=[\s/<>\[\]()%]|$)"
    rb"|/XFA\s*(?=[\[\d])|/JS\s*(?=\(|\d+\s+\d+\s+R)"
)
_CARRIES = re.compile(rb"/EmbeddedFiles?(?=[\s/<>\[\]()%]|$)")
_PACKED_ONCE = re.compile(rb"/Filter\s*\[?\s*/FlateDecode\s*\]?\s*(?=[/>])")


def read_pdf(data: bytes) -> None:
    """Raises: ContentRefused."""
    if not re.match(rb"%PDF-[12]\.\d", data):
        raise damaged("PDF")
    _refuse_unended(data)
    plain = _unescaped(data)
    if _LOCKED.search(plain):
        raise ContentRefused("locked", "This PDF is protected by a password. Send it without.")
    _refuse_active(plain)
    left = OBJECTS_MAX
    for head, start in _streams(data):
        if b"/ObjStm" in head or b"/First" in head:
            objects = _unpacked(data, start, head, left)
            left -= len(objects)
            _refuse_active(_unescaped(objects))


def _refuse_unended(data: bytes) -> None:
    end = data.rfind(b"%%EOF")
    if end < 0 or data.rfind(b"startxref", max(0, end - TAIL), end) < 0:
        raise damaged("PDF")
    if data[end + len(b"%%EOF") :].strip(b"\r\n\t \x00"):
        raise ContentRefused("trailing", "Something else follows the end of this PDF.")


def _unescaped(data: bytes) -> bytes:
    return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), data)


def _refuse_active(plain: bytes) -> None:
    if _ACTIVE.search(plain):
        raise ContentRefused(
            "active", "This PDF runs something when it is opened. Print it to a new PDF and send that."
        )
    if _CARRIES.search(plain):
        raise ContentRefused("carries", "This PDF carries other files. Send them by themselves.")


def _streams(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Return the dictionary and the start of every stream, wherever in the file an object begins.

    Reads dictionaries as a viewer does: a word inside a text or a comment hides nothing.
    """
    budget = 4 * len(data)  # else a file of nothing but beginnings would be read once for each of them
    for found in _OBJECT.finditer(data):
        end = _after_dictionary(data, found.end())
        budget -= end - found.end()
        if budget < 0:
            raise _unreadable()
        stream = _STREAM.match(data, end)
        if stream:
            yield _unescaped(data[found.end() : end]), stream.end()


def _after_dictionary(data: bytes, position: int) -> int:
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


def _after_text(data: bytes, position: int) -> int:
    depth = 1
    while depth and (found := _IN_TEXT.search(data, position)):
        position = found.end()
        depth += {b"(": 1, b")": -1}.get(found[0], 0)
    return len(data) if depth else position


def _after_any(data: bytes, position: int, *ends: bytes) -> int:
    found = [place for place in (data.find(end, position) for end in ends) if place >= 0]
    return min(found) + 1 if found else len(data)


def _unpacked(data: bytes, start: int, head: bytes, most: int) -> bytes:
    if b"/Filter" not in head:
        return b""  # it was looked at with the rest of the file
    if not _PACKED_ONCE.search(head) or b"/Predictor" in head:
        raise _unreadable()
    unpacking, objects, view = zlib.decompressobj(), bytearray(), memoryview(data)
    try:
        while not unpacking.eof and start < len(data):
            objects += unpacking.decompress(view[start : start + PIECE], most + 1 - len(objects))
            start += PIECE
            if len(objects) > most:
                raise _unreadable()
    except zlib.error as fault:
        raise damaged("PDF") from fault
    return bytes(objects)


def _unreadable() -> ContentRefused:
    return ContentRefused("unreadable", "This PDF is packed in a way that cannot be looked into.")
