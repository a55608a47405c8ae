"""A file in a multipart form, sealed while it arrives: it is never whole in memory, and never plain on a disk.

Django parses the form in the request's own worker thread, which reads the body as the client sends it
(djangocrud/handler.py), and hands each portion to `Sealing`. Views that take files call `receive` after they have
decided that the caller may send one, and touch neither `request.data` nor `request.POST`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParser
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import UnsupportedMediaType, ValidationError
from rest_framework.request import Request

from backend.common import vault
from backend.common.content import safe_name
from backend.common.errors import TooLarge

TAIL = 1024

# Parsing and sealing keep the interpreter busy. However many uploads there are, one is worked on at a time, and the
# others wait here, not in line for the interpreter: there the sockets of the process would wait behind them.
_turn = threading.Lock()


class FileTooLarge(TooLarge):
    code = "file_too_large"

    def __init__(self, size_max: int) -> None:
        super().__init__(f"A file may have at most {size_max // 1024 // 1024} MB.")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that has arrived: a safe name, the form's other fields, and the file itself, not stored yet."""

    name: str
    fields: dict[str, str]
    file: vault.Incoming


class Sealing(FileUploadHandler):
    """Django's upload handler that writes the one file of a form into the vault."""

    chunk_size = vault.PORTION

    def __init__(self, target: vault.Incoming, *, field: str, size_max: int) -> None:
        super().__init__()
        self.target = target
        self.name = ""
        self._field = field
        self._size_max = size_max

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        super().new_file(field_name, file_name, *args, **kwargs)
        if field_name != self._field or self.name:
            raise ValidationError({field_name: [f"Send one file, in the field `{self._field}`."]})
        self.name = safe_name(file_name)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self.target.size + len(raw_data) > self._size_max:
            raise FileTooLarge(self._size_max)
        self.target.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        return _InVault(None, self.name, size=file_size)


class _InVault(UploadedFile):
    """What Django is told of the file. It wants to close it when the form turns out to be bad."""

    def close(self) -> None:
        """The vault has it."""


@contextmanager
def receive(request: Request, *, kind: str, size_max: int, field: str = "file") -> Iterator[Upload]:
    """Take in the one file of the request's form. What the caller does not store and keep is gone with the block.

    Raises: UnsupportedMediaType, ValidationError (no file, several, elsewhere), FileTooLarge, and Django's BadRequest
    for a form that is not well-formed or does not arrive whole.
    """
    if not (request.content_type or "").startswith("multipart/form-data"):
        raise UnsupportedMediaType(request.content_type or "nothing")
    with vault.incoming(kind=kind) as file:
        handler = Sealing(file, field=field, size_max=size_max)
        fields = _parsed(request._request, handler)
        if not handler.name:
            raise ValidationError({field: ["Send a file in this field."]})
        yield Upload(handler.name, fields, file)


def _parsed(request: HttpRequest, handler: Sealing) -> dict[str, str]:
    """Parse the form, to its very end; return its plain fields."""
    with _turn:
        return _parsed_in_turn(request, handler)


def _parsed_in_turn(request: HttpRequest, handler: Sealing) -> dict[str, str]:
    body = _Body(request)
    # Django takes a form without a length for an empty one; where it ends, the body says by itself.
    meta = {**request.META, "CONTENT_LENGTH": request.META.get("CONTENT_LENGTH") or "1"}
    fields, _ = MultiPartParser(meta, cast(Any, body), [handler], request.encoding or "utf-8").parse()
    boundary = parse_header_parameters(request.META["CONTENT_TYPE"])[1]["boundary"]
    if not body.ended_with(boundary.encode("ascii")):  # Django takes what is there for all there is.
        raise ValidationError({"non_field_errors": ["The form ends before its last boundary."]})
    return {name: str(value) for name, value in fields.items()}


class _Body:
    """The request's body, as the parser reads it. Remembers the last bytes. Gives its turn up while it waits."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._tail = b""

    def read(self, size: int) -> bytes:
        _turn.release()
        try:
            data = self._request.read(size)
        finally:
            _turn.acquire()
        self._tail = (self._tail + data)[-TAIL:]
        return data

    def ended_with(self, boundary: bytes) -> bool:
        return b"--" + boundary + b"--" in self._tail
