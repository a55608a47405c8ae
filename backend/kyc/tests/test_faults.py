"""What goes wrong around documents: storage away, a token that expires, erasure."""

from datetime import UTC, datetime, timedelta

import pytest
from rest_framework.test import APIClient

from backend.common import hooks, vault
from backend.common.models import StoredFile
from backend.identity.services import sessions
from backend.kyc.models import Case, Document, Upload, UploadPiece
from backend.kyc.tests.people import PICTURE, send_document, waiting
from backend.kyc.tests.test_documents import send
from backend.kyc.tests.tus import Tus


@pytest.fixture
def mend(tmp_path, settings):
    """The storage's folder is a file, so nothing can be stored; calling this makes it a folder again."""
    before = settings.STORAGES
    place = tmp_path / "media"
    place.write_text("no folder")
    settings.STORAGES = {**before, "default": {**before["default"], "OPTIONS": {"location": place}}}

    def mended() -> None:
        place.unlink(missing_ok=True)
        settings.STORAGES = before

    return mended


def test_a_storage_that_is_away_leaves_no_row_and_no_file(committed, make_user, client_of, mend):
    """E-SYS-3: 503, told that it is temporary; by tus it is completed when the storage is back."""
    client = client_of(make_user())

    by_form = send(client)
    tus = Tus(client)
    by_tus = tus.open(len(PICTURE), first=PICTURE)

    assert [answer.status_code for answer in (by_form, by_tus)] == [503, 503]
    assert by_form["Retry-After"]
    assert (Document.objects.count(), StoredFile.objects.exclude(kept_at=None).count()) == (0, 0)
    assert Upload.objects.get().state == "RECEIVING"
    mend()
    StoredFile.objects.update(created_at=datetime.now(UTC) - timedelta(days=2))
    vault.sweep()
    assert StoredFile.objects.count() == 0
    assert tus.send(by_tus_address(), len(PICTURE), b"").status_code == 204
    assert Document.objects.count() == 1


def by_tus_address() -> str:
    return f"/api/kyc/uploads/{Upload.objects.get().pk}/"


@pytest.mark.django_db
def test_a_token_that_expires_during_an_upload_costs_a_refresh_and_nothing_else(make_user):
    """E-AUTH-1, E-UX-4: 401, refresh, and the same part is taken once."""
    user = make_user()
    pair = sessions.open_session(user=user, door="s2")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    tus = Tus(client)
    address = tus.address(len(PICTURE))
    tus.send(address, 0, PICTURE[:50])
    client.credentials(HTTP_AUTHORIZATION="Bearer " + pair.access[:-4] + "AAAA")

    refused = tus.send(address, 50, PICTURE[50:100])
    client.credentials()
    fresh = client.post("/api/auth/refresh/", {"refresh": pair.refresh}).json()["access"]
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {fresh}")
    taken = tus.send(address, 50, PICTURE[50:100])
    again = tus.send(address, 50, PICTURE[50:100])

    assert (refused.status_code, taken.status_code, again.status_code) == (401, 204, 409)
    assert UploadPiece.objects.count() == 2


@pytest.mark.django_db
def test_erasing_a_person_destroys_the_keys_of_their_documents(make_user, client_of):
    """Section 7: erasing destroys the file keys; that there was a document stays."""
    user = waiting(make_user)
    client = client_of(user)
    Tus(client).address(100, document_type="OTHER", document_number="Z777")

    client.delete("/api/user/me/")

    document = Document.objects.get()
    document.file.refresh_from_db()
    with pytest.raises(vault.FileGone):
        vault.open_file(document.file)
    assert document.document_number == "erased"
    assert (Upload.objects.count(), UploadPiece.objects.count()) == (0, 0)
    assert Case.objects.get().decision == "REJECTED"


@pytest.mark.django_db
def test_the_export_lists_documents_without_their_reviewers(make_user):
    user = waiting(make_user)
    send_document(make_user())
    parts: dict[str, list[dict[str, object]]] = {}

    hooks.person_exported(hooks.Export(user.pk, lambda name, rows: parts.update({name: list(rows)})))

    (row,) = parts["kyc/documents.json"]
    assert row["document_type"] == "PASSPORT"
    assert "verified_by" not in row
