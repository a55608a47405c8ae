"""A row more of each model of common (backend/tests/pages.py)."""

import uuid

from backend.common.models import StoredFile
from backend.tests.stage import Stage


def _file(stage: Stage) -> None:
    StoredFile.objects.create(kind="x", path=uuid.uuid4().hex, size=1, sha256="x", wrapped_key=b"x")


ROWS = {"common.StoredFile": _file}
