"""`/api/admin/security-events/`: what staff should look at, and that somebody has (S2-R16, S2-M7, K-24, K-26)."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from backend.audit import services as audit
from backend.audit.models import AuditLog, SecurityEvent
from backend.common.hooks import security_event
from backend.identity.tests.attempts import UNSIGNED, events, fail
from backend.identity.tests.doors import rows

EVENTS = "/api/admin/security-events/"
DENIED = {"detail": "You do not have permission to perform this action.", "code": "permission_denied"}


def resolve(event_id: int) -> str:
    return f"{EVENTS}{event_id}/resolve/"


@pytest.fixture
def banker(make_user):
    return make_user("BANK_ADMIN")


@pytest.fixture
def three():
    """Three events, of three days."""
    made = [
        audit.raise_security_event(event_type="FAILED_LOGIN", user_id=7, severity="LOW", description="first"),
        audit.raise_security_event(
            event_type="ACCOUNT_LOCKED", user_id=None, severity="HIGH", description="second", metadata={"a": 1}
        ),
        audit.raise_security_event(event_type="FAILED_LOGIN", user_id=8, severity="LOW", description="third"),
    ]
    SecurityEvent.objects.filter(pk=made[0].pk).update(created_at=datetime(2026, 3, 1, 10, tzinfo=UTC))
    SecurityEvent.objects.filter(pk=made[1].pk).update(created_at=datetime(2026, 3, 2, 10, tzinfo=UTC))
    SecurityEvent.objects.filter(pk=made[2].pk).update(
        created_at=datetime(2026, 3, 3, 10, tzinfo=UTC), resolved=True, resolved_by=1, resolved_at=timezone.now()
    )
    return made


# Who may


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "role", "flags", "reads", "resolves"),
    [
        ("customer", "CUSTOMER", {}, 403, 403),
        ("agent", "SUPPORT_AGENT", {}, 403, 403),
        ("staff alone", "CUSTOMER", {"is_staff": True}, 403, 403),
        ("superuser alone", "CUSTOMER", {"is_superuser": True}, 403, 403),
        ("auditor", "AUDITOR", {}, 200, 403),
        ("bank admin", "BANK_ADMIN", {}, 200, 200),
    ],
)
def test_bank_admins_and_auditors_read_and_bank_admins_resolve(
    make_user, client_of, three, _case, role, flags, reads, resolves
):
    """BUG-S2-17, K-26: 403, and not an empty list. S2-R16, S2-B31, S2-B32."""
    client = client_of(make_user(role, **flags))

    answers = [client.get(EVENTS), client.post(resolve(three[0].pk))]

    assert [answer.status_code for answer in answers] == [reads, resolves]
    three[0].refresh_from_db()
    assert three[0].resolved is (resolves == 200)


@pytest.mark.django_db
def test_nobody_is_401(anybody, three):
    before = rows()

    answers = [anybody.get(EVENTS), anybody.post(resolve(three[0].pk))]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(401, UNSIGNED)] * 2
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "url"), [("get", EVENTS), ("post", resolve(1))])
def test_a_denial_is_kept_as_an_event(make_user, client_of, method, url):
    """K-26, E-ERR-3: who tried, and what."""
    agent = make_user("SUPPORT_AGENT")
    client, before = client_of(agent), rows()

    answer = getattr(client, method)(url, REMOTE_ADDR="127.0.0.9", HTTP_USER_AGENT="ease/1")

    assert (answer.status_code, answer.json()) == (403, DENIED)
    event = SecurityEvent.objects.get()
    assert (event.event_type, event.user_id, event.severity) == ("UNAUTHORIZED_ACCESS", agent.pk, "LOW")
    assert event.metadata == {"method": method.upper(), "path": url}
    assert (event.ip_address, event.user_agent) == ("127.0.0.9", "ease/1")
    assert rows() == {**before, "SecurityEvent": 1}


@pytest.mark.django_db
def test_what_somebody_may_do_leaves_no_event(banker, client_of):
    client_of(banker).get(EVENTS)

    assert events() == []


# The list


@pytest.mark.django_db
def test_events_come_newest_first_in_the_s2_page(banker, client_of, three):
    """K-36: pages of 20, as S2 has them. S2-R16."""
    answer = client_of(banker).get(EVENTS)

    body = answer.json()
    assert answer.status_code == 200
    assert {name: body[name] for name in body if name != "results"} == {
        "count": 3,
        "next": None,
        "previous": None,
        "total_pages": 1,
    }
    assert [event["id"] for event in body["results"]] == [event.pk for event in reversed(three)]
    assert body["results"][1] == {
        "id": three[1].pk,
        "event_type": "ACCOUNT_LOCKED",
        "user": None,
        "severity": "HIGH",
        "description": "second",
        "metadata": {"a": 1},
        "resolved": False,
        "resolved_by": None,
        "resolved_at": None,
        "created_at": "2026-03-02T10:00:00Z",
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param({"severity": "HIGH"}, ["second"], id="severity"),
        pytest.param({"severity": "low"}, ["third", "first"], id="severity in lower case"),
        pytest.param({"event_type": "failed_login"}, ["third", "first"], id="type"),
        pytest.param({"event_type": "NEVER"}, [], id="a type that never was"),
        pytest.param({"event_type": "\x00"}, [], id="NUL"),
        pytest.param({"resolved": "true"}, ["third"], id="dealt with"),
        pytest.param({"resolved": "False"}, ["second", "first"], id="not dealt with"),
        pytest.param({"start_date": "2026-03-02"}, ["third", "second"], id="since a day"),
        pytest.param({"start_date": "2026-03-02T10:00:01Z"}, ["third"], id="since a moment"),
        pytest.param({"start_date": "2026-03-02T10:00:00"}, ["third", "second"], id="since a moment in UTC"),
        pytest.param({"severity": "LOW", "resolved": "false"}, ["first"], id="two filters"),
        pytest.param({"severity": "", "resolved": "", "start_date": ""}, ["third", "second", "first"], id="empty"),
        pytest.param({"page": "2", "page_size": "2"}, ["first"], id="a page"),
    ],
)
def test_filters(banker, client_of, three, asked, found):
    """S2-R16."""
    client = client_of(banker)
    client.raise_request_exception = False

    answer = client.get(EVENTS, asked)

    assert answer.status_code == 200
    assert [event["description"] for event in answer.json()["results"]] == found


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        ({"severity": "EXTREME"}, 400, "severity"),
        ({"resolved": "maybe"}, 400, "resolved"),
        ({"start_date": "yesterday"}, 400, "start_date"),
        ({"start_date": "2026-02-30"}, 400, "start_date"),
        ({"start_date": "\x00"}, 400, "start_date"),
        ({"page": "0"}, 400, "page"),
        ({"page_size": "101"}, 400, "page_size"),
        ({"page": "2"}, 404, "detail"),
    ],
)
def test_a_malformed_filter_is_refused(banker, client_of, three, asked, status, field):
    client = client_of(banker)
    client.raise_request_exception = False

    answer = client.get(EVENTS, asked)

    assert (answer.status_code, field in answer.json()) == (status, True)


@pytest.mark.django_db
def test_a_page_costs_the_same_however_many_there_are(banker, client_of, django_assert_num_queries):
    """design.md section 9."""
    [audit.raise_security_event(event_type="FAILED_LOGIN", description="x") for _ in range(30)]
    client = client_of(banker)
    client.get(EVENTS)

    with django_assert_num_queries(2):
        assert len(client.get(EVENTS).json()["results"]) == 20


# Dealing with one


@pytest.mark.django_db
def test_resolving_says_who_and_when_and_is_audited(banker, client_of, three):
    """S2-M7."""
    answer = client_of(banker).post(resolve(three[0].pk))

    three[0].refresh_from_db()
    assert (answer.status_code, answer.json()["resolved"], answer.json()["resolved_by"]) == (200, True, banker.pk)
    assert (three[0].resolved, three[0].resolved_by) == (True, banker.pk)
    assert three[0].resolved_at is not None
    row = AuditLog.objects.get(action="security_event.resolved")
    assert (row.actor_id, row.target_type, row.target_id) == (banker.pk, "audit.securityevent", str(three[0].pk))


@pytest.mark.django_db
def test_resolving_again_changes_nothing(banker, make_user, client_of, three):
    client_of(banker).post(resolve(three[0].pk))
    was = SecurityEvent.objects.values().get(pk=three[0].pk)
    other = client_of(make_user("BANK_ADMIN"))
    before = rows()

    answer = other.post(resolve(three[0].pk))

    assert (answer.status_code, answer.json()["resolved_by"]) == (200, banker.pk)
    assert SecurityEvent.objects.values().get(pk=three[0].pk) == was
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize("event_id", [10**6, 10**30])
def test_an_event_that_is_not_there_is_404(banker, client_of, event_id):
    client, before = client_of(banker), rows()

    answer = client.post(resolve(event_id))

    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found.", "code": "not_found"})
    assert rows() == before


@pytest.mark.django_db
def test_listeners_hear_of_an_event_in_its_transaction(monkeypatch):
    """`hooks.security_event`."""
    heard = []
    monkeypatch.setattr(security_event, "_listeners", [heard.append])

    fail("nobody@example.com", 1)

    event = SecurityEvent.objects.get()
    assert [(notice.event_id, notice.event_type, notice.severity, notice.user_id) for notice in heard] == [
        (event.pk, "FAILED_LOGIN", "LOW", None)
    ]
