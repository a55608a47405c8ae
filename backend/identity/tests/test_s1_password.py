"""S1-R4: `PUT /api/users/changepwd/`."""

import pytest

from backend.audit.models import AuditLog
from backend.conftest import PASSWORD
from backend.identity.models import Session
from backend.identity.tests.doors import (
    ACCEPTED,
    CHANGE,
    LOGIN,
    REFRESH,
    TOKEN_REFUSED,
    bearing,
    notices_to,
    rows,
    status_of,
)
from backend.tests.commits import in_parallel

NEW = "another purple tractor"


def sign_in(anybody, user, password=PASSWORD):
    return anybody.post(LOGIN, {"username": user.email, "password": password})


def test_a_new_password_replaces_the_old_one(committed, anybody, make_user):
    """S1-R4."""
    user = make_user()
    tokens = sign_in(anybody, user).json()

    answer = bearing(tokens["access"]).put(CHANGE, {"current_password": PASSWORD, "new_password": NEW})

    assert (answer.status_code, answer.json()) == (200, {"message": "The password was changed. Sign in again."})
    assert [sign_in(anybody, user, password).status_code for password in (PASSWORD, NEW)] == [401, 200]


def test_a_new_password_ends_every_session(committed, anybody, make_user):
    """BUG-S1-10: whoever stole one is out."""
    agent = make_user("SUPPORT_AGENT")
    here, there = (sign_in(anybody, agent).json() for _ in range(2))
    accepted_before = [status_of(tokens["access"]) for tokens in (here, there)]

    bearing(here["access"]).put(CHANGE, {"current_password": PASSWORD, "new_password": NEW})

    assert accepted_before == [ACCEPTED, ACCEPTED]
    refused = bearing(there["access"]).put(CHANGE, {})
    assert (refused.status_code, refused.json()) == (401, TOKEN_REFUSED)
    assert status_of(here["access"]) == 401
    refreshes = [anybody.post(REFRESH, {"refresh": tokens["refresh"]}).status_code for tokens in (here, there)]
    assert refreshes == [401, 401]
    assert set(Session.objects.values_list("revoked_reason", flat=True)) == {"password_changed"}


def test_a_new_password_leaves_a_trace_without_the_password(committed, anybody, make_user):
    user = make_user()
    tokens = sign_in(anybody, user).json()
    before = rows()

    bearing(tokens["access"]).put(CHANGE, {"current_password": PASSWORD, "new_password": NEW})

    changed = AuditLog.objects.get(action="user.password_changed")
    assert (changed.actor_id, changed.target_id, changed.facts) == (user.pk, str(user.pk), {})
    assert [(notice["kind"], notice["reason"]) for notice in notices_to(user.pk)] == [
        ("session.revoked", "password_changed")
    ]
    assert rows() == {**before, "AuditLog": before["AuditLog"] + 2, "Event": before["Event"] + 2}


@pytest.mark.parametrize(
    ("current", "new", "body"),
    [
        pytest.param(
            "not it",
            NEW,
            {"detail": "The current password is incorrect.", "code": "bad_credentials"},
            id="wrong current password",
        ),
        pytest.param(
            f" {PASSWORD} ",
            NEW,
            {"detail": "The current password is incorrect.", "code": "bad_credentials"},
            id="spaces around the current password",
        ),
        pytest.param(
            PASSWORD,
            "12345",
            {
                "detail": "This password is too short. It must contain at least 8 characters. "
                "This password is too common. This password is entirely numeric.",
                "code": "password_refused",
            },
            id="weak new password",
        ),
        pytest.param("not it", "", {"new_password": ["This field may not be blank."]}, id="no new password"),
        pytest.param(PASSWORD, 12345678, {"new_password": ["Not a valid string."]}, id="a number"),
        pytest.param(PASSWORD, "a\x00bcdefgh", {"new_password": ["Null characters are not allowed."]}, id="NUL"),
    ],
)
def test_a_refused_change_is_400_and_changes_nothing(committed, anybody, make_user, current, new, body):
    """S1-R4."""
    user = make_user(first_name="Ana")
    tokens = sign_in(anybody, user).json()
    before, hash_before = rows(), user.password

    answer = bearing(tokens["access"]).put(CHANGE, {"current_password": current, "new_password": new})

    assert (answer.status_code, answer.json()) == (400, body)
    user.refresh_from_db()
    assert user.password == hash_before
    assert rows() == before
    assert status_of(tokens["access"]) == ACCEPTED


@pytest.mark.django_db
def test_both_passwords_are_needed(client_of, make_user):
    answer = client_of(make_user()).put(CHANGE, {})

    assert (answer.status_code, answer.json()) == (
        400,
        {"current_password": ["This field is required."], "new_password": ["This field is required."]},
    )


@pytest.mark.django_db
def test_without_a_token_nothing_changes(anybody, make_user):
    user = make_user()
    before = rows()

    answer = anybody.put(CHANGE, {"current_password": PASSWORD, "new_password": NEW})

    assert answer.status_code == 401
    assert rows() == before
    assert user.check_password(PASSWORD)


def test_of_two_changes_at_once_one_wins_and_the_other_changes_nothing(committed, anybody, make_user):
    agent = make_user("SUPPORT_AGENT")
    here, there = (sign_in(anybody, agent).json()["access"] for _ in range(2))
    changes = [(here, "the first new password"), (there, "the other new password")]

    answers = in_parallel(
        *[
            lambda access=access, new=new: bearing(access).put(
                CHANGE, {"current_password": PASSWORD, "new_password": new}
            )
            for access, new in changes
        ]
    )

    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) in ([200, 400], [200, 401])
    expected = [401, 401]
    expected[statuses.index(200)] = 200
    assert [sign_in(anybody, agent, new).status_code for _, new in changes] == expected
    assert AuditLog.objects.filter(action="user.password_changed").count() == 1
