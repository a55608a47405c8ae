"""What a process remembers of a token's bearer for half a second (ADR 3), and what it must not remember."""

import pytest

from backend.identity import principals
from backend.identity.errors import TokenRefused
from backend.identity.models import User
from backend.identity.services import roles, sessions

pytestmark = pytest.mark.django_db(transaction=False)


@pytest.fixture(autouse=True)
def _remembering(settings, monkeypatch):
    settings.PRINCIPAL_NEAR_SECONDS = 60.0
    monkeypatch.setattr(principals, "just_now", principals.JustNow())


def test_a_burst_of_requests_asks_cache_and_database_once(make_user, token_of, django_assert_num_queries, monkeypatch):
    token = token_of(make_user())
    first = principals.principal_from_token(token)
    monkeypatch.setattr(principals, "principal_of_session", None)

    with django_assert_num_queries(0):
        assert principals.principal_from_token(token) is first


def test_an_ended_session_is_not_remembered(make_user, token_of, django_capture_on_commit_callbacks):
    user = make_user()
    token = token_of(user)
    principals.principal_from_token(token)

    with django_capture_on_commit_callbacks(execute=True):
        sessions.end_all_sessions(user_id=user.pk, reason="sign_out")

    with pytest.raises(TokenRefused):
        principals.principal_from_token(token)


def test_a_changed_role_is_seen_at_once(make_user, token_of, django_capture_on_commit_callbacks):
    user: User = make_user()
    token = token_of(user)
    assert not principals.principal_from_token(token).has_role("AUDITOR")

    with django_capture_on_commit_callbacks(execute=True):
        roles.assign_role(user=user, name="AUDITOR", assigned_by=None)

    assert principals.principal_from_token(token).has_role("AUDITOR")


def test_nothing_is_remembered_beyond_its_time(make_user, token_of, settings, monkeypatch):
    settings.PRINCIPAL_NEAR_SECONDS = 1e-9
    token = token_of(make_user())
    first = principals.principal_from_token(token)

    assert principals.principal_from_token(token) is not first


def test_memory_is_bounded(make_user, token_of, monkeypatch):
    monkeypatch.setattr(principals, "NEAR_MAX", 2)
    tokens = [token_of(make_user("AUDITOR")) for _ in range(3)]
    for token in tokens:
        principals.principal_from_token(token)

    assert len(principals.just_now._known) == 1
