"""A token that ends around a request, and a token whose owner's address changes hands."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.identity import tokens
from backend.identity.models import User
from backend.identity.services import sessions
from backend.identity.tests.doors import TOKEN_REFUSED, bearing, claims_of, rows

ME = "/api/user/me/"
PROFILE = "/api/profile/"
CHANGE = {"first_name": "Nova"}
pytestmark = pytest.mark.django_db


def test_a_request_with_a_token_that_has_just_expired_is_refused_whole_and_succeeds_once_when_repeated(
    anybody, make_user
):
    """E-AUTH-1, E-ERR-2: 401 says so, nothing was done, the refresh token opens the way, the repeat is done once."""
    user = make_user()
    pair = sessions.open_session(user=user, door="s2")
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1, seconds=1)
    expired = tokens.mint_access(user_id=user.pk, sid=pair.sid, door="s2", now=an_hour_ago)
    before = rows()

    refused = bearing(expired).put(PROFILE, CHANGE)
    nothing = rows() == before and User.objects.get(pk=user.pk).first_name == "Person"
    fresh = anybody.post("/api/auth/refresh/", {"refresh": pair.refresh}).json()
    repeated = bearing(fresh["access"]).put(PROFILE, CHANGE)

    assert (refused.status_code, refused.json()["code"]) == (401, TOKEN_REFUSED["code"])
    assert refused["WWW-Authenticate"] == 'Bearer realm="ease"'
    assert nothing
    assert (repeated.status_code, User.objects.get(pk=user.pk).first_name) == (200, "Nova")
    assert rows() == {**before, "AuditLog": before["AuditLog"] + 1, "Event": before["Event"] + 1}


def test_a_token_is_of_a_person_and_not_of_an_address(anybody, make_user, token_of):
    """BUG-S0-14, K-16: another address keeps it, and whoever takes the old address gets nothing of it."""
    ana = make_user(email="ana@example.com")
    token = token_of(ana)

    bearing(token).patch(ME, {"email": "new@example.com"})
    other = make_user(email="ana@example.com")

    assert bearing(token).get(ME).json()["email"] == "new@example.com"
    assert bearing(token_of(other)).get(ME).json()["email"] == "ana@example.com"
    assert claims_of(token)["user_id"] == ana.pk
