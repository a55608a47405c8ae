"""A tus client over the test client: what a phone would send."""

import base64
import hashlib
from typing import Any

from rest_framework.test import APIClient

UPLOADS = "/api/kyc/uploads/"
OFFSET_TYPE = "application/offset+octet-stream"


def metadata(**values: str) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items())


def checksum(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


class Tus:
    def __init__(self, client: APIClient) -> None:
        self.client = client

    def open(self, length: int, *, first: bytes = b"", **values: str) -> Any:
        """Make an upload; `values` replace what its metadata says."""
        given = {"filename": "passport.png", "document_type": "PASSPORT", "document_number": "X1234567", **values}
        kind = {"content_type": OFFSET_TYPE} if first else {}
        return self.client.generic(
            "POST",
            UPLOADS,
            first,
            HTTP_TUS_RESUMABLE="1.0.0",
            HTTP_UPLOAD_LENGTH=str(length),
            HTTP_UPLOAD_METADATA=metadata(**given),
            **kind,
        )

    def address(self, length: int, **values: str) -> str:
        answer = self.open(length, **values)
        assert answer.status_code == 201, answer.content
        return answer["Location"].partition("testserver")[2]

    def send(self, address: str, offset: int, data: bytes, **headers: str) -> Any:
        headers = {"HTTP_TUS_RESUMABLE": "1.0.0", "HTTP_UPLOAD_OFFSET": str(offset), **headers}
        return self.client.generic("PATCH", address, data, OFFSET_TYPE, **headers)

    def offset(self, address: str) -> int:
        return int(self.client.head(address, HTTP_TUS_RESUMABLE="1.0.0")["Upload-Offset"])
