"""Identity documents: what may be sent, what is kept, and what a person sees of it."""

import re

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from backend.audit import services as audit
from backend.common.errors import Forbidden
from backend.common.principal import CUSTOMER, Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.common.vault import Incoming
from backend.identity.models import User
from backend.identity.services import sessions
from backend.kyc.errors import DocumentRefused, UploadNotAllowed
from backend.kyc.models import COUNTING, Document
from backend.kyc.services import cases, examining
from backend.kyc.services.examining import EXTENSIONS, Seen

SIZE_MAX = 10 * 1024 * 1024
PER_PERSON_MAX = 5
# Who may send documents: those whose case is open (S2-B16), and those whose approval has run out.
SENDING = ("INCOMPLETE", "PENDING", "REJECTED", "EXPIRED")

_NUMBER = re.compile(r"[A-Za-z0-9 _/-]{3,50}")
_PLACEHOLDERS = frozenset({"000000", "111111", "123456", "ABCDEF", "TEST", "SAMPLE"})
_UNSAFE_NAME = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|;&$`]|\.\.")

TYPE_TAKEN = "A document of this type has already been uploaded."
NUMBER_TAKEN = "This document number has already been used."


def require_open(*, actor: Principal) -> None:
    """Raises: Forbidden (documents are for customers to send, S2-B32), UploadNotAllowed (S2-B16)."""
    if not actor.has_role(CUSTOMER):
        raise Forbidden
    status = User.objects.values_list("kyc_status", flat=True).get(pk=actor.id)
    if status not in SENDING:
        raise UploadNotAllowed(status)


def send_document(
    *, actor: Principal, document_type: str, document_number: str, file_name: str, file: Incoming
) -> Document:
    """Check a document that has arrived, store it and return it. Nothing is left of one that is refused.

    Raises: as `check_before` and `keep`, what `examining.examine` and the vault raise.
    """
    check_before(
        actor=actor,
        document_type=document_type,
        document_number=document_number,
        file_name=file_name,
        size=file.size,
    )
    seen = examining.examine(file, file_name=file_name, user_id=actor.id)
    file.store()
    with unit_of_work() as unit:
        return keep(
            unit,
            user_id=actor.id,
            document_type=document_type,
            document_number=document_number,
            file=file,
            seen=seen,
        )


def check_before(
    *, actor: Principal, document_type: str, document_number: str, file_name: str, size: int | None = None
) -> None:
    """Refuse what can be refused before any byte is taken.

    Raises: as `require_open`; DocumentRefused by field (S2-B17 to S2-B20). When the document is kept the constraints
    decide again.
    """
    require_open(actor=actor)
    checked_number(document_number)
    checked_file_name(file_name)
    if size is not None:
        check_size(size)
    kept = Document.objects.filter(verification_status__in=COUNTING)
    mine = list(kept.filter(user_id=actor.id).values_list("document_type", flat=True))
    if document_type in mine:
        raise DocumentRefused("document_type", TYPE_TAKEN)
    if len(mine) >= PER_PERSON_MAX:
        raise DocumentRefused("document_type", f"At most {PER_PERSON_MAX} documents can be sent.")
    if kept.filter(number_key=number_key(document_number)).exists():
        raise DocumentRefused("document_number", NUMBER_TAKEN)


def checked_number(text: str) -> str:
    """3 to 50 letters, digits, spaces, dashes, underscores and slashes; no placeholder (S2-B19)."""
    if not _NUMBER.fullmatch(text):
        raise DocumentRefused("document_number", "Use 3 to 50 letters, digits, spaces, dashes, underscores or slashes.")
    if number_key(text) in _PLACEHOLDERS:
        raise DocumentRefused("document_number", "This is not a document's number.")
    return text


def number_key(text: str) -> str:
    """Return the number as numbers are compared."""
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def checked_file_name(name: str) -> str:
    """A plain name with an extension we take (S2-B18, E-KYC-5). Raises: DocumentRefused."""
    if not name or len(name) > 255 or _UNSAFE_NAME.search(name):
        raise DocumentRefused("document_file", "The file's name must not contain paths or special characters.")
    if name.rpartition(".")[2].lower() not in EXTENSIONS or "." not in name:
        raise DocumentRefused("document_file", "This file type is not supported. Send a PDF, JPG, JPEG or PNG.")
    return name


def check_size(size: int) -> None:
    """Raises: DocumentRefused (E-KYC-1)."""
    if size <= 0:
        raise DocumentRefused("document_file", "The file is empty.")
    if size > SIZE_MAX:
        raise DocumentRefused("document_file", "The file is larger than 10 MB. Compress it, or take a smaller picture.")


def keep(
    unit: UnitOfWork,
    *,
    user_id: int,
    document_type: str,
    document_number: str,
    file: Incoming,
    seen: Seen,
) -> Document:
    """Make a stored file the person's document, in the caller's unit of work; their case is open (again) by it.

    Raises: UploadNotAllowed, DocumentRefused (another document of the type, or the number, was faster: E-KYC-3).
    Locks: the user row.
    After commit: `kyc.submitted` to the desk, once the person has a profile too.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    if user.kyc_status not in SENDING:
        raise UploadNotAllowed(user.kyc_status)
    document = Document(
        user=user,
        document_type=document_type,
        document_number=document_number,
        number_key=number_key(document_number),
        file=file.keep(owner_id=user_id),
        content_type=seen.content_type,
        validation_score=seen.score,
    )
    _save(document)
    facts = {"document_type": document_type, "size": file.size, "sha256": file.sha256}
    audit.record(actor_id=user_id, action="kyc.document_uploaded", target=document, facts=facts)
    _reopen(unit, user)
    if user.kyc_status == User.KycStatus.PENDING:
        cases.open_case(unit, user=user, document=document)
    return document


def _save(document: Document) -> None:
    try:
        with transaction.atomic():
            document.save(force_insert=True)
    except IntegrityError as fault:
        broken = getattr(getattr(fault.__cause__, "diag", None), "constraint_name", None)
        if broken == "kyc_document_one_of_a_type":
            raise DocumentRefused("document_type", TYPE_TAKEN) from fault
        if broken == "kyc_document_number_unique":
            raise DocumentRefused("document_number", NUMBER_TAKEN) from fault
        raise


def _reopen(unit: UnitOfWork, user: User) -> None:
    """A person who was rejected, or whose approval ran out, and who sends a new document, waits for a decision again
    (S2-B12); one without a profile stays incomplete."""
    if user.kyc_status in (User.KycStatus.REJECTED, User.KycStatus.EXPIRED):
        user.kyc_status = User.KycStatus.PENDING
        user.save(update_fields=["kyc_status", "updated_at"])
        sessions.principal_changed(unit, user_id=user.pk)


def list_own(*, actor: Principal, document_type: str = "", status: str = "") -> QuerySet[Document]:
    """The caller's documents, newest first (S2-R8)."""
    found = Document.objects.filter(user_id=actor.id).select_related("file")
    if document_type:
        found = found.filter(document_type=document_type)
    if status:
        found = found.filter(verification_status=status)
    return found.order_by("-id")
