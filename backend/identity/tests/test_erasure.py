"""`DELETE /api/user/me/`: who one was goes, that something happened stays (E-COMP-4, design.md section 8)."""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

from backend.audit.models import AuditDetail, AuditLog
from backend.common import hooks
from backend.conftest import PASSWORD
from backend.identity.models import LoginLog, PasswordReset, Session, SocketTicket, User, UserRole
from backend.identity.tests.attempts import WRONG, attempt, browser
from backend.identity.tests.doors import ACCEPTED, REFRESH, REFUSED, bearing, rows, status_of
from backend.tests.commits import in_parallel

ME = "/api/user/me/"
LAST = {
    "detail": "The last active superuser cannot be removed, blocked or demoted.",
    "code": "user.last_superuser",
}
PERSONAL = {
    "email": "ana.silva@example.com",
    "username": "anasilva",
    "first_name": "Anabela",
    "last_name": "Silva",
    "name": "Anabela Silva",
    "phone_number": "+351912345678",
}


@pytest.fixture
def ana(make_user):
    return make_user(**PERSONAL)


@pytest.fixture
def pair(ana):
    return attempt("s1", "anasilva", ip="127.0.0.77").json()


def everything() -> str:
    """All that this slice and the trail hold, as text."""
    models = [User, Session, LoginLog, PasswordReset, SocketTicket, UserRole, LogEntry, AuditLog, AuditDetail]
    return str([list(model.objects.values()) for model in models])


@pytest.mark.django_db
def test_nobody_is_401(anybody, ana):
    before, was = rows(), User.objects.values().get()

    assert anybody.delete(ME).status_code == 401
    assert (User.objects.values().get(), rows()) == (was, before)


@pytest.mark.django_db
def test_a_browser_needs_the_csrf_token_for_it(ana):
    page = browser()
    page.post("/api/login/", {"email": ana.email, "password": PASSWORD})

    assert page.delete(ME).status_code == 403
    assert User.objects.get().email == "ana.silva@example.com"


@pytest.mark.django_db
def test_who_one_was_goes(ana, pair):
    """The row and its id stay, for everything that refers to it."""
    answer = bearing(pair["access"]).delete(ME)

    user = User.objects.get()
    address = f"erased-{ana.pk}@erased.invalid"
    assert (answer.status_code, answer.content) == (204, b"")
    assert (user.pk, user.email, user.username, user.name) == (ana.pk, address, address, "Former customer")
    assert (user.first_name, user.last_name, user.phone_number, user.last_login_ip) == ("", "", "", None)
    assert (user.is_active, user.is_staff, user.is_superuser) == (False, False, False)
    assert user.has_usable_password() is False


@pytest.mark.django_db
def test_no_name_address_or_device_is_left_anywhere(ana, make_user, pair, anybody):
    bearing(pair["access"]).patch(f"/api/auth/sessions/{Session.objects.get().pk}/", {"name": "Anabela's phone"})
    anybody.post("/api/auth/password/forgot/", {"email": "ana.silva@example.com"})
    bearing(pair["access"]).post("/api/auth/ws-ticket/")
    LogEntry.objects.create(
        user=make_user(is_staff=True),
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(ana.pk),
        object_repr="ana.silva@example.com",
        action_flag=CHANGE,
    )
    before = everything()

    bearing(pair["access"]).delete(ME)

    words = ["ana.silva", "anasilva", "Anabela", "Silva", "912345678"]
    assert [word in before for word in words] == [True] * 5
    assert [word in everything() for word in words] == [False] * 5
    assert list(Session.objects.values_list("ip_address", "user_agent", "name", "platform")) == [(None, "", "", "")]
    assert set(LoginLog.objects.values_list("ip_address", "platform_os")) == {(None, "")}
    assert not PasswordReset.objects.exists()


@pytest.mark.django_db
def test_that_it_happened_stays(ana, pair):
    """The trail is kept: what was there is there still, and one row more says that the person was erased."""
    before = list(AuditLog.objects.order_by("id").values())

    bearing(pair["access"]).delete(ME)

    after = list(AuditLog.objects.order_by("id").values())
    assert after[: len(before)] == before
    assert [row["action"] for row in after[len(before) :]] == ["user.erased", "session.revoked"]
    assert (after[len(before)]["actor_id"], after[len(before)]["target_id"]) == (ana.pk, str(ana.pk))
    assert LoginLog.objects.filter(user=ana).count() == 1


def test_the_erased_are_signed_out_everywhere(committed, anybody, make_user):
    agent = make_user("SUPPORT_AGENT", email="ana.silva@example.com")
    here, there = (attempt("s1", agent.email).json() for _ in range(2))
    ticket = bearing(here["access"]).post("/api/auth/ws-ticket/").json()
    accepted_before = status_of(there["access"])

    bearing(here["access"]).delete(ME)

    assert ticket["expires_in"] == 30
    assert accepted_before == ACCEPTED
    assert [status_of(pair["access"]) for pair in (here, there)] == [REFUSED, REFUSED]
    assert anybody.post(REFRESH, {"refresh": there["refresh"]}).status_code == 401
    assert set(Session.objects.values_list("revoked_reason", flat=True)) == {"erased"}


@pytest.mark.django_db
def test_the_erased_cannot_sign_in(ana, pair, anybody, mailoutbox):
    bearing(pair["access"]).delete(ME)
    names = ["anasilva", "ana.silva@example.com", f"erased-{ana.pk}@erased.invalid"]

    answers = [attempt("s1", name, word) for name in names for word in (PASSWORD, WRONG)]

    assert [answer.status_code for answer in answers] == [401] * 6
    anybody.post("/api/auth/password/forgot/", {"email": names[2]})
    assert not PasswordReset.objects.exists()
    assert mailoutbox == []


@pytest.mark.django_db
def test_the_address_is_free_again(ana, pair, anybody):
    bearing(pair["access"]).delete(ME)

    answer = anybody.post(
        "/api/user/create/", {"email": PERSONAL["email"], "password": "plum under the bridge", "name": "Ana"}
    )

    assert answer.status_code == 201
    assert attempt("s1", PERSONAL["email"], "plum under the bridge").json()["id"] != ana.pk


@pytest.mark.django_db
def test_other_people_stay_as_they_are(ana, pair, make_user):
    bob = make_user(email="bob@example.com")
    attempt("s1", "bob@example.com")
    was = [list(model.objects.filter(**{key: bob.pk}).values()) for model, key in ((User, "pk"), (Session, "user"))]

    bearing(pair["access"]).delete(ME)

    now = [list(model.objects.filter(**{key: bob.pk}).values()) for model, key in ((User, "pk"), (Session, "user"))]
    assert now == was


@pytest.mark.django_db
def test_the_last_superuser_stays(make_user, client_of):
    """BUG-S1-6."""
    chief = make_user(is_superuser=True)
    client, before, was = client_of(chief), rows(), User.objects.values().get()

    answer = client.delete(ME)

    assert (answer.status_code, answer.json()) == (422, LAST)
    assert (User.objects.values().get(), rows()) == (was, before)


def test_two_superusers_who_leave_at_once_leave_one(committed, make_user, client_of):
    """BUG-S1-6, under real concurrency."""
    clients = [client_of(make_user(is_superuser=True)) for _ in range(2)]

    answers = in_parallel(*[lambda client=client: client.delete(ME) for client in clients])

    assert sorted(answer.status_code for answer in answers) == [204, 422]
    assert User.objects.filter(is_superuser=True, is_active=True).count() == 1


@pytest.mark.django_db
def test_a_slice_that_fails_leaves_the_person_whole(ana, pair, monkeypatch):
    """All of it or nothing: each slice does its part in the same transaction."""

    def fails(erasure: hooks.Erasure) -> None:
        raise RuntimeError("a slice failed")

    monkeypatch.setattr(hooks.person_erased, "_listeners", [*hooks.person_erased._listeners, fails])
    before, was = rows(), everything()

    answer = bearing(pair["access"]).delete(ME)

    assert answer.status_code == 500
    assert (everything(), rows()) == (was, before)
