"""Documents that come piece by piece over a bad network (tus 1.0; design.md section 7).

Every piece is sealed as it arrives and stored in PostgreSQL with the new offset in one transaction. So whatever the
server has acknowledged survives its death, and any process can take the next piece.
"""

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection, transaction
from django.db.models import F
from psycopg2 import Binary

from backend.audit import services as audit
from backend.common import vault
from backend.common.encryption import NONCE_BYTES, Damaged, new_file_key
from backend.common.errors import DomainError
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.kyc.errors import ChecksumMismatch, DocumentRefused, OffsetMismatch, UploadBusy, UploadUnknown
from backend.kyc.models import Document, Upload, UploadPiece
from backend.kyc.services import documents, examining

log = structlog.get_logger(__name__)

# Hex on its way to PostgreSQL, a piece takes twice as much in buffers that every connection keeps.
PIECE_MAX = 128 * 1024
GOOD_FOR = timedelta(days=1)
OPEN_MAX = 10


# The offset moves and the piece is stored in one statement, so in one transaction and one round trip.
_STORE = """
WITH moved AS (
    UPDATE kyc_upload SET received = received + %(size)s, touched_at = now()
    WHERE id = %(id)s AND received = %(at)s AND state = 'RECEIVING' RETURNING id
)
INSERT INTO kyc_uploadpiece (upload_id, start, size, sealed) SELECT id, %(at)s, %(size)s, %(sealed)s FROM moved
"""


class Body(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the client says of this request's body: the algorithm's name and the digest."""

    algorithm: str
    digest: bytes


def open_upload(*, actor: Principal, length: int, document_type: str, document_number: str, file_name: str) -> Upload:
    """Make room for a document of `length` bytes and return it. What can be refused now is not sent in vain.

    Raises: what `documents.check_before` raises; DocumentRefused (too many uploads are open).
    """
    documents.check_before(
        actor=actor, document_type=document_type, document_number=document_number, file_name=file_name, size=length
    )
    now = datetime.now(UTC)
    key = new_file_key()
    upload = Upload(
        user_id=actor.id,
        document_type=document_type,
        document_number=document_number,
        file_name=file_name,
        length=length,
        expires_at=now + GOOD_FOR,
    )
    upload.key_version, upload.wrapped_key = vault.master_keys().wrap(key, upload.pk.bytes)
    with unit_of_work():
        mine = Upload.objects.filter(user_id=actor.id, state=Upload.State.RECEIVING, expires_at__gt=now)
        if mine.count() >= OPEN_MAX:
            raise DocumentRefused("document_file", f"There are {OPEN_MAX} unfinished uploads already.")
        upload.save(force_insert=True)
        audit.record(actor_id=actor.id, action="kyc.upload_opened", target=upload, facts={"length": length})
    return upload


def get_upload(*, actor: Principal, upload_id: uuid.UUID) -> Upload:
    """Return one of the caller's uploads. Raises: UploadUnknown."""
    found = Upload.objects.filter(pk=upload_id, user_id=actor.id, expires_at__gt=datetime.now(UTC)).first()
    if found is None:
        raise UploadUnknown
    return found


def append(
    *, actor: Principal, upload_id: uuid.UUID, offset: int, body: Body, checksum: Checksum | None = None
) -> Upload:
    """Store what the body brings, from `offset` on, and complete the document when all of it is here.

    Each piece is stored by itself, so a body that breaks off leaves what came before; one whose checksum is wrong
    leaves nothing. Repeating at the end: completes what a killed process left incomplete.
    Raises: UploadUnknown, OffsetMismatch, UploadBusy, ChecksumMismatch, DocumentRefused (also for bytes too many).
    Locks: the upload, for each piece.
    """
    upload = get_upload(actor=actor, upload_id=upload_id)
    if upload.offset != offset:
        raise OffsetMismatch(offset=upload.offset)
    cipher = _cipher(upload)
    digest = hashlib.new(checksum.algorithm) if checksum else None
    at = offset
    for portion in _portions(body):
        if digest is not None:
            digest.update(portion)
        _store_piece(upload, cipher, at, portion)
        at += len(portion)
    if checksum is not None and digest is not None and digest.digest() != checksum.digest:
        _take_back(upload, offset)
        raise ChecksumMismatch
    if at == upload.length and upload.state == Upload.State.RECEIVING:
        complete(upload_id=upload.pk)
        upload.refresh_from_db()
    upload.offset = at
    return upload


def terminate(*, actor: Principal, upload_id: uuid.UUID) -> None:
    """Forget an upload and what came of it; a document that it became stays. Raises: UploadUnknown."""
    with unit_of_work():
        upload = get_upload(actor=actor, upload_id=upload_id)
        audit.record(actor_id=actor.id, action="kyc.upload_terminated", target=upload)
        upload.delete()


def complete(*, upload_id: uuid.UUID) -> None:
    """Make the document of an upload that is whole. A refusal is kept, for the client to read.

    Repeating: nothing. Of two at once one does it.
    Raises: DocumentRefused; UploadBusy; what the vault raises, and then it can be tried again.
    Locks: the upload as such, without waiting and without a transaction: a process that dies lets go of it.
    """
    with _alone_with(upload_id):
        upload = Upload.objects.select_related("user").get(pk=upload_id)
        if upload.state != Upload.State.RECEIVING or upload.offset != upload.length:
            return
        try:
            with vault.incoming(kind="document") as file:
                for piece in _opened_pieces(upload):
                    file.write(piece)
                seen = examining.examine(file, file_name=upload.file_name, user_id=upload.user_id)
                file.store()
                with unit_of_work() as unit:
                    document = documents.keep(
                        unit,
                        user_id=upload.user_id,
                        document_type=upload.document_type,
                        document_number=upload.document_number,
                        file=file,
                        seen=seen,
                    )
                    _end(upload, state=Upload.State.STORED, document=document)
        except DocumentRefused as fault:
            _end(upload, state=Upload.State.REFUSED, refusal={fault.field: [fault.detail]})
            raise


def complete_left_behind() -> int:
    """Complete the uploads that are whole and that nobody completed: their process died. Returns how many.

    What is refused or cannot be stored now does not keep the others waiting.
    """
    edge = datetime.now(UTC) - timedelta(minutes=1)
    whole = Upload.objects.filter(state=Upload.State.RECEIVING, offset=F("length"), touched_at__lt=edge)
    done = 0
    for upload_id in list(whole.order_by("touched_at").values_list("pk", flat=True)[:100]):
        try:
            complete(upload_id=upload_id)
            done += 1
        except (DomainError, Damaged) as fault:
            log.warning("upload.not_completed", upload=str(upload_id), fault=type(fault).__name__)
    return done


def prune_uploads() -> int:
    """Delete uploads past their time, with what had arrived of them; return how many there were."""
    expired = Upload.objects.filter(expires_at__lte=datetime.now(UTC))
    ids = list(expired.values_list("pk", flat=True)[:500])
    Upload.objects.filter(pk__in=ids).delete()
    return len(ids)


def _portions(body: Body) -> Iterator[bytes]:
    while portion := body.read(PIECE_MAX):
        yield portion


def _store_piece(upload: Upload, cipher: AESGCM, at: int, portion: bytes) -> None:
    """Seal and store a piece, and move the offset, if it stands where this request believes it does."""
    if at + len(portion) > upload.length:
        raise DocumentRefused("document_file", "More arrived than was announced.")
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + cipher.encrypt(nonce, portion, _place(upload, at))
    with connection.cursor() as cursor:
        cursor.execute(_STORE, {"id": upload.pk, "at": at, "size": len(portion), "sealed": Binary(sealed)})
        if not cursor.rowcount:  # Another request has sent this part.
            raise UploadBusy


def _take_back(upload: Upload, offset: int) -> None:
    """Forget what this request had stored."""
    with transaction.atomic():
        Upload.objects.select_for_update().get(pk=upload.pk)
        UploadPiece.objects.filter(upload=upload, start__gte=offset).delete()
        Upload.objects.filter(pk=upload.pk).update(offset=offset)


def _opened_pieces(upload: Upload) -> Iterator[bytes]:
    """Return the plain pieces in order, one in memory at a time. Raises: Damaged."""
    cipher, at = _cipher(upload), 0
    while at < upload.length:
        piece = UploadPiece.objects.filter(upload=upload, start=at).first()
        if piece is None:
            raise Damaged("a piece of an upload is missing")
        sealed = bytes(piece.sealed)
        try:
            yield cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _place(upload, at))
        except InvalidTag as fault:
            raise Damaged("a piece of an upload is not what was stored") from fault
        at += piece.size


def _end(
    upload: Upload, *, state: str, document: Document | None = None, refusal: dict[str, Any] | None = None
) -> None:
    Upload.objects.filter(pk=upload.pk).update(state=state, document=document, refusal=refusal or {})
    UploadPiece.objects.filter(upload=upload).delete()


def _cipher(upload: Upload) -> AESGCM:
    key = vault.master_keys().unwrap(upload.key_version, bytes(upload.wrapped_key), upload.pk.bytes)
    return AESGCM(key)


def _place(upload: Upload, at: int) -> bytes:
    return upload.pk.bytes + at.to_bytes(8, "big")


@contextmanager
def _alone_with(upload_id: uuid.UUID) -> Iterator[None]:
    """Hold the upload for this connection. Raises: UploadBusy."""
    key = upload_id.int >> 65  # 63 bits of it: as large as an advisory lock's name may be
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        if not cursor.fetchone()[0]:
            raise UploadBusy
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
