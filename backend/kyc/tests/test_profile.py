"""`/api/kyc/profile/`: people who came by the other doors, and what becomes of a profile later."""

import json

import pytest

from backend.audit.models import AuditLog, SecurityEvent
from backend.common import hooks
from backend.identity.models import User
from backend.kyc.models import Profile
from backend.kyc.tests.access import person

PROFILE = "/api/kyc/profile/"


@pytest.mark.django_db
def test_without_a_profile_there_is_none_and_the_status_is_incomplete(make_user, client_of):
    user = make_user()

    answer = client_of(user).get(PROFILE)

    assert (answer.status_code, answer.json()["code"]) == (404, "kyc.profile_unknown")
    assert user.kyc_status == "INCOMPLETE"


@pytest.mark.django_db
def test_a_profile_makes_the_status_pending_and_shows_the_ssn_hidden(make_user, client_of):
    """Section 7: any signed-in person; until then INCOMPLETE."""
    client = client_of(make_user())

    answer = client.put(PROFILE, person(ssn="219-09-9999", address="12 Harbour Street", phone_number="2345678901"))

    body = answer.json()
    assert answer.status_code == 200
    assert body.pop("updated_at")
    assert body == {
        "phone_number": "+2345678901",
        "date_of_birth": "1990-05-17",
        "ssn": "***-**-9999",
        "address": "12 Harbour Street",
        "kyc_status": "PENDING",
        "documents_required": True,
        "resubmit": [],
    }
    assert client.get("/api/profile/").json()["kyc_status"] == "PENDING"


@pytest.mark.django_db
def test_it_can_be_corrected_until_it_is_approved(make_user, client_of):
    user = make_user()
    client = client_of(user)
    client.put(PROFILE, person())

    corrected = client.put(PROFILE, person(address="99 Quay, Springfield"))
    User.objects.filter(pk=user.pk).update(kyc_status="APPROVED")
    before = AuditLog.objects.count()
    refused = client.put(PROFILE, person(address="1 Elsewhere, Springfield"))

    assert (corrected.status_code, corrected.json()["address"]) == (200, "99 Quay, Springfield")
    assert (refused.status_code, refused.json()["code"]) == (422, "kyc.profile_settled")
    assert client.get(PROFILE).json()["address"] == "99 Quay, Springfield"
    assert AuditLog.objects.count() == before


@pytest.mark.django_db
def test_a_damaged_value_is_told_and_asked_for_again(make_user, client_of):
    """E-DATA-2: a security event and a request to send it again, no 500; sending it again heals."""
    user = make_user()
    client = client_of(user)
    client.put(PROFILE, person())
    profile = Profile.objects.get()
    profile.address_sealed = bytes(profile.address_sealed)[:-1] + b"\0"
    profile.save()

    answer = client.get(PROFILE)
    healed = client.put(PROFILE, person(address="12 Harbour Street"))

    assert (answer.status_code, answer.json()["address"], answer.json()["resubmit"]) == (200, None, ["address"])
    event = SecurityEvent.objects.get()
    assert (event.event_type, event.user_id) == ("DATA_CORRUPTION", user.pk)
    assert event.metadata == {"field": "address", "fault": "Damaged"}
    assert healed.json()["resubmit"] == []


@pytest.mark.django_db
def test_a_sealed_value_moved_to_somebody_else_does_not_open(make_user, client_of):
    thief, victim = make_user(), make_user()
    client_of(victim).put(PROFILE, person(address="12 Secret Street"))
    client_of(thief).put(PROFILE, person())
    Profile.objects.filter(pk=thief.pk).update(address_sealed=Profile.objects.get(pk=victim.pk).address_sealed)

    assert client_of(thief).get(PROFILE).json()["address"] is None


@pytest.mark.django_db
def test_erasing_deletes_the_profile_with_its_keys(make_user, client_of):
    user = make_user()
    client = client_of(user)
    client.put(PROFILE, person())

    assert client.delete("/api/user/me/").status_code == 204

    assert Profile.objects.count() == 0


@pytest.mark.django_db
def test_the_export_has_it_in_plain_words_and_nobody_elses(make_user, client_of):
    user, other = make_user(), make_user()
    client_of(user).put(PROFILE, person(ssn="219-09-9999"))
    client_of(other).put(PROFILE, person())
    parts: dict[str, list[dict[str, object]]] = {}

    hooks.person_exported(hooks.Export(user.pk, lambda name, rows: parts.update({name: list(rows)})))

    (row,) = parts["kyc/profile.json"]
    assert row["ssn"] == "219099999"
    assert json.dumps(parts["kyc/profile.json"])
