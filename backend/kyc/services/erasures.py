"""What a person's rights mean here: their part of the export, and the end of what can be read of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat

from backend.common import hooks, vault
from backend.kyc.models import Case, Document, Draft, Profile, Upload
from backend.kyc.sealing import address_envelopes, ssn_envelopes
from backend.kyc.services.profiles import opened


def erase_profile(erasure: hooks.Erasure) -> None:
    """Delete the profile and with it the keys of what was sealed, and destroy the keys of the documents: no copy of
    database or storage can be read without them. That there were documents, and what was decided, stays.

    An open case ends; nobody can decide about somebody who is gone.
    """
    Profile.objects.filter(pk=erasure.user_id).delete()
    Draft.objects.filter(user_id=erasure.user_id).delete()
    Upload.objects.filter(user_id=erasure.user_id).delete()
    documents = Document.objects.filter(user_id=erasure.user_id)
    vault.destroy(documents.values_list("file_id", flat=True))
    now = datetime.now(UTC)
    documents.filter(verification_status=Document.Status.PENDING).update(
        verification_status=Document.Status.REJECTED, verified_at=now
    )
    documents.update(
        document_number="erased", number_key=Concat(Value("erased"), Cast(F("pk"), CharField())), ocr_text=""
    )
    Case.objects.filter(user_id=erasure.user_id, decided_at=None).update(
        decision=Case.Decision.REJECTED, decided_at=now, assigned_to=None, assigned_at=None, reason="The person left."
    )


def export_profile(export: hooks.Export) -> None:
    export.add("kyc/profile.json", _rows(export.user_id))
    shown = ("document_type", "document_number", "upload_date", "verification_status", "rejection_reason")
    documents = Document.objects.filter(user_id=export.user_id).order_by("pk").values(*shown)
    export.add("kyc/documents.json", ({**row, "upload_date": row["upload_date"].isoformat()} for row in documents))


def _rows(user_id: int) -> Iterator[dict[str, Any]]:
    for profile in Profile.objects.filter(pk=user_id):
        yield {
            "phone_number": profile.phone,
            "date_of_birth": profile.date_of_birth.isoformat(),
            "ssn": opened(profile, "ssn", ssn_envelopes()),
            "address": opened(profile, "address", address_envelopes()),
            "created_at": profile.created_at.isoformat(),
            "updated_at": profile.updated_at.isoformat(),
        }
