"""`POST /api/auth/refresh/`: rotation, the race, and what reuse means (design.md section 3, E-AUTH-2, E-AUTH-4)."""

import uuid
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from django.conf import settings
from django.utils import timezone

from backend.audit.models import AuditLog, SecurityEvent
from backend.identity.models import Session, User
from backend.identity.services import sessions
from backend.identity.tests.doors import (
    ACCEPTED,
    REFRESH,
    REFUSED,
    bearing,
    claims_of,
    notices_to,
    rows,
    status_of,
)
from backend.tests.commits import in_parallel

REFUSAL = {"detail": "The token is invalid or has expired. Sign in again.", "code": "token_not_valid"}


def refresh(client, token):
    return client.post(REFRESH, {"refresh": token})


def let_pass(sid: str, time: timedelta) -> None:
    """Move the session's last rotation into the past."""
    session = Session.objects.get(pk=sid)
    Session.objects.filter(pk=sid).update(rotated_at=session.rotated_at - time)


@pytest.mark.django_db
def test_a_refresh_token_is_exchanged_for_a_new_pair(anybody, make_user):
    pair = sessions.open_session(user=make_user(), door="s1")
    before = rows()

    answer = refresh(anybody, pair.refresh)

    body = answer.json()
    assert (answer.status_code, list(body)) == (200, ["access", "refresh"])
    assert body["refresh"] != pair.refresh
    assert {claims_of(token)["sid"] for token in body.values()} == {pair.sid}
    assert [status_of(access) for access in (body["access"], pair.access)] == [ACCEPTED, ACCEPTED]
    assert rows() == before


@pytest.mark.django_db
def test_each_successor_can_be_exchanged_again(anybody, make_user):
    pair = sessions.open_session(user=make_user(), door="s1")

    second = refresh(anybody, pair.refresh).json()["refresh"]
    third = refresh(anybody, second).json()["refresh"]
    answer = refresh(anybody, third)

    assert answer.status_code == 200
    assert len({pair.refresh, second, third, answer.json()["refresh"]}) == 4


@pytest.mark.django_db
def test_an_exchange_moves_the_end_of_the_session(anybody, make_user):
    pair = sessions.open_session(user=make_user(), door="s1")
    Session.objects.update(expires_at=timezone.now() + timedelta(hours=1))

    body = refresh(anybody, pair.refresh).json()

    session = Session.objects.get()
    assert session.expires_at == session.rotated_at + timedelta(days=7)
    assert session.seen_at == session.rotated_at
    assert claims_of(body["refresh"])["exp"] == int(session.expires_at.timestamp())


@pytest.mark.django_db
def test_the_loser_of_a_race_is_given_the_same_successor(anybody, make_user):
    pair = sessions.open_session(user=make_user(), door="s1")
    before = rows()

    winner = refresh(anybody, pair.refresh).json()
    loser = refresh(anybody, pair.refresh)

    assert loser.status_code == 200
    assert loser.json()["refresh"] == winner["refresh"]
    assert [status_of(body["access"]) for body in (winner, loser.json())] == [ACCEPTED, ACCEPTED]
    assert rows() == before


def test_exchanges_at_the_same_moment_are_all_served_and_stay_one_family(committed, anybody, make_user):
    pair = sessions.open_session(user=make_user(), door="s1")

    answers = in_parallel(*[lambda: refresh(anybody, pair.refresh)] * 4)

    assert [answer.status_code for answer in answers] == [200] * 4
    (successor,) = {answer.json()["refresh"] for answer in answers}
    assert refresh(anybody, successor).status_code == 200
    assert [status_of(answer.json()["access"]) for answer in answers] == [ACCEPTED] * 4
    assert Session.objects.filter(revoked_at=None).count() == 1
    assert SecurityEvent.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "status"), [(29, 200), (31, 401)])
def test_the_same_successor_is_given_for_thirty_seconds(anybody, make_user, seconds, status):
    pair = sessions.open_session(user=make_user(), door="s1")
    refresh(anybody, pair.refresh)

    let_pass(pair.sid, timedelta(seconds=seconds))

    assert refresh(anybody, pair.refresh).status_code == status


def test_later_reuse_ends_the_family_and_is_remembered(committed, anybody, make_user):
    """BUG-S2-21, K-19. Somebody else has the token: the refusal keeps the alarm, although it is an error."""
    user = make_user()
    pair = sessions.open_session(user=user, door="s1")
    newest = refresh(anybody, pair.refresh).json()
    accepted_before = status_of(newest["access"])
    let_pass(pair.sid, timedelta(seconds=31))
    before = rows()

    answer = refresh(anybody, pair.refresh)

    assert accepted_before == ACCEPTED
    assert (answer.status_code, answer.json()) == (401, REFUSAL)
    assert refresh(anybody, newest["refresh"]).status_code == 401
    assert [status_of(access) for access in (pair.access, newest["access"])] == [REFUSED, REFUSED]
    alarm = SecurityEvent.objects.get()
    assert (alarm.event_type, alarm.user_id, alarm.severity) == ("SUSPICIOUS_ACTIVITY", user.pk, "HIGH")
    assert alarm.metadata == {"session_id": pair.sid, "kind": "refresh_reuse"}
    assert AuditLog.objects.get(action="session.revoked").facts == {"sids": [pair.sid], "reason": "refresh_reuse"}
    assert notices_to(user.pk) == [
        {"kind": "session.revoked", "session_id": pair.sid, "reason": "refresh_reuse"},
    ]
    # Twice over: fraud makes an alert of it, which is recorded and told to both desks.
    assert rows() == {
        **before,
        "AuditLog": before["AuditLog"] + 2,
        "SecurityEvent": 1,
        "Event": before["Event"] + 4,
    }


@pytest.mark.django_db
def test_a_token_two_steps_old_is_reuse_even_within_the_grace(anybody, make_user):
    pair = sessions.open_session(user=make_user(), door="s1")
    second = refresh(anybody, pair.refresh).json()["refresh"]
    refresh(anybody, second)

    answer = refresh(anybody, pair.refresh)

    assert answer.status_code == 401
    assert Session.objects.get().revoked_reason == "refresh_reuse"


@pytest.mark.django_db
def test_reuse_of_one_family_leaves_the_others(anybody, make_user):
    agent = make_user("SUPPORT_AGENT")
    stolen, other = (sessions.open_session(user=agent, door="s1") for _ in range(2))
    refresh(anybody, stolen.refresh)
    let_pass(stolen.sid, timedelta(minutes=1))

    refresh(anybody, stolen.refresh)

    assert refresh(anybody, other.refresh).status_code == 200


def test_reuse_at_the_same_moment_raises_one_alarm(committed, anybody, make_user):
    pair = sessions.open_session(user=make_user(), door="s1")
    refresh(anybody, pair.refresh)
    let_pass(pair.sid, timedelta(minutes=1))

    answers = in_parallel(*[lambda: refresh(anybody, pair.refresh)] * 3)

    assert [answer.status_code for answer in answers] == [401] * 3
    assert SecurityEvent.objects.count() == 1
    assert AuditLog.objects.filter(action="session.revoked").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "end",
    [
        pytest.param(
            lambda user: Session.objects.update(revoked_at=timezone.now(), revoked_reason="test"), id="session revoked"
        ),
        pytest.param(lambda user: Session.objects.update(expires_at=timezone.now()), id="session over"),
        pytest.param(lambda user: User.objects.filter(pk=user.pk).update(is_active=False), id="user blocked"),
        pytest.param(lambda user: User.objects.filter(pk=user.pk).delete(), id="user deleted"),
    ],
)
def test_an_ended_session_is_not_renewed(anybody, make_user, end):
    """E-AUTH-4."""
    user = make_user()
    pair = sessions.open_session(user=user, door="s1")
    end(user)
    before, left = rows(), list(Session.objects.values_list("refresh_jti", "revoked_reason", "expires_at"))

    answer = refresh(anybody, pair.refresh)

    assert (answer.status_code, answer.json()) == (401, REFUSAL)
    assert rows() == before
    assert list(Session.objects.values_list("refresh_jti", "revoked_reason", "expires_at")) == left


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"sid": str(uuid.uuid4())}, id="another session"),
        pytest.param({"user_id": 2**40}, id="another user"),
        pytest.param({"token_type": "access"}, id="an access token"),
        pytest.param({"iss": "somebody"}, id="another issuer"),
    ],
)
def test_a_forged_refresh_token_is_refused_and_harms_nobody(anybody, make_user, changes):
    pair = sessions.open_session(user=make_user(), door="s1")
    forged = jwt.encode({**claims_of(pair.refresh), **changes}, settings.SECRET_KEY, algorithm="HS256")
    before = rows()

    answer = refresh(anybody, forged)

    assert (answer.status_code, answer.json()) == (401, REFUSAL)
    assert rows() == before
    assert refresh(anybody, pair.refresh).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        pytest.param({}, 400, {"refresh": ["This field is required."]}, id="no token"),
        pytest.param({"refresh": ""}, 400, {"refresh": ["This field may not be blank."]}, id="an empty token"),
        pytest.param({"refresh": None}, 400, {"refresh": ["This field may not be null."]}, id="null"),
        pytest.param({"refresh": ["x"]}, 400, {"refresh": ["Not a valid string."]}, id="a list"),
        pytest.param(
            {"refresh": "x" * 5000},
            400,
            {"refresh": ["Ensure this field has no more than 4096 characters."]},
            id="too long",
        ),
        pytest.param({"refresh": "x"}, 401, REFUSAL, id="garbage"),
        pytest.param({"refresh": "äöü"}, 401, REFUSAL, id="no ASCII"),
    ],
)
def test_what_is_no_refresh_token_is_refused(anybody, body, status, answer):
    before = rows()

    found = anybody.post(REFRESH, body)

    assert (found.status_code, found.json()) == (status, answer)
    assert rows() == before


@pytest.mark.django_db
def test_an_access_token_is_no_refresh_token(anybody, make_user):
    pair = sessions.open_session(user=make_user(), door="s1")

    assert refresh(anybody, pair.access).status_code == 401


@pytest.mark.django_db
def test_an_expired_access_token_in_the_header_does_not_stand_in_the_way(make_user):
    """E-AUTH-1: that is when clients come here."""
    pair = sessions.open_session(user=make_user(), door="s1")
    expired = {**claims_of(pair.access), "exp": int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())}
    client = bearing(jwt.encode(expired, settings.SECRET_KEY, algorithm="HS256"))

    answer = refresh(client, pair.refresh)

    assert status_of(jwt.encode(expired, settings.SECRET_KEY, algorithm="HS256")) == REFUSED
    assert answer.status_code == 200
    assert status_of(answer.json()["access"]) == ACCEPTED


@pytest.mark.django_db
def test_a_newer_sign_in_of_a_customer_ends_the_earlier_family(anybody, make_user):
    """E-AUTH-2, K-17."""
    customer = make_user()
    earlier = sessions.open_session(user=customer, door="s1")
    newer = sessions.open_session(user=customer, door="s1")

    assert [refresh(anybody, pair.refresh).status_code for pair in (earlier, newer)] == [401, 200]
