"""S1-R3: `GET /api/users/logout/`, and POST (K-18)."""

import pytest

from backend.audit.models import AuditLog
from backend.conftest import PASSWORD
from backend.identity.models import Session
from backend.identity.tests.doors import (
    ACCEPTED,
    LOGIN,
    LOGOUT,
    REFRESH,
    TOKEN_REFUSED,
    bearing,
    claims_of,
    notices_to,
    rows,
    status_of,
)


def sign_in(anybody, user):
    return anybody.post(LOGIN, {"username": user.email, "password": PASSWORD}).json()


@pytest.mark.parametrize("method", ["get", "post"])
def test_after_signing_out_the_tokens_are_refused(committed, anybody, make_user, method):
    """S1-R3, E-S1-4, BUG-S1-8."""
    tokens = sign_in(anybody, make_user())
    accepted_before = status_of(tokens["access"])

    answer = getattr(bearing(tokens["access"]), method)(LOGOUT)

    assert accepted_before == ACCEPTED
    assert (answer.status_code, answer.json()) == (200, {"message": "Signed out."})
    again = bearing(tokens["access"]).get(LOGOUT)
    assert (again.status_code, again.json()) == (401, TOKEN_REFUSED)
    refreshed = anybody.post(REFRESH, {"refresh": tokens["refresh"]})
    assert (refreshed.status_code, refreshed.json()["code"]) == (401, "token_not_valid")


def test_signing_out_leaves_a_trace_and_tells_the_person(committed, anybody, make_user):
    user = make_user()
    tokens = sign_in(anybody, user)
    sid = claims_of(tokens["access"])["sid"]
    before = rows()

    bearing(tokens["access"]).get(LOGOUT)

    session = Session.objects.get()
    assert (str(session.pk), session.revoked_reason, session.revoked_at is None) == (sid, "sign_out", False)
    audit = AuditLog.objects.get(action="session.revoked")
    assert (audit.actor_id, audit.facts) == (user.pk, {"sids": [sid], "reason": "sign_out"})
    assert notices_to(user.pk) == [{"kind": "session.revoked", "session_id": sid, "reason": "sign_out"}]
    # One event for the person, one for every server process.
    assert rows() == {**before, "AuditLog": before["AuditLog"] + 1, "Event": before["Event"] + 2}


def test_signing_in_again_gives_a_usable_token(committed, anybody, make_user):
    """E-S1-5."""
    user = make_user()
    first = sign_in(anybody, user)
    bearing(first["access"]).get(LOGOUT)

    second = sign_in(anybody, user)

    assert status_of(second["access"]) == ACCEPTED
    assert status_of(first["access"]) == 401


def test_signing_one_device_out_leaves_the_others(committed, anybody, make_user):
    agent = make_user("SUPPORT_AGENT")
    first, second = sign_in(anybody, agent), sign_in(anybody, agent)

    bearing(first["access"]).post(LOGOUT)

    assert [status_of(tokens["access"]) for tokens in (first, second)] == [401, ACCEPTED]


def test_signing_out_twice_changes_nothing_more(committed, anybody, make_user):
    tokens = sign_in(anybody, make_user())
    bearing(tokens["access"]).get(LOGOUT)
    before = rows()

    answer = bearing(tokens["access"]).get(LOGOUT)

    assert answer.status_code == 401
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post"])
def test_without_a_token_there_is_nobody_to_sign_out(anybody, make_user, method):
    """S1-R3, K-22."""
    make_user()
    before = rows()

    answer = getattr(anybody, method)(LOGOUT)

    assert answer.status_code == 401
    assert answer.json() == {"detail": "Authentication credentials were not provided.", "code": "not_authenticated"}
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="ease"'
    assert rows() == before
