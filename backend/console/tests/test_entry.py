"""Coming in and going out of the console (design.md section 3): for staff, with the code where there is one."""

import re

import pytest
from django.test import Client

from backend.conftest import PASSWORD
from backend.console.tests.forms import SIGN_IN, send, token_on
from backend.identity.models import LoginLog, Session
from backend.identity.services import sessions
from backend.identity.tests.apps import Phone

pytestmark = pytest.mark.django_db

FACTOR = "/console/second-factor/"


def come(email: str, password: str = PASSWORD, **fields: str):
    client = Client(enforce_csrf_checks=True)
    return client, send(client, SIGN_IN, email=email, password=password, **fields)


def test_an_agent_comes_in_with_cookies_that_no_script_reads(make_user):
    agent = make_user("SUPPORT_AGENT")

    client, answer = come(agent.email, next="/console/inbox/?view=all")

    assert (answer.status_code, answer["Location"]) == (302, "/console/inbox/?view=all")
    assert {client.cookies[name]["httponly"] for name in ("accessToken", "refreshToken", "device")} == {True}
    assert list(Session.objects.values_list("user_id", "door", "revoked_at")) == [(agent.pk, "console", None)]
    assert client.get("/console/inbox/").status_code == 200


@pytest.mark.parametrize("password", ["wrong", ""])
def test_a_wrong_password_opens_nothing_and_keeps_the_address(make_user, password):
    agent = make_user("SUPPORT_AGENT")

    client, answer = come(agent.email, password)

    assert answer.status_code == (401 if password else 400)
    assert agent.email in answer.content.decode()
    assert "accessToken" not in client.cookies
    assert not Session.objects.exists()


def test_a_customer_is_not_admitted_and_keeps_the_session_of_their_phone(make_user):
    customer = make_user()
    phone = sessions.open_session(user=customer, door="s1")

    client, answer = come(customer.email)

    assert answer.status_code == 403
    assert "accessToken" not in client.cookies
    assert list(Session.objects.filter(revoked_at=None).values_list("pk", flat=True).iterator()) == [
        Session.objects.get(pk=phone.sid).pk
    ]
    assert LoginLog.objects.get().description == "Login Failed: not admitted"


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example/", "/api/", SIGN_IN, "/console/../api/x"])
def test_signing_in_leads_to_the_console_and_nowhere_else(make_user, wanted):
    agent = make_user("SUPPORT_AGENT")

    _, answer = come(agent.email, next=wanted)

    assert answer["Location"].startswith("/console/")
    assert "evil" not in answer["Location"]


def test_whoever_enrolled_is_asked_for_the_code(make_user, monkeypatch):
    agent, phone = make_user("SUPPORT_AGENT"), Phone(monkeypatch)
    phone.enrol(agent)

    client, asked = come(agent.email)
    wrong = send(client, SIGN_IN, email=agent.email, password=PASSWORD, otp="000000")
    right = send(client, SIGN_IN, email=agent.email, password=PASSWORD, otp=phone.code())

    assert [asked.status_code, wrong.status_code, right.status_code] == [401, 401, 302]
    assert 'name="otp"' in asked.content.decode()


def test_where_a_factor_is_demanded_a_password_opens_only_the_page_that_enrols(make_user, monkeypatch, settings):
    settings.STAFF_TOTP_REQUIRED = True
    agent, phone = make_user("SUPPORT_AGENT"), Phone(monkeypatch)
    client, _ = come(agent.email)
    before = client.cookies["accessToken"].value

    assert client.get("/console/inbox/")["Location"].startswith(FACTOR)
    shown = send(client, FACTOR, step="password", password=PASSWORD).content.decode()
    phone.scan(re.search(r'class="secret">(\w+)', shown)[1])
    refused = send(client, FACTOR, step="confirm", otp="000000")
    codes = send(client, FACTOR, step="confirm", otp=phone.code()).content.decode()

    assert refused.status_code == 422
    assert len(re.findall(r"<li><code>", codes)) == 10
    assert client.get("/console/inbox/").status_code == 200
    assert Session.objects.filter(revoked_at=None).count() == 1  # the one that was opened without a code is over
    client.cookies["accessToken"] = before
    client.cookies["refreshToken"] = ""
    assert client.get("/console/inbox/").status_code == 302


def test_a_session_from_before_enrolling_is_not_enough(make_user, monkeypatch, settings, visit):
    agent, phone = make_user("SUPPORT_AGENT"), Phone(monkeypatch)
    client = visit(agent)
    phone.enrol(agent)
    settings.STAFF_TOTP_REQUIRED = True

    assert client.get("/console/inbox/")["Location"].startswith(FACTOR)
    assert "Sign in again" in client.get(FACTOR).content.decode()


def test_signing_out_ends_the_session_and_the_next_page_asks_to_sign_in(make_user, visit):
    client = visit(make_user("SUPPORT_AGENT"))

    answer = send(client, "/console/sign-out/", page="/console/inbox/")

    assert answer["Location"] == SIGN_IN
    assert Session.objects.get().revoked_reason == "sign_out"
    assert client.cookies["accessToken"].value == ""


# Cross-site, replayed


def test_a_form_of_another_site_does_nothing(make_user, visit):
    client = visit(make_user("SUPPORT_AGENT"))
    client.get("/console/inbox/")

    without = client.post("/console/sign-out/")
    foreign = client.post(
        "/console/sign-out/",
        {"csrfmiddlewaretoken": token_on(client, "/console/inbox/")},
        headers={"Origin": "https://evil.example"},
    )

    assert (without.status_code, foreign.status_code) == (403, 403)
    assert "nothing was done" in without.content.decode()
    assert Session.objects.get().revoked_at is None


def test_a_form_from_before_signing_in_does_nothing_afterwards(make_user):
    """Signing in changes the token: what somebody else prepared on this machine is worthless."""
    agent = make_user("SUPPORT_AGENT")
    client = Client(enforce_csrf_checks=True)
    old = token_on(client, SIGN_IN)
    send(client, SIGN_IN, email=agent.email, password=PASSWORD)

    answer = client.post("/console/sign-out/", {"csrfmiddlewaretoken": old})

    assert answer.status_code == 403
    assert Session.objects.get().revoked_at is None


def test_a_sign_in_sent_twice_with_one_code_opens_one_session(make_user, monkeypatch):
    """A replayed form: the code is used up."""
    agent, phone = make_user("SUPPORT_AGENT"), Phone(monkeypatch)
    phone.enrol(agent)
    otp = phone.code()

    answers = [come(agent.email, otp=otp)[1].status_code for _ in range(2)]

    assert answers == [302, 401]
    assert Session.objects.filter(door="console").count() == 1
