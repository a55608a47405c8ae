"""Drafts: resumed at the right step, on another device (E-UX-1, E-UX-3)."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.audit.models import SecurityEvent
from backend.identity.principals import principal_of
from backend.kyc import tasks
from backend.kyc.errors import DraftStale
from backend.kyc.models import Draft
from backend.kyc.services import drafts
from backend.tests.commits import in_parallel

OWN, OPEN = "/api/kyc/draft/", "/api/auth/register/draft/"
DRAFT = {"step": "address", "values": {"first_name": "Ana", "address": "12 Harbour"}}


@pytest.mark.django_db
def test_a_registration_goes_on_where_it_was_left_on_another_device(anybody):
    token = anybody.post(OPEN, DRAFT).json()["token"]
    anybody.put(OPEN, {"step": "ssn", "values": {"first_name": "Ana"}}, HTTP_X_DRAFT_TOKEN=token)

    answer = anybody.get(OPEN, HTTP_X_DRAFT_TOKEN=token)

    assert answer.status_code == 200
    assert (answer.json()["step"], answer.json()["values"]) == ("ssn", {"first_name": "Ana"})
    assert "token" not in answer.json()


@pytest.mark.django_db
def test_one_device_does_not_overwrite_what_another_saved(make_user, client_of, settings):
    settings.CUSTOMER_SESSIONS_MAX = 2
    user = make_user()
    phone, tablet = client_of(user), client_of(user)
    seen = phone.put(OWN, DRAFT).json()["version"]
    tablet.put(OWN, {**DRAFT, "step": "done", "version": seen})

    answer = phone.put(OWN, {**DRAFT, "version": seen})

    assert (answer.status_code, answer.json()["version"]) == (409, seen + 1)
    assert tablet.get(OWN).json()["step"] == "done"


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["", "none", "x" * 43, "\u00e9"])
def test_a_foreign_or_missing_token_opens_nothing_and_makes_nothing(anybody, token):
    anybody.post(OPEN, DRAFT)

    answers = [anybody.get(OPEN, HTTP_X_DRAFT_TOKEN=token), anybody.put(OPEN, DRAFT, HTTP_X_DRAFT_TOKEN=token)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert Draft.objects.count() == 1


@pytest.mark.django_db
def test_drafts_are_private_and_unreadable_in_the_database(make_user, client_of):
    owner, other = make_user(), make_user()
    client_of(owner).put(OWN, DRAFT)

    assert client_of(other).get(OWN).status_code == 404
    assert b"Harbour" not in bytes(Draft.objects.get().sealed)


@pytest.mark.django_db
@pytest.mark.parametrize("values", [{"password": "Quiet purple Tractor 7"}, {"ssn": "219-09-9999"}])
def test_passwords_and_ssn_are_never_kept(make_user, client_of, values):
    client = client_of(make_user())

    client.put(OWN, {"step": "x", "values": values})

    assert client.get(OWN).json()["values"] == {}


@pytest.mark.django_db
def test_an_expired_draft_is_gone_and_pruned(make_user, client_of):
    client = client_of(make_user())
    client.put(OWN, DRAFT)
    Draft.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))

    assert client.get(OWN).status_code == 404
    tasks.prune_drafts()

    assert Draft.objects.count() == 0


@pytest.mark.django_db
def test_saving_again_after_it_expired_begins_anew(make_user, client_of):
    client = client_of(make_user())
    client.put(OWN, DRAFT)
    Draft.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))

    answer = client.put(OWN, DRAFT)

    assert (answer.status_code, answer.json()["version"]) == (200, 1)


@pytest.mark.django_db
def test_one_that_cannot_be_opened_is_thrown_away_and_reported(make_user, client_of):
    client = client_of(make_user())
    client.put(OWN, DRAFT)
    Draft.objects.update(sealed=b"\x01" + bytes(120))

    assert client.get(OWN).status_code == 404
    assert Draft.objects.count() == 0
    assert SecurityEvent.objects.get().event_type == "DATA_CORRUPTION"


def test_two_devices_that_begin_at_once_make_one_draft(committed, make_user):
    actor = principal_of(make_user())

    def save(step: str) -> object:
        return drafts.save_draft(actor=actor, step=step, values={})

    results = in_parallel(lambda: save("phone"), lambda: save("tablet"))

    assert Draft.objects.count() == 1
    assert all(isinstance(result, drafts.Saved | DraftStale) for result in results)
    assert any(isinstance(result, drafts.Saved) for result in results)
