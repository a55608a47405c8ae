"""Opening a document: decrypted for whoever reviews it, each time with a reason that is kept."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime

from PIL import Image, ImageDraw, ImageFont, ImageOps

from backend.audit import services as audit
from backend.common import vault
from backend.common.encryption import Damaged
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.kyc import selectors
from backend.kyc.errors import NoPreview, ReasonMissing
from backend.kyc.models import Document

PREVIEW = (1600, 1600)
REASON_MAX = 200


def open_document(*, actor: Principal, document_id: int, reason: str) -> tuple[Document, Iterator[bytes]]:
    """Return a document and its plain bytes, portion by portion. The look is kept, with its reason.

    Raises: Forbidden, NotFound, ReasonMissing; FileDamaged, as a security event and with a request to the reviewer to
    have it sent again (E-KYC-6); FileGone, StorageAway.
    """
    document = _viewed(actor, document_id, reason, how="content")
    return document, _portions(document)


def preview_document(*, actor: Principal, document_id: int, reason: str) -> bytes:
    """Return a picture as a smaller JPEG that says who looked at it and when. The look is kept.

    Raises: as `open_document`; NoPreview for what is no picture.
    """
    document = _viewed(actor, document_id, reason, how="preview")
    if not document.content_type.startswith("image/"):
        raise NoPreview
    try:
        with io.BufferedReader(vault.open_file(document.file)) as plain, Image.open(plain) as picture:
            picture.draft("RGB", PREVIEW)
            shown = ImageOps.exif_transpose(picture).convert("RGB")
    except (vault.FileDamaged, Damaged) as fault:
        _report(document)
        raise vault.FileDamaged from fault
    shown.thumbnail(PREVIEW)
    _mark(shown, f"{actor.email}  {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    out = io.BytesIO()
    shown.save(out, "JPEG", quality=80)
    return out.getvalue()


def _viewed(actor: Principal, document_id: int, reason: str, *, how: str) -> Document:
    document = selectors.get_document(actor=actor, document_id=document_id)
    if not 3 <= len(reason.strip()) <= REASON_MAX:
        raise ReasonMissing
    with unit_of_work():
        facts = {"reason": reason.strip(), "how": how, "user_id": document.user_id}
        audit.record(actor_id=actor.id, action="kyc.document_viewed", target=document, facts=facts)
    return document


def _portions(document: Document) -> Iterator[bytes]:
    try:
        return vault.portions(document.file)
    except vault.FileDamaged:
        _report(document)
        raise


def _report(document: Document) -> None:
    with unit_of_work():
        audit.raise_security_event(
            event_type="DATA_CORRUPTION",
            user_id=document.user_id,
            severity="HIGH",
            description="A stored document could not be opened. Ask its owner to send it again.",
            metadata={"document": document.pk},
        )


def _mark(picture: Image.Image, words: str) -> None:
    """Write the words across the picture, again and again, light enough to read what is under them."""
    layer = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    font = ImageFont.load_default(size=max(14, min(picture.size) // 28))
    width = int(draw.textlength(words, font=font)) + 60
    height = max(60, min(picture.size) // 6)
    for row, top in enumerate(range(height // 3, picture.height, height)):
        for left in range(-(row % 2) * width // 2, picture.width, width):
            draw.text((left, top), words, font=font, fill=(255, 255, 255, 90))
            draw.text((left + 1, top + 1), words, font=font, fill=(160, 0, 0, 110))
    picture.paste(Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB"))
