"""A row more of each model of kyc that has a page (backend/tests/pages.py)."""

import random
import uuid
from datetime import date

from backend.common.models import StoredFile
from backend.kyc.models import Case, Document, Profile
from backend.tests.stage import Stage


def _profile(stage: Stage) -> None:
    Profile.objects.create(
        user=stage.make_user(),
        phone=f"+351{random.randrange(10**9):09}",
        date_of_birth=date(1990, 1, 2),
        ssn_sealed=b"x",
        ssn_hash=uuid.uuid4().hex,
        address_sealed=b"x",
    )


def _document(stage: Stage) -> None:
    file = StoredFile.objects.create(kind="x", path=uuid.uuid4().hex, size=1, sha256="x", wrapped_key=b"x")
    key = uuid.uuid4().hex
    Document.objects.create(
        user=stage.make_user(), document_type="PASSPORT", document_number=key, number_key=key, file=file
    )


ROWS = {
    "kyc.Profile": _profile,
    "kyc.Document": _document,
    "kyc.Case": lambda stage: Case.objects.create(user=stage.make_user(), assigned_to=stage.make_user()),
}
