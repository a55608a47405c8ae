"""S2-R7 and S2-R8: documents by one multipart form, and their list."""

import hashlib
import io
import random

import pytest
from PIL import Image

from backend.audit.models import AuditLog, SecurityEvent
from backend.common import vault
from backend.common.models import StoredFile
from backend.common.tests.made_files import pdf, picture, png_of_size
from backend.identity.models import User
from backend.kyc.errors import DocumentRefused
from backend.kyc.models import Document
from backend.kyc.services import documents, examining
from backend.kyc.tests.people import PICTURE, send_document, with_profile
from backend.tests.commits import in_parallel
from backend.tests.stage import Form

UPLOAD, DOCUMENTS = "/api/kyc/upload/", "/api/kyc/documents/"


def send(client, content: bytes = PICTURE, *, name: str = "scan.png", **fields: str):
    described = {"document_type": "PASSPORT", "document_number": "ABC123456", **fields}
    data, kind = Form(name, content, "document_file", described).encoded()
    return client.generic("POST", UPLOAD, data, kind)


@pytest.mark.django_db
def test_the_documented_upload_answers_201_and_is_kept_sealed(make_user, client_of):
    """S2-R7, S2-B19: the documented number ABC123456."""
    user = make_user()

    answer = send(client_of(user))

    body = answer.json()
    document = Document.objects.get()
    assert answer.status_code == 201
    assert {name: body[name] for name in ("id", "document_type", "document_number", "verification_status")} == {
        "id": document.pk,
        "document_type": "PASSPORT",
        "document_number": "ABC123456",
        "verification_status": "PENDING",
    }
    assert body["file_hash"] == hashlib.sha256(PICTURE).hexdigest()
    assert body["message"]
    assert b"".join(vault.portions(document.file)) == PICTURE
    assert AuditLog.objects.filter(action="kyc.document_uploaded", actor_id=user.pk).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "content", "fields", "field"),
    [
        ("scan.png", PICTURE, {"document_type": "LIBRARY_CARD"}, "document_type"),
        ("scan.png", PICTURE, {"document_number": "111111"}, "document_number"),
        ("scan.docx", PICTURE, {}, "document_file"),
        ("scan.png", b"", {}, "document_file"),
        ("scan.png", b"MZ" + bytes(100), {}, "document_file"),
        ("scan.jpg", PICTURE, {}, "document_file"),
        ("scan.pdf", pdf(b"<< /S /JavaScript /JS (app.alert(1)) >>"), {}, "document_file"),
    ],
)
def test_what_is_refused_is_told_by_field_and_leaves_nothing(make_user, client_of, name, content, fields, field):
    """S2-R7, E-KYC-2, E-KYC-5, BUG-S2-9, BUG-S2-10."""
    answer = send(client_of(make_user()), content, name=name, **fields)

    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert (Document.objects.count(), StoredFile.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_an_executable_under_an_allowed_name_is_a_security_event(make_user, client_of):
    """E-KYC-2."""
    user = make_user()

    send(client_of(user), b"MZ" + bytes(100))

    event = SecurityEvent.objects.get()
    assert (event.event_type, event.user_id, event.severity) == ("MALICIOUS_FILE", user.pk, "HIGH")


@pytest.mark.django_db
def test_more_than_ten_megabytes_are_413(make_user, client_of):
    """E-KYC-1."""
    answer = send(client_of(make_user()), png_of_size(documents.SIZE_MAX + 1))

    assert answer.status_code == 413
    assert StoredFile.objects.count() == 0


@pytest.mark.django_db
def test_a_decided_person_has_nothing_to_send(make_user, client_of):
    """S2-B16."""
    user = make_user()
    User.objects.filter(pk=user.pk).update(kyc_status="APPROVED")

    answer = send(client_of(user))

    assert (answer.status_code, list(answer.json())) == (400, ["non_field_errors"])


@pytest.mark.django_db
def test_the_same_type_again_is_refused(make_user, client_of):
    """S2-B17."""
    client = client_of(make_user())
    send(client)

    answer = send(client, document_number="OTHER123")

    assert (answer.status_code, answer.json()) == (
        400,
        {"document_type": ["A document of this type has already been uploaded."]},
    )


def test_of_two_uploads_of_a_type_at_once_one_is_taken(committed, make_user):
    """E-KYC-3, BUG-S2-8: exactly one 201."""
    user = with_profile(make_user())

    results = in_parallel(*[lambda: send_document(user, "PASSPORT")] * 2)

    assert sorted(type(result).__name__ for result in results) == ["Document", "DocumentRefused"]
    assert (Document.objects.count(), StoredFile.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_ones_own_documents_are_listed_newest_first_and_filtered(make_user, client_of):
    """S2-R8."""
    user, other = make_user(), make_user()
    send_document(user, "PASSPORT")
    send_document(user, "UTILITY_BILL")
    send_document(other, "OTHER")
    client = client_of(user)

    everything = client.get(DOCUMENTS).json()
    bills = client.get(DOCUMENTS, {"document_type": "UTILITY_BILL"}).json()
    unknown = client.get(DOCUMENTS, {"status": "LOST"})

    assert everything["count"] == 2
    assert [row["document_type"] for row in everything["results"]] == ["UTILITY_BILL", "PASSPORT"]
    assert [row["document_type"] for row in bills["results"]] == ["UTILITY_BILL"]
    assert unknown.status_code == 400


@pytest.mark.django_db
def test_a_person_sends_five_documents_at_most(make_user):
    """S2-B20."""
    user = make_user()
    for document_type in ("GOVERNMENT_ID", "PASSPORT", "DRIVER_LICENSE", "UTILITY_BILL", "BANK_STATEMENT"):
        send_document(user, document_type)

    with pytest.raises(DocumentRefused, match="At most 5"):
        send_document(user, "OTHER")


@pytest.mark.django_db
def test_a_sharp_large_picture_scores_above_a_small_grey_one(make_user):
    """S2-B22: measured, not made up."""
    noise = Image.frombytes("L", (1400, 1100), random.Random(7).randbytes(1400 * 1100))
    out = io.BytesIO()
    noise.save(out, "PNG")

    def score(data: bytes) -> int:
        with vault.incoming(kind="document") as file:
            file.write(data)
            return examining.examine(file, file_name="scan.png", user_id=1).score

    assert score(out.getvalue()) == 100
    assert score(picture(size=(100, 80))) < 50
