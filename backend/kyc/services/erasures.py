"""What a person's rights mean here: their part of the export, and the end of what can be read of them."""

from collections.abc import Iterator
from typing import Any

from backend.common import hooks
from backend.kyc.models import Draft, Profile
from backend.kyc.sealing import address_envelopes, ssn_envelopes
from backend.kyc.services.profiles import opened


def erase_profile(erasure: hooks.Erasure) -> None:
    """Delete the profile and with it the keys of what was sealed: no copy of the database can be read without them."""
    Profile.objects.filter(pk=erasure.user_id).delete()
    Draft.objects.filter(user_id=erasure.user_id).delete()


def export_profile(export: hooks.Export) -> None:
    export.add("kyc/profile.json", _rows(export.user_id))


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
