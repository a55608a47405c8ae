"""Pictures, walked to their very end without decoding a pixel, then opened by Pillow.

The walk is ours because a decoder stops where it has what it needs: what is hidden behind that, it never sees. And it
comes first, because a decoder makes room for as many pixels as a header claims.
"""

import re
import struct
import warnings
import zlib
from typing import IO, cast

from PIL import Image

from backend.common.content.refusals import ContentRefused, damaged
from backend.common.content.windows import STRETCH, Data, starts_with

PIXELS_MAX = 50_000_000  # what a good camera makes; 200 MB once it is opened
FRAME_PIXELS_MAX = 500_000_000  # of all frames of a moving picture together

Size = tuple[int, int]

_PADDING = re.compile(rb"[\x00\r\n]*")
# In compressed pixels FF is followed by 00 or by a restart mark; anything else is the next segment.
_JPEG_MARK = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_EXIF_TRAILERS = (b"SEFT",)  # how Samsung's phones end the notes that they put behind a picture
_NOTES_MAX = 64 * 1024


def read_png(data: Data) -> Size:
    """Walk the chunks; each says its length. Raises: ContentRefused."""
    size, frames, position = None, 1, 8
    while True:
        if position + 12 > len(data):
            raise damaged("picture")
        length, kind = struct.unpack_from(">I4s", data, position)
        body = position + 8
        position = body + length + 4
        _refuse_altered(data, body - 4, position - 4)
        if kind == b"IHDR" and size is None and length == 13 and body == 16:
            size = struct.unpack_from(">II", data, body)
            _refuse_bomb(size)
        elif kind == b"acTL" and length == 8:
            frames = struct.unpack_from(">I", data, body)[0]
        elif kind == b"IEND":
            break
    _refuse_rest(data, position)
    return _opened(data, "PNG", size, frames)


def _refuse_altered(data: Data, start: int, end: int) -> None:
    """Hold a chunk against its checksum. Pillow would, too, with the whole chunk in memory."""
    checksum = 0
    for at in range(start, min(end, len(data)), STRETCH):
        checksum = zlib.crc32(data[at : min(at + STRETCH, end)], checksum)
    if data[end : end + 4] != checksum.to_bytes(4, "big"):
        raise damaged("picture")


def read_jpeg(data: Data) -> Size:
    """Walk the segments of the picture, and of the smaller ones that cameras put behind it. Raises: ContentRefused."""
    size, position = _walk_jpeg(data, 0)
    while True:
        start = _after_padding(data, position)
        if not starts_with(data, b"\xff\xd8\xff", start):
            break
        position = _walk_jpeg(data, start)[1]
    is_note = data[-4:] in _EXIF_TRAILERS and len(data) - position <= _NOTES_MAX
    if not is_note:
        _refuse_rest(data, position)
    return _opened(data, "JPEG", size)


def _walk_jpeg(data: Data, start: int) -> tuple[Size, int]:
    """Return the picture's size and where it ends."""
    size, position = None, start + 2
    while True:
        found = _JPEG_MARK.match(data, position)
        if found is None:
            raise damaged("picture")
        position, mark = found.end(), data[found.end() - 1]
        if mark == 0xD9:
            break
        length = int.from_bytes(data[position : position + 2], "big")
        if length < 2 or position + length > len(data):
            raise damaged("picture")
        if mark in _JPEG_FRAMES and length >= 8:
            height, width = struct.unpack_from(">HH", data, position + 3)
            size = size or (width, height)
            _refuse_bomb((width, height))
        position += length
        if mark == 0xDA:
            found = _JPEG_MARK.search(data, position)
            if found is None:
                raise damaged("picture")
            position = found.start()
    if size is None:
        raise damaged("picture")
    return size, position


def read_gif(data: Data) -> Size:
    """Walk the blocks; each is a row of small ones that say their length. Raises: ContentRefused."""
    if len(data) < 14:
        raise damaged("picture")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    _refuse_bomb((width, height))
    frames, position = 0, 13 + _gif_table_size(flags)
    while position < len(data):
        mark = data[position]
        if mark == 0x3B:
            _refuse_rest(data, position + 1)
            return _opened(data, "GIF", (width, height), frames)
        if mark == 0x21:
            position = _after_gif_blocks(data, position + 2)
        elif mark == 0x2C and position + 10 < len(data):
            frames += 1
            _refuse_bomb(struct.unpack_from("<HH", data, position + 5))
            position = _after_gif_blocks(data, position + 11 + _gif_table_size(data[position + 9]))
        else:
            break
    raise damaged("picture")


def _gif_table_size(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_gif_blocks(data: Data, position: int) -> int:
    while position < len(data):
        length = data[position]
        position += length + 1
        if not length:
            return position
    raise damaged("picture")


def read_webp(data: Data) -> Size:
    """Walk the chunks of the container. Raises: ContentRefused."""
    end = 8 + int.from_bytes(data[4:8], "little")
    size, frames, position = None, 0, 12
    if end > len(data):
        raise damaged("picture")
    while position + 8 <= end:
        kind, length = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        body = data[position + 8 : position + 8 + min(length, 32)]
        position += 8 + length + length % 2
        size = size or _webp_size(kind, body)
        frames += kind == b"ANMF"
    if position != end:
        raise damaged("picture")
    _refuse_rest(data, end)
    return _opened(data, "WEBP", size, frames)


def _webp_size(kind: bytes, body: bytes) -> Size | None:
    size = None
    if kind == b"VP8X" and len(body) >= 10:
        size = (1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little"))
    elif kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and len(body) >= 10:
        width, height = struct.unpack_from("<HH", body, 6)
        size = (width & 0x3FFF, height & 0x3FFF)
    elif kind == b"VP8L" and body[:1] == b"\x2f" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        size = (1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if size is not None:
        _refuse_bomb(size)
    return size


def _refuse_bomb(size: Size, frames: int = 1) -> None:
    pixels = size[0] * size[1]
    if pixels > PIXELS_MAX or pixels * frames > FRAME_PIXELS_MAX:
        raise ContentRefused("pixels", f"This picture has too many pixels; at most {PIXELS_MAX // 10**6} million.")


def _after_padding(data: Data, position: int) -> int:
    """Return where the zeros or line breaks end that some programs put behind a picture."""
    found = _PADDING.match(data, position)
    return found.end() if found else position


def _refuse_rest(data: Data, position: int) -> None:
    if position > len(data):
        raise damaged("picture")
    if _after_padding(data, position) < len(data):
        raise ContentRefused("trailing", "Something else follows the end of this picture.")


def _opened(data: Data, kind: str, size: Size | None, frames: int = 1) -> Size:
    """Have Pillow open the picture and verify what it can without decoding it."""
    if size is None or not all(size):
        raise damaged("picture")
    _refuse_bomb(size, max(frames, 1))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data.seek(0)
            with Image.open(cast(IO[bytes], data), formats=[kind]) as picture:
                width, height = picture.size
                if kind != "PNG":  # of that all there is to verify has been
                    picture.verify()
    except Exception as fault:  # whatever a decoder raises on what it was not made for
        raise damaged("picture") from fault
    if (width, height) != size:
        raise damaged("picture")
    return size
