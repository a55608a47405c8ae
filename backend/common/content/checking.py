"""The check from outside: name, kind, the right reader, and what no kind may hold."""

import io
import mmap
import threading
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import BinaryIO

from backend.common.content import pdf, pictures
from backend.common.content.refusals import ContentRefused
from backend.common.content.smuggled import refuse_smuggled
from backend.common.content.windows import Data

NAME_MAX = 120

PNG, JPEG, GIF, WEBP, PDF = "image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"
EXTENSIONS = {"png": PNG, "jpg": JPEG, "jpeg": JPEG, "gif": GIF, "webp": WEBP, "pdf": PDF}
_READERS: dict[str, Callable[[Data], tuple[int, int] | None]] = {
    PNG: pictures.read_png,
    JPEG: pictures.read_jpeg,
    GIF: pictures.read_gif,
    WEBP: pictures.read_webp,
    PDF: pdf.read_pdf,
}

# A check holds the whole file in memory, so they are made one after the other, however many uploads there are.
_checking = threading.Lock()
PORTION = 64 * 1024


@dataclass(frozen=True, slots=True)
class Content:
    """What a file turned out to be. Pictures have a size in pixels."""

    content_type: str
    width: int | None = None
    height: int | None = None


def check(file: BinaryIO | io.RawIOBase, *, name: str, extensions: Collection[str]) -> Content:
    """Read the file to its end and return what it is. `extensions` are those that are welcome, such as `png`.

    The caller has bounded its size. Raises: ContentRefused.
    """
    extension = extension_of(name)
    if extension not in extensions:
        raise ContentRefused("type", f"Send one of these kinds of files: {', '.join(sorted(extensions))}.")
    size = file.seek(0, io.SEEK_END)
    if not size:
        raise ContentRefused("empty", "The file is empty.")
    file.seek(0)
    with _checking, mmap.mmap(-1, size) as data:
        while portion := file.read(PORTION):
            data.write(portion)
        data.seek(0)
        return _content_of(data, extension)


def _content_of(data: Data, extension: str) -> Content:
    content_type = _type_of(data)
    if content_type is None:
        raise ContentRefused("type", "The content of this file is none of the kinds that are taken here.")
    if EXTENSIONS[extension] != content_type:
        raise ContentRefused("mismatch", f"The name ends in .{extension}, but the content is {content_type}.")
    size = _READERS[content_type](data)
    refuse_smuggled(data, is_picture=content_type != PDF)
    return Content(content_type, *size) if size else Content(content_type)


def _type_of(data: Data) -> str | None:
    """Return the kind that the first bytes announce."""
    head = data[:16]
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    if head.startswith(b"%PDF-"):
        return PDF
    return None


def extension_of(name: str) -> str:
    """Return what follows the last dot, in lower case; "" without one."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def safe_name(name: str) -> str:
    """Return a name that is only a name: no folder, nothing invisible, nothing that turns the text around, nothing
    that a file system takes for something else; not too long, its extension kept."""
    base = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    visible = "".join(" " if char.isspace() else char for char in base if char.isspace() or _is_visible(char))
    plain = "".join("_" if char in '<>:"|?*' else char for char in visible)
    words = " ".join(plain.split())
    stem, dot, extension = words.rpartition(".")
    if not dot:
        return words[:NAME_MAX] or "file"
    return f"{(stem.strip('. ') or 'file')[: NAME_MAX - 1 - len(extension[:10])]}.{extension[:10]}"


def _is_visible(char: str) -> bool:
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"}
