"""A look at a document before it is kept: what it really is, and whether anybody will be able to read it."""

import io
import threading
from dataclasses import dataclass

from PIL import Image, ImageFilter, ImageStat

from backend.audit import services as audit
from backend.common import content
from backend.common.unit_of_work import unit_of_work
from backend.common.vault import Incoming
from backend.kyc.errors import DocumentRefused

EXTENSIONS = ("pdf", "jpg", "jpeg", "png")
# Refusals that nobody gets by accident.
_MALICIOUS = frozenset({"content.type", "content.mismatch", "content.bomb", "content.active", "content.carries"}) | {
    "content.trailing",
    "content.archive",
    "content.script",
}
# From this many pixels on the short side, and this much contrast at edges, print on a document is sharp.
SHARP_SIDE, SHARP_EDGES = 1000, 30
LOOKED_AT = (1000, 1000)
# A decoded picture is held whole: one at a time, and of those that cannot be decoded smaller none with more pixels.
DECODED_MAX = 2_000_000
_looking = threading.BoundedSemaphore(1)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found in a document's bytes: its real type, and how readable it is, 0 to 100 (S2-B22)."""

    content_type: str
    score: int


def examine(file: Incoming, *, file_name: str, user_id: int) -> Seen:
    """Look at the plain bytes of a file that is being taken in.

    Raises: DocumentRefused; what looks like an attack is a security event, too (E-KYC-2).
    """
    try:
        found = content.check(file.open(), name=file_name, extensions=EXTENSIONS)
    except content.ContentRefused as fault:
        if fault.code in _MALICIOUS:
            _note_malice(user_id, fault.code)
        raise DocumentRefused("document_file", fault.detail) from fault
    if found.width is None or found.height is None:
        return Seen(found.content_type, 100)
    decoded = 0 if found.content_type == content.JPEG else found.width * found.height
    return Seen(found.content_type, _readability(file, decoded))


def _readability(file: Incoming, decoded: int) -> int:
    """Return half for the resolution and half for the sharpness of a picture; of a large one both are believed."""
    if decoded > DECODED_MAX:
        return 100
    # Buffered: Pillow takes a read that ends at a sealed chunk's end for the end of the file.
    with _looking, Image.open(io.BufferedReader(file.open())) as picture:
        side = min(picture.size)
        picture.draft("L", LOOKED_AT)
        grey = picture.convert("L")
        grey.thumbnail(LOOKED_AT)
    edges = ImageStat.Stat(grey.filter(ImageFilter.FIND_EDGES)).stddev[0]
    return int(50 * min(1.0, side / SHARP_SIDE) + 50 * min(1.0, edges / SHARP_EDGES))


def _note_malice(user_id: int, reason: str) -> None:
    with unit_of_work():
        audit.raise_security_event(
            event_type="MALICIOUS_FILE",
            user_id=user_id,
            severity="HIGH",
            description="A document was refused that is not what it pretends to be.",
            metadata={"reason": reason},
        )
