"""`/api/auth/sessions/`: the devices one is signed in on (design.md section 3)."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from backend.audit.models import AuditLog
from backend.identity.models import Session
from backend.identity.services import sessions
from backend.identity.tests.attempts import UNSIGNED
from backend.identity.tests.doors import ACCEPTED, REFUSED, bearing, notices_to, rows, status_of

SESSIONS = "/api/auth/sessions/"
UNKNOWN = {"detail": "There is no such session.", "code": "session.unknown"}


def one(sid: object) -> str:
    return f"{SESSIONS}{sid}/"


@pytest.fixture
def agent(make_user):
    return make_user("SUPPORT_AGENT")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "url"),
    [("get", SESSIONS), ("delete", SESSIONS), ("patch", one(uuid.UUID(int=7))), ("delete", one(uuid.UUID(int=7)))],
)
def test_nobody_is_401(anybody, method, url):
    answer = getattr(anybody, method)(url)

    assert (answer.status_code, answer.json()) == (401, UNSIGNED)


@pytest.mark.django_db
def test_one_sees_ones_own_open_sessions_newest_first(agent, make_user):
    old = sessions.open_session(user=agent, door="s2", platform="iOS")
    over, ended = (sessions.open_session(user=agent, door="s1") for _ in range(2))
    here = sessions.open_session(user=agent, door="s1", platform="Web")
    sessions.open_session(user=make_user(), door="s1")
    Session.objects.filter(pk=over.sid).update(expires_at=timezone.now())
    sessions.end_session(user_id=agent.pk, sid=ended.sid, reason="test")

    answer = bearing(here.access).get(SESSIONS)

    assert answer.status_code == 200
    assert [(entry["id"], entry["platform"], entry["is_current"]) for entry in answer.json()] == [
        (here.sid, "Web", True),
        (old.sid, "iOS", False),
    ]
    assert sorted(answer.json()[0]) == sorted(
        ["id", "name", "door", "platform", "ip_address", "created_at", "seen_at", "expires_at", "is_current"]
    )
    assert "jti" not in answer.text


@pytest.mark.django_db
def test_a_device_can_be_named(agent):
    here, other = (sessions.open_session(user=agent, door="s1") for _ in range(2))

    answer = bearing(here.access).patch(one(other.sid), {"name": "Office"})

    assert (answer.status_code, answer.json()["name"], answer.json()["is_current"]) == (200, "Office", False)
    assert Session.objects.get(pk=other.sid).name == "Office"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"name": ["This field is required."]}),
        ({"name": "x" * 101}, {"name": ["Ensure this field has no more than 100 characters."]}),
        ({"name": 7}, {"name": ["Not a valid string."]}),
    ],
)
def test_an_unfit_name_is_400(agent, body, errors):
    here = sessions.open_session(user=agent, door="s1")

    answer = bearing(here.access).patch(one(here.sid), body)

    assert (answer.status_code, answer.json()) == (400, errors)
    assert Session.objects.get().name == ""


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["patch", "delete"])
@pytest.mark.parametrize("whose", ["another's", "nobody's", "ended", "over"])
def test_what_is_not_ones_own_open_session_is_404(agent, make_user, token_of, method, whose):
    theirs, ended, over = (sessions.open_session(user=who, door="s1") for who in (make_user(), agent, agent))
    sessions.end_session(user_id=agent.pk, sid=ended.sid, reason="test")
    Session.objects.filter(pk=over.sid).update(expires_at=timezone.now() - timedelta(seconds=1))
    sids = {"another's": theirs.sid, "nobody's": uuid.uuid4(), "ended": ended.sid, "over": over.sid}
    client = bearing(token_of(agent))
    before, was = rows(), list(Session.objects.order_by("id").values())

    answer = getattr(client, method)(one(sids[whose]), {"name": "Mine"})

    assert (answer.status_code, answer.json()) == (404, UNKNOWN)
    assert list(Session.objects.order_by("id").values()) == was
    assert rows() == before


def test_a_device_can_be_signed_out(committed, agent):
    here, other = (sessions.open_session(user=agent, door="s1") for _ in range(2))
    accepted_before = status_of(other.access)

    answer = bearing(here.access).delete(one(other.sid))

    assert (answer.status_code, answer.content) == (204, b"")
    assert accepted_before == ACCEPTED
    assert [status_of(pair.access) for pair in (here, other)] == [ACCEPTED, REFUSED]
    assert notices_to(agent.pk) == [{"kind": "session.revoked", "session_id": other.sid, "reason": "revoked"}]
    assert AuditLog.objects.get(action="session.revoked").facts == {"sids": [other.sid], "reason": "revoked"}


def test_ones_own_session_can_be_ended_too(committed, agent):
    here = sessions.open_session(user=agent, door="s1")

    assert bearing(here.access).delete(one(here.sid)).status_code == 204
    assert status_of(here.access) == REFUSED


def test_all_others_can_be_signed_out_at_once(committed, agent, make_user):
    here, second, third = (sessions.open_session(user=agent, door="s1") for _ in range(3))
    stranger = sessions.open_session(user=make_user(), door="s1")

    answer = bearing(here.access).delete(SESSIONS)

    assert (answer.status_code, answer.json()) == (200, {"message": "2 other sessions ended."})
    assert [status_of(pair.access) for pair in (here, second, third, stranger)] == [
        ACCEPTED,
        REFUSED,
        REFUSED,
        ACCEPTED,
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(("others", "words"), [(0, "0 other sessions ended."), (1, "1 other session ended.")])
def test_the_number_of_the_ended_is_said(agent, others, words):
    [sessions.open_session(user=agent, door="s1") for _ in range(others)]
    here = sessions.open_session(user=agent, door="s1")

    assert bearing(here.access).delete(SESSIONS).json() == {"message": words}
    assert Session.objects.filter(revoked_at=None).count() == 1
