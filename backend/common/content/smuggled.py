"""What no file may be besides what it says: an archive, or a page that a careless program would run."""

import re

from backend.common.content.refusals import ContentRefused
from backend.common.content.windows import Data, search, starts_with

ZIP_END = b"PK\x05\x06"
ZIP_END_SIZE = 22
ZIP_COMMENT_MAX = 65535
ZIP64_LOCATOR, ZIP64_LOCATOR_SIZE = b"PK\x06\x07", 20
SNIFFED = 1024  # as far as programs look that guess what a file is

# Long enough not to turn up by chance in ten megabytes of compressed pixels.
_MARKUP = re.compile(
    rb"<script[\s>/]|<html[\s>]|<!doctype\s+html|<\?php\s|<iframe[\s>]|<svg\s[^>]{0,200}xmlns", re.IGNORECASE
)
_SCRIPT = re.compile(rb"<script[\s>/]|<\?php\s", re.IGNORECASE)


def refuse_smuggled(data: Data, *, is_picture: bool) -> None:
    """Raises: ContentRefused."""
    if _is_archive(data):
        raise ContentRefused("archive", "This file is an archive, too.")
    everywhere = _MARKUP if is_picture else _SCRIPT
    if search(everywhere, data) or _MARKUP.search(data, 0, SNIFFED):
        raise ContentRefused("script", "This file holds a page or a script.")


def _is_archive(data: Data) -> bool:
    """Whether a reader of ZIP files would find one: these begin at their end, and take anything in front of it."""
    first = max(0, len(data) - ZIP_END_SIZE - ZIP_COMMENT_MAX)
    position = data.rfind(ZIP_END, first)
    while position >= 0:
        directory_size = int.from_bytes(data[position + 12 : position + 16], "little")
        start = position - directory_size
        is_large = starts_with(data, ZIP64_LOCATOR, max(0, position - ZIP64_LOCATOR_SIZE))
        if is_large or (start >= 0 and data[start : start + 4] in (b"PK\x01\x02", ZIP_END)):
            return len(data) - position >= ZIP_END_SIZE
        position = data.rfind(ZIP_END, first, position)
    return False
