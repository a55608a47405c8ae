"""tus 1.0 at `/api/kyc/uploads/` (design.md section 7, E-KYC-4)."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as product

from backend.audit.models import AuditLog, SecurityEvent
from backend.common import vault
from backend.common.models import StoredFile
from backend.common.tests.made_files import pdf, picture, png_of_size
from backend.identity.models import User
from backend.kyc import tasks
from backend.kyc.models import Document, Upload, UploadPiece
from backend.kyc.services import uploads
from backend.kyc.tests.tus import UPLOADS, Tus, checksum

PICTURE = picture(size=(1200, 900))


@pytest.fixture
def customer(make_user) -> User:
    return make_user()


@pytest.fixture
def tus(customer, client_of) -> Tus:
    return Tus(client_of(customer))


def counts() -> dict[str, int]:
    models = (Document, Upload, UploadPiece, StoredFile, AuditLog, SecurityEvent)
    return {model.__name__: model.objects.count() for model in models}


def test_a_document_arrives_in_parts_and_is_whole(committed, tus, customer):
    """E-KYC-4: the finished file's hash is that of what was sent. E-UX-2: how far it has come can be read."""
    address = tus.address(len(PICTURE))
    middle = len(PICTURE) // 2

    first = tus.send(address, 0, PICTURE[:middle])
    seen = tus.offset(address)
    progress = tus.client.get(address).json()
    last = tus.send(address, middle, PICTURE[middle:])

    assert (first.status_code, first["Upload-Offset"], seen) == (204, str(middle), middle)
    assert (progress["state"], progress["offset"], progress["length"]) == ("RECEIVING", middle, len(PICTURE))
    assert (last.status_code, last["Upload-Offset"]) == (204, str(len(PICTURE)))
    document = Document.objects.get()
    assert last["Document-Id"] == str(document.pk)
    assert document.file.sha256 == hashlib.sha256(PICTURE).hexdigest()
    assert b"".join(vault.portions(document.file)) == PICTURE
    assert (document.user_id, document.content_type, document.verification_status) == (
        customer.pk,
        "image/png",
        "PENDING",
    )
    assert UploadPiece.objects.count() == 0


def test_one_request_can_open_and_fill_it(committed, tus):
    """creation-with-upload."""
    answer = tus.open(len(PICTURE), first=PICTURE)

    assert (answer.status_code, answer["Upload-Offset"]) == (201, str(len(PICTURE)))
    assert Document.objects.count() == 1


def test_no_plain_byte_waits_in_the_database_or_lies_in_the_storage(committed, tus, tmp_path):
    """Section 7: sealed on arrival, sealed in the storage."""
    address = tus.address(len(PICTURE))
    tus.send(address, 0, PICTURE[:-1])

    waiting = b"".join(bytes(piece.sealed) for piece in UploadPiece.objects.all())
    tus.send(address, len(PICTURE) - 1, PICTURE[-1:])
    stored = b"".join(path.read_bytes() for path in product.VAULT_SPOOL.parent.rglob("media/document/*/*"))

    assert len(waiting) > len(PICTURE) - 1
    assert PICTURE[:64] not in waiting
    assert stored
    assert PICTURE[100:164] not in stored


@pytest.mark.django_db
def test_the_server_says_what_it_speaks(tus):
    answer = tus.client.options(UPLOADS)

    assert (answer.status_code, answer["Tus-Version"], answer["Tus-Max-Size"]) == (204, "1.0.0", "10485760")
    assert answer["Tus-Extension"] == "creation,creation-with-upload,expiration,termination,checksum"


@pytest.mark.django_db
def test_another_version_is_refused(tus):
    address = tus.address(10)

    answer = tus.client.generic("PATCH", address, b"x", "application/offset+octet-stream", HTTP_UPLOAD_OFFSET="0")

    assert (answer.status_code, answer["Tus-Version"]) == (412, "1.0.0")


@pytest.mark.django_db
def test_a_wrong_offset_tells_the_right_one_and_stores_nothing(tus):
    address = tus.address(100)
    tus.send(address, 0, bytes(10))
    before = counts()

    answers = [tus.send(address, offset, bytes(10)) for offset in (0, 5, 11, 99)]

    assert [(answer.status_code, answer.json()["offset"]) for answer in answers] == [(409, 10)] * 4
    assert counts() == before


@pytest.mark.django_db
def test_bytes_beyond_the_announced_length_are_refused(tus):
    address = tus.address(10)

    answer = tus.send(address, 0, bytes(11))

    assert (answer.status_code, list(answer.json())) == (400, ["document_file"])
    assert tus.offset(address) == 0


@pytest.mark.django_db
@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_part_with_a_wrong_checksum_leaves_nothing(tus, algorithm):
    address = tus.address(600_000)
    good = tus.send(address, 0, bytes(10), HTTP_UPLOAD_CHECKSUM=checksum(bytes(10), algorithm))

    answer = tus.send(address, 10, b"\1" * 599_000, HTTP_UPLOAD_CHECKSUM=checksum(b"other", algorithm))

    assert (good.status_code, answer.status_code) == (204, 460)
    assert (tus.offset(address), UploadPiece.objects.count()) == (10, 1)


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["md5 AAAA", "sha256 !!", "sha256"])
def test_a_checksum_that_is_none_is_400(tus, value):
    answer = tus.send(tus.address(100), 0, bytes(10), HTTP_UPLOAD_CHECKSUM=value)

    assert answer.status_code in (400, 460)
    assert UploadPiece.objects.count() == 0


@pytest.mark.django_db
def test_anothers_upload_does_not_exist(tus, make_user, client_of):
    address = tus.address(100)
    stranger = Tus(client_of(make_user()))

    answers = [
        stranger.client.get(address),
        stranger.client.head(address, HTTP_TUS_RESUMABLE="1.0.0"),
        stranger.send(address, 0, b"x"),
        stranger.client.delete(address, HTTP_TUS_RESUMABLE="1.0.0"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert tus.offset(address) == 0


@pytest.mark.django_db
def test_terminated_and_expired_uploads_are_gone(tus):
    terminated, expired = tus.address(100), tus.address(100, document_type="OTHER", document_number="Z99")
    tus.send(expired, 0, bytes(50))

    answer = tus.client.delete(terminated, HTTP_TUS_RESUMABLE="1.0.0")
    Upload.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))

    assert answer.status_code == 204
    assert tus.client.get(expired).status_code == 404
    tasks.prune_uploads()
    assert (Upload.objects.count(), UploadPiece.objects.count()) == (0, 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"document_type": "LIBRARY_CARD"}, "document_type"),
        ({"document_number": "ab"}, "document_number"),
        ({"document_number": "123456"}, "document_number"),
        ({"document_number": "test"}, "document_number"),
        ({"document_number": "AB;DROP"}, "document_number"),
        ({"filename": "passport.docx"}, "document_file"),
        ({"filename": "passport"}, "document_file"),
        ({"filename": "../passport.png"}, "document_file"),
        ({"filename": ""}, "document_file"),
    ],
)
def test_what_can_be_refused_before_the_first_byte_is(tus, changes, field):
    """S2-B17 to S2-B19, E-KYC-5; the documented ABC123456 uploads (see below)."""
    before = counts()

    answer = tus.open(100, **changes)

    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert counts() == before


@pytest.mark.django_db
@pytest.mark.parametrize(("length", "status"), [(0, 400), (10 * 1024 * 1024, 201), (10 * 1024 * 1024 + 1, 400)])
def test_the_size_has_its_bounds(tus, length, status):
    """S2-B18, E-KYC-1."""
    answer = tus.open(length, document_number="ABC123456")

    assert answer.status_code == status
    if length > 1:
        assert status == 201 or "Compress" in answer.json()["document_file"][0]


@pytest.mark.django_db
def test_only_customers_send_documents(make_user, client_of):
    """S2-B32."""
    answer = Tus(client_of(make_user("BANK_ADMIN"))).open(100)

    assert answer.status_code == 403


@pytest.mark.django_db
def test_an_approved_person_has_nothing_to_send(tus, customer):
    """S2-B16."""
    User.objects.filter(pk=customer.pk).update(kyc_status="APPROVED")

    answer = tus.open(100)

    assert (answer.status_code, answer.json()["code"]) == (422, "kyc.upload_not_allowed")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("passport.png", b"MZ" + bytes(2000)),
        ("passport.png", picture("JPEG")),
        ("passport.png", picture() + b"PK\x03\x04 something behind"),
        ("passport.pdf", pdf(b"<< /S /JavaScript /JS (app.alert(1)) >>")),
    ],
)
def test_what_is_not_what_it_says_is_refused_and_reported(committed, tus, customer, name, data):
    """E-KYC-2: executable, other type, polyglot, PDF with a script. Nothing of it is kept."""
    address = tus.address(len(data), filename=name)

    answer = tus.send(address, 0, data)

    assert (answer.status_code, list(answer.json())) == (400, ["document_file"])
    assert (Document.objects.count(), StoredFile.objects.count(), UploadPiece.objects.count()) == (0, 0, 0)
    event = SecurityEvent.objects.get()
    assert (event.event_type, event.user_id) == ("MALICIOUS_FILE", customer.pk)
    state = tus.client.get(address).json()
    assert (state["state"], list(state["refused"])) == ("REFUSED", ["document_file"])


def test_a_second_document_of_a_type_is_refused_until_the_first_is_rejected(committed, tus, customer):
    """S2-B17, K-55, BUG-S2-7, BUG-S2-8: by the constraint too, when both were opened before either was whole."""
    first, second = tus.address(len(PICTURE)), tus.address(len(PICTURE), document_number="Y7654321")
    tus.send(first, 0, PICTURE)

    refused = tus.send(second, 0, PICTURE)
    opened = tus.open(100, document_number="Y7654321")
    Document.objects.update(verification_status="REJECTED", verified_at=datetime.now(UTC))
    again = tus.open(len(PICTURE), first=PICTURE, document_number="Y7654321")

    assert (refused.status_code, refused.json()) == (
        400,
        {"document_type": ["A document of this type has already been uploaded."]},
    )
    assert (opened.status_code, again.status_code) == (400, 201)
    assert StoredFile.objects.filter(kept_at=None).count() == 0


def test_a_number_is_one_persons_in_any_spelling(committed, tus, make_user, client_of):
    """S2-B17: unique across people."""
    tus.open(len(PICTURE), first=PICTURE, document_number="X-123 4567")

    answer = Tus(client_of(make_user())).open(100, document_number="x1234567")

    assert (answer.status_code, answer.json()) == (
        400,
        {"document_number": ["This document number has already been used."]},
    )


def test_a_rejected_person_who_sends_again_is_pending(committed, tus, customer):
    """S2-B12."""
    User.objects.filter(pk=customer.pk).update(kyc_status="REJECTED")

    tus.open(len(PICTURE), first=PICTURE)

    customer.refresh_from_db()
    assert customer.kyc_status == "PENDING"


def test_an_upload_whose_process_died_at_the_end_is_completed(committed, tus, monkeypatch):
    """The pieces are all here and nobody made the document: the clock does, or the client's next try."""
    with monkeypatch.context() as patch:
        patch.setattr(uploads, "complete", _die)
        address = tus.address(len(PICTURE))
        with pytest.raises(RuntimeError, match="killed"):
            tus.send(address, 0, PICTURE)
    assert (tus.offset(address), Document.objects.count()) == (len(PICTURE), 0)
    Upload.objects.update(touched_at=datetime.now(UTC) - timedelta(minutes=5))

    tasks.complete_left_behind()

    assert Document.objects.get().file.sha256 == hashlib.sha256(PICTURE).hexdigest()
    assert tus.send(address, len(PICTURE), b"").status_code == 204
    assert Document.objects.count() == 1


def _die(*, upload_id: object) -> None:
    raise RuntimeError("killed")


@pytest.mark.django_db
def test_a_large_part_is_kept_in_small_sealed_pieces(tus):
    """Section 7: at most 256 KiB each."""
    data = png_of_size(700_000)
    address = tus.address(len(data) + 1)

    tus.send(address, 0, data)

    pieces = list(UploadPiece.objects.order_by("start").values_list("start", "size"))
    assert max(size for _, size in pieces) == uploads.PIECE_MAX <= 256 * 1024
    assert [start for start, _ in pieces] == list(range(0, len(data), uploads.PIECE_MAX))
    assert sum(size for _, size in pieces) == len(data)
