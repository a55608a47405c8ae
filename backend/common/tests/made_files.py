"""Real pictures and PDFs for tests, made on the spot, and ones that are up to something."""

import io
import os
import struct
import zipfile
import zlib

from PIL import Image


def picture(kind: str = "PNG", size: tuple[int, int] = (60, 40), frames: int = 1) -> bytes:
    images = [Image.new("RGB", size, (number * 7 % 256, 80, 160)) for number in range(frames)]
    made = io.BytesIO()
    more = {"save_all": True, "append_images": images[1:]} if frames > 1 else {}
    images[0].save(made, kind, **more)
    return made.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A small PNG that claims any size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of_size(size: int, side: int = 60) -> bytes:
    """A PNG of exactly this many bytes: a good one, of noise, with a chunk that nobody reads."""
    made = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(3 * side * side)).save(made, "PNG", compress_level=1)
    plain = made.getvalue()
    end = plain.rindex(b"IEND") - 4
    return plain[:end] + chunk(b"zzZz", bytes(size - len(plain) - 12)) + plain[end:]


def pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    body = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
    body += b"2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n" + b"".join(objects)
    return body + b"trailer\n<< /Root 1 0 R /Size 9 " + trailer + b">>\nstartxref\n9\n%%EOF\n"


def object_stream(content: bytes, extra: bytes = b"", filters: bytes = b"/FlateDecode") -> bytes:
    packed = zlib.compress(content)
    head = b"7 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Filter %b %b /Length %d >>\nstream\n" % (
        filters,
        extra,
        len(packed),
    )
    return head + packed + b"\nendstream\nendobj\n"


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("run.sh", "echo")
    return made.getvalue()
