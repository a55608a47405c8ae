"""Sessions: how many a person may have, and how they end."""

import pytest

from backend.audit.models import AuditLog
from backend.common import request_context
from backend.common.request_context import RequestContext
from backend.identity.models import Session
from backend.identity.services import sessions
from backend.identity.tests.doors import notices_to, rows
from backend.tests.commits import in_parallel


def open_sids(user) -> set[str]:
    return {str(pk) for pk in Session.objects.filter(user=user, revoked_at=None).values_list("pk", flat=True)}


@pytest.mark.django_db
def test_a_session_remembers_its_device(make_user):
    with request_context.entered(RequestContext("r", "2001:db8::1", "ease/1")):
        pair = sessions.open_session(user=make_user(), door="s2", platform="Android " + "x" * 60)

    session = Session.objects.get(pk=pair.sid)
    assert (session.door, session.ip_address, session.user_agent) == ("s2", "2001:db8::1", "ease/1")
    assert session.platform == ("Android " + "x" * 60)[:50]
    assert session.created_at == session.seen_at == session.rotated_at
    assert str(session) == f"s2 {pair.sid}"


@pytest.mark.django_db
@pytest.mark.parametrize("role_names", [["CUSTOMER"], []], ids=["a customer", "somebody without a role"])
def test_a_customers_newer_sign_in_ends_the_older_one(make_user, role_names):
    """E-AUTH-2."""
    customer = make_user(*role_names)
    customer.user_roles.exclude(role__name__in=role_names).delete()
    first = sessions.open_session(user=customer, door="s1")

    second = sessions.open_session(user=customer, door="s1")

    assert open_sids(customer) == {second.sid}
    assert Session.objects.get(pk=first.sid).revoked_reason == "newer_sign_in"
    assert notices_to(customer.pk) == [
        {"kind": "session.revoked", "session_id": first.sid, "reason": "newer_sign_in"},
    ]
    assert AuditLog.objects.get(action="session.revoked").facts == {"sids": [first.sid], "reason": "newer_sign_in"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role_names", "flags"),
    [
        pytest.param(["SUPPORT_AGENT"], {}, id="an agent"),
        pytest.param(["CUSTOMER", "AUDITOR"], {}, id="a customer with another role"),
        pytest.param(["CUSTOMER"], {"is_staff": True}, id="staff"),
        pytest.param(["CUSTOMER"], {"is_superuser": True}, id="a superuser"),
    ],
)
def test_everybody_else_may_have_several(make_user, role_names, flags):
    user = make_user(*role_names, **flags)

    pairs = [sessions.open_session(user=user, door="s1") for _ in range(3)]

    assert open_sids(user) == {pair.sid for pair in pairs}


@pytest.mark.django_db
def test_how_many_sessions_a_customer_may_have_is_a_setting(make_user, settings):
    settings.CUSTOMER_SESSIONS_MAX = 2
    customer = make_user()

    pairs = [sessions.open_session(user=customer, door="s1") for _ in range(4)]

    assert open_sids(customer) == {pairs[2].sid, pairs[3].sid}


@pytest.mark.django_db
def test_one_customers_sign_in_ends_nobody_elses(make_user):
    ana, bob = make_user(), make_user()
    first = sessions.open_session(user=ana, door="s1")

    sessions.open_session(user=bob, door="s1")

    assert open_sids(ana) == {first.sid}


def test_sign_ins_at_the_same_moment_leave_one_session(committed, make_user):
    """E-AUTH-3: they come one after the other, so they cannot both count the other out, or in."""
    customer = make_user()

    pairs = in_parallel(*[lambda: sessions.open_session(user=customer, door="s1")] * 4)

    (left,) = open_sids(customer)
    assert left in {pair.sid for pair in pairs}
    assert Session.objects.filter(revoked_reason="newer_sign_in").count() == 3
    assert len(notices_to(customer.pk)) == 3


@pytest.mark.django_db
def test_ending_a_session_again_changes_nothing(make_user):
    user = make_user()
    pair = sessions.open_session(user=user, door="s1")
    sessions.end_session(user_id=user.pk, sid=pair.sid, reason="first")
    before, ended = rows(), Session.objects.get().revoked_at

    sessions.end_session(user_id=user.pk, sid=pair.sid, reason="second")

    session = Session.objects.get()
    assert (session.revoked_at, session.revoked_reason) == (ended, "first")
    assert rows() == before


@pytest.mark.django_db
def test_nobody_ends_the_session_of_another(make_user):
    ana, bob = make_user(), make_user()
    pair = sessions.open_session(user=ana, door="s1")
    before = rows()

    sessions.end_session(user_id=bob.pk, sid=pair.sid, reason="test")

    assert open_sids(ana) == {pair.sid}
    assert rows() == before


@pytest.mark.django_db
def test_ending_all_sessions_tells_of_each(make_user):
    agent = make_user("SUPPORT_AGENT")
    pairs = [sessions.open_session(user=agent, door="s1") for _ in range(2)]

    sessions.end_all_sessions(user_id=agent.pk, reason="test")

    assert open_sids(agent) == set()
    assert {notice["session_id"] for notice in notices_to(agent.pk)} == {pair.sid for pair in pairs}
    assert AuditLog.objects.filter(action="session.revoked").count() == 1


@pytest.mark.django_db
def test_ending_all_of_none_changes_nothing(make_user):
    user = make_user()
    before = rows()

    sessions.end_all_sessions(user_id=user.pk, reason="test")

    assert rows() == before
