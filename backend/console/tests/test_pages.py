"""Every page of the console: to whom it opens, and what goes with it."""

from datetime import timedelta

import pytest
from django.test import Client

from backend.banking.tests.factories import make_bank
from backend.console.places import PLACES
from backend.console.tests.forms import POLICY, SIGN_IN
from backend.identity.models import Session, UserRole
from backend.identity.services import roles

pytestmark = pytest.mark.django_db

PEOPLE = {
    "customer": {},
    "agent": {},
    "bank_admin": {},
    "auditor": {},
    "staff": {"is_staff": True},
    "superuser": {"is_staff": True, "is_superuser": True},
    "manager": {},
}
ROLE = {"agent": "SUPPORT_AGENT", "bank_admin": "BANK_ADMIN", "auditor": "AUDITOR"}
OPEN = {
    "inbox": {"agent"},
    "kyc": {"bank_admin"},
    "fraud": {"bank_admin", "auditor"},
    "lending": {"bank_admin", "auditor", "manager"},
    "banking": {"auditor", "manager"},
    "audit": {"bank_admin", "auditor"},
    "team": {"agent", "superuser"},
}


def somebody(make_user, who: str):
    user = make_user(*([ROLE[who]] if who in ROLE else []), **PEOPLE[who])
    if who == "manager":
        make_bank(manager=user)
    return user


@pytest.mark.parametrize("place", [place.name for place in PLACES])
def test_a_place_opens_to_its_roles_and_to_nobody_else(make_user, visit, place):
    def open_it(who: str) -> int:
        return visit(somebody(make_user, who)).get(f"/console/{place}/", follow=True).status_code

    answers = {who: open_it(who) for who in PEOPLE}

    assert answers == {who: 200 if who in OPEN[place] else 403 for who in PEOPLE}


def test_the_navigation_has_what_is_open_and_home_leads_to_the_first(make_user, visit):
    for who in set(PEOPLE) - {"customer", "staff"}:
        client = visit(somebody(make_user, who))
        home = client.get("/console/")
        page = client.get(home["Location"], follow=True).content.decode()

        assert {name for name in OPEN if f'data-place-link="{name}"' in page} == {
            name for name, those in OPEN.items() if who in those
        }

    assert "Nothing is open to you yet" in visit(somebody(make_user, "staff")).get("/console/").content.decode()


@pytest.mark.parametrize("path", ["/console/", "/console/inbox/", "/console/nowhere/", SIGN_IN])
def test_every_answer_forbids_foreign_scripts_and_frames(make_user, visit, path):
    answer = visit(make_user("SUPPORT_AGENT")).get(path, headers={"Host": "localhost"})

    policy = dict(part.split(" ", 1) for part in answer[POLICY].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["connect-src"] == "'self' ws://localhost"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Cache-Control"] == "no-store"
    body = answer.content.decode()
    assert " style=" not in body
    assert "<style" not in body
    assert " onclick=" not in body
    assert all("src=" in tag or "application/json" in tag for tag in body.split("<script")[1:])


def test_a_stranger_is_led_to_the_door_and_back(make_user):
    answer = Client().get("/console/inbox/?view=all")
    part = Client().get("/console/inbox/list/", headers={"HX-Request": "true"})

    assert answer["Location"] == f"{SIGN_IN}?next=%2Fconsole%2Finbox%2F%3Fview%3Dall"
    assert (part.status_code, part["HX-Redirect"]) == (401, f"{SIGN_IN}?next=%2Fconsole%2F")


def test_a_token_that_ran_out_is_renewed_on_the_way(make_user, visit):
    client = visit(make_user("SUPPORT_AGENT"))
    client.cookies["accessToken"] = "gone"
    before = client.cookies["refreshToken"].value

    answer = client.get("/console/inbox/")

    assert answer.status_code == 200
    assert client.cookies["refreshToken"].value != before
    assert client.get("/console/inbox/").status_code == 200


def test_a_session_that_ended_opens_nothing(make_user, visit):
    client = visit(make_user("SUPPORT_AGENT"))
    row = Session.objects.get()
    row.revoked_at, row.revoked_reason = row.created_at + timedelta(seconds=1), "revoked"
    row.save()

    assert client.get("/console/inbox/").status_code == 302


def test_a_role_withdrawn_counts_at_the_next_request(make_user, visit, django_capture_on_commit_callbacks):
    agent = make_user("SUPPORT_AGENT", is_staff=True)
    client = visit(agent)
    assert client.get("/console/inbox/").status_code == 200

    with django_capture_on_commit_callbacks(execute=True):
        roles.withdraw_role(user=agent, name="SUPPORT_AGENT", withdrawn_by=None)

    assert not UserRole.objects.filter(user=agent, is_active=True).exists()
    part = client.get("/console/inbox/list/", headers={"HX-Request": "true"})
    assert client.get("/console/inbox/").status_code == 403
    assert (part.status_code, part["HX-Retarget"]) == (403, "#refusals")


def test_the_demo_is_for_demo_data_and_not_there_in_production(settings):
    settings.DEMO_PAGES = True
    shown = Client().get("/demo/")
    settings.DEMO_PAGES = False
    refused = Client().get("/demo/")

    assert (shown.status_code, refused.status_code) == (200, 404)
    assert "'none'" in shown[POLICY]
    assert "frame-ancestors 'none'" in refused[POLICY]


def test_what_is_not_there_is_a_page_here_and_json_elsewhere():
    assert "There is nothing here" in Client().get("/console/nowhere/").content.decode()
    assert Client().get("/api/nowhere/").json()["code"] == "not_found"
