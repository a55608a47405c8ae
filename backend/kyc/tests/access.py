"""Who may call the routes of kyc, and what calling them takes (backend/tests/access.py)."""

import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from backend.common import vault
from backend.common.encryption import new_file_key
from backend.identity.models import User
from backend.kyc.models import Upload
from backend.kyc.tests.people import PICTURE, send_document, waiting
from backend.kyc.tests.tus import OFFSET_TYPE, metadata
from backend.tests.roles import Cases, always, anybody, only, signed_in
from backend.tests.stage import Caller, Form, Raw, Stage

ACCESS: dict[str, Cases] = {
    "POST /api/auth/register/": always(anybody(201)),
    # A draft is for whoever holds its token; a made-up one opens nothing.
    "POST /api/auth/register/draft/": always(anybody(201)),
    "GET /api/auth/register/draft/": always(anybody(404)),
    "PUT /api/auth/register/draft/": always(anybody(404)),
    "DELETE /api/auth/register/draft/": always(anybody(204)),
    "GET /api/kyc/profile/": always(signed_in(404)),
    "PUT /api/kyc/profile/": always(signed_in(200)),
    # Documents are for customers to send (S2-B32); flags go with any role, here with that one.
    "POST /api/kyc/upload/": always(only(201, "customer", "staff", "superuser")),
    "GET /api/kyc/documents/": always(signed_in(200)),
    "POST /api/kyc/uploads/": always(only(201, "customer", "staff", "superuser")),
    "GET /api/kyc/uploads/{upload_id}/": {"own": signed_in(200), "another": signed_in(404)},
    "PATCH /api/kyc/uploads/{upload_id}/": {"own": signed_in(204), "another": signed_in(404)},
    "DELETE /api/kyc/uploads/{upload_id}/": {"own": signed_in(204), "another": signed_in(404)},
    # Bank admins review others, never themselves; flags open nothing.
    "GET /api/admin/kyc/cases/": always(only(200, "bank_admin")),
    "POST /api/admin/kyc/cases/{person_id}/claim/": {"own": only(403), "another": only(200, "bank_admin")},
    "DELETE /api/admin/kyc/cases/{person_id}/claim/": {"own": only(403), "another": only(204, "bank_admin")},
    "POST /api/admin/kyc/review/{person_id}/": {"own": only(403), "another": only(200, "bank_admin")},
    "GET /api/admin/kyc/documents/": always(only(200, "bank_admin")),
    "GET /api/admin/kyc/documents/{document_id}/content/": {
        "own": only(404, "bank_admin"),
        "another": only(200, "bank_admin"),
    },
    "GET /api/admin/kyc/documents/{document_id}/preview/": {
        "own": only(404, "bank_admin"),
        "another": only(200, "bank_admin"),
    },
    "GET /api/admin/dashboard/stats/": always(only(200, "bank_admin")),
    "GET /api/admin/users/": always(only(200, "bank_admin")),
    "PUT /api/users/{person_id}/": {"own": only(403), "another": only(200, "bank_admin")},
    "GET /api/kyc/draft/": always(signed_in(404)),
    "PUT /api/kyc/draft/": always(signed_in(200)),
    "DELETE /api/kyc/draft/": always(signed_in(204)),
}

# What leaves no row in the trail (backend/tests/test_audit_coverage.py), and why.
UNRECORDED = {
    "POST /api/auth/register/draft/": "a draft is its own record",
    "PUT /api/auth/register/draft/": "a draft is its own record",
    "DELETE /api/auth/register/draft/": "a draft is its own record",
    "PUT /api/kyc/draft/": "a draft is its own record",
    "DELETE /api/kyc/draft/": "a draft is its own record",
    "PATCH /api/kyc/uploads/{upload_id}/": "a portion: opening the upload and the finished document are recorded",
    "DELETE /api/admin/kyc/cases/{person_id}/claim/": "here nobody has claimed it",
}


def _person(stage: Stage, owner: User, caller: Caller) -> int:
    """Oneself, or somebody who waits for a decision."""
    return owner.pk if owner == caller.user else waiting(stage.make_user).pk


def _upload(stage: Stage, owner: User, caller: Caller) -> uuid.UUID:
    upload = Upload(
        user=owner,
        document_type="PASSPORT",
        document_number="X1",
        file_name="x.png",
        length=100,
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )
    upload.key_version, upload.wrapped_key = vault.master_keys().wrap(new_file_key(), upload.pk.bytes)
    upload.save()
    return upload.pk


MAKERS: dict[str, Any] = {
    "person_id": _person,
    "upload_id": _upload,
    "document_id": lambda stage, owner, caller: send_document(owner, is_checked=False).pk,
}


def person(**changes: object) -> dict[str, object]:
    """A profile that nobody else has."""
    return {
        "phone_number": f"+2{random.randrange(10**10):010}",
        "date_of_birth": "1990-05-17",
        "ssn": f"{random.randrange(100, 600)}-{random.randrange(10, 99)}-{random.randrange(1000, 9999)}",
        "address": "12 Harbour Street, Springfield",
        **changes,
    }


def registration(**changes: object) -> dict[str, object]:
    """A registration that nobody else has."""
    name = uuid.uuid4().hex[:12]
    return {
        **person(),
        "username": f"ana_{name}",
        "email": f"{name}@example.com",
        "password": "Quiet purple Tractor 7",
        "confirm_password": "Quiet purple Tractor 7",
        "first_name": "Ana",
        "last_name": "Banker",
        **changes,
    }


DRAFT = {"step": "address", "values": {"first_name": "Ana", "address": "12 Harbour"}}


def _number() -> str:
    return f"W{uuid.uuid4().hex[:16]}"


def _form(stage: Stage) -> Form:
    described = {"document_type": "PASSPORT", "document_number": _number()}
    return Form("scan.png", PICTURE, "document_file", described)


LOOK = Raw(b"", "text/plain", {"QUERY_STRING": "reason=identity+check"})
TUS = {"HTTP_TUS_RESUMABLE": "1.0.0"}


def _opening(stage: Stage) -> Raw:
    described = metadata(filename="scan.png", document_type="PASSPORT", document_number=_number())
    return Raw(b"", "text/plain", {**TUS, "HTTP_UPLOAD_LENGTH": "100", "HTTP_UPLOAD_METADATA": described})


BODIES = {
    "POST /api/kyc/upload/": _form,
    "POST /api/kyc/uploads/": _opening,
    "PATCH /api/kyc/uploads/{upload_id}/": lambda stage: Raw(b"", OFFSET_TYPE, {**TUS, "HTTP_UPLOAD_OFFSET": "0"}),
    "DELETE /api/kyc/uploads/{upload_id}/": lambda stage: Raw(b"", "text/plain", TUS),
    "GET /api/admin/kyc/documents/{document_id}/content/": lambda stage: LOOK,
    "GET /api/admin/kyc/documents/{document_id}/preview/": lambda stage: LOOK,
    "POST /api/admin/kyc/review/{person_id}/": lambda stage: {"action": "approve"},
    "PUT /api/users/{person_id}/": lambda stage: {"kyc_status": "APPROVED"},
    "POST /api/auth/register/": lambda stage: registration(),
    "POST /api/auth/register/draft/": lambda stage: DRAFT,
    "PUT /api/auth/register/draft/": lambda stage: DRAFT,
    "PUT /api/kyc/profile/": lambda stage: person(),
    "PUT /api/kyc/draft/": lambda stage: DRAFT,
}
