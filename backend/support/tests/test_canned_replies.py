"""Replies kept ready: personal and shared, with variables that the server fills in."""

import uuid

import pytest

from backend.support.models import CannedReply
from backend.support.services import canned
from backend.support.tests.factories import everything_stored, make_talk

URL = "/api/chats/canned/"


def _make(client, shortcut, text, **fields):
    return client.post(URL, {"shortcut": shortcut, "text": text, **fields}, format="json")


@pytest.mark.django_db
def test_a_reply_is_found_by_its_shortcut_and_filled_in_for_a_chat(make_user, client_of):
    talk = make_talk(make_user)
    ben, staff = client_of(talk.agent), client_of(make_user(is_staff=True))
    own = _make(ben, "Hello", "Hello {customer}, this is {agent}.").json()
    _make(staff, "help", "See {chat} of {date}", is_shared=True)
    _make(ben, "bye", "Bye")

    found = ben.get(URL, {"shortcut": "HE"}).json()
    said = ben.get(f"/api/chats/{talk.id}/canned/{own['id']}/").json()

    assert [(row["shortcut"], row["is_shared"]) for row in found] == [("hello", False), ("help", True)]
    assert said == {"message": "Hello Ana, this is Ben."}
    shared = ben.get(f"/api/chats/{talk.id}/canned/{found[1]['id']}/").json()["message"]
    assert shared.startswith(f"See {talk.id} of 20")


@pytest.mark.django_db
def test_what_a_value_holds_is_never_taken_for_a_variable(make_user, client_of):
    talk = make_talk(make_user)
    type(talk.customer).objects.filter(pk=talk.customer.pk).update(first_name="{agent}{0.__class__}")
    reply = _make(client_of(talk.agent), "x", "Dear {customer}").json()

    said = client_of(talk.agent).get(f"/api/chats/{talk.id}/canned/{reply['id']}/").json()

    assert said == {"message": "Dear {agent}{0.__class__}"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "fields", "field"),
    [
        ("an unknown variable", {"text": "Dear {custmer}"}, "text"),
        ("an attribute", {"text": "{customer.password}"}, "text"),
        ("empty braces", {"text": "Dear {}"}, "text"),
        ("no text", {"text": ""}, "text"),
        ("too long", {"text": "x" * 4001}, "text"),
        ("no shortcut", {"shortcut": ""}, "shortcut"),
        ("two words", {"shortcut": "good bye"}, "shortcut"),
        ("taken", {"shortcut": "hello"}, "shortcut"),
        ("no number", {"shortcut": 7}, "shortcut"),
    ],
)
def test_a_reply_that_cannot_be_kept_is_refused_when_it_is_saved(make_user, client_of, _case, fields, field):
    client = client_of(make_user("SUPPORT_AGENT"))
    kept = _make(client, "hello", "Hello").json()
    other = _make(client, "other", "Other").json()
    before = everything_stored()

    made = _make(client, **{"shortcut": "new", "text": "New", **fields})
    changed = client.patch(f"{URL}{other['id']}/", fields, format="json")

    assert [(answer.status_code, list(answer.json())) for answer in (made, changed)] == [(400, [field])] * 2
    assert everything_stored() == before
    assert {row["id"] for row in client.get(URL).json()} == {kept["id"], other["id"]}


@pytest.mark.django_db
def test_personal_replies_are_nobody_elses_and_shared_ones_are_kept_by_staff(make_user, client_of):
    ben, cleo = client_of(make_user("SUPPORT_AGENT")), client_of(make_user("SUPPORT_AGENT"))
    boss = client_of(make_user(is_superuser=True, is_staff=True))
    own = _make(ben, "mine", "Mine").json()
    shared = _make(boss, "ours", "Ours", is_shared=True).json()
    before = everything_stored()

    refused = [
        cleo.get(f"{URL}{own['id']}/"),
        cleo.delete(f"{URL}{own['id']}/"),
        boss.patch(f"{URL}{own['id']}/", {"text": "x"}, format="json"),
        ben.get(f"{URL}{uuid.uuid4()}/"),
        ben.patch(f"{URL}{shared['id']}/", {"text": "x"}, format="json"),
        ben.delete(f"{URL}{shared['id']}/"),
        _make(ben, "new", "x", is_shared=True),
    ]

    assert [answer.status_code for answer in refused] == [404, 404, 404, 404, 403, 403, 403]
    assert everything_stored() == before
    assert cleo.get(URL).json() == [shared]
    assert _make(cleo, "mine", "Hers").status_code == 201  # A shortcut is taken for its owner alone.
    assert boss.patch(f"{URL}{shared['id']}/", {"text": "All of ours"}, format="json").json()["text"] == "All of ours"
    assert ben.delete(f"{URL}{own['id']}/").status_code == 204


@pytest.mark.django_db
def test_lists_are_bounded_and_cost_the_same(make_user, client_of, monkeypatch, django_assert_num_queries):
    agent = make_user("SUPPORT_AGENT")
    client = client_of(agent)
    CannedReply.objects.bulk_create(CannedReply(owner=agent, shortcut=f"r{n:03}", text="x") for n in range(150))
    monkeypatch.setattr(canned, "OWN_MAX", 150)
    client.get(URL)

    with django_assert_num_queries(1):
        found = client.get(URL).json()

    assert [row["shortcut"] for row in found] == [f"r{n:03}" for n in range(100)]
    assert list(_make(client, "more", "x").json()) == ["shortcut"]


@pytest.mark.django_db
def test_values_that_make_a_reply_too_long_to_be_said_are_named(make_user, client_of):
    talk = make_talk(make_user)
    type(talk.customer).objects.filter(pk=talk.customer.pk).update(first_name="A" * 150)
    reply = _make(client_of(talk.agent), "x", "{customer}" * 100).json()

    answer = client_of(talk.agent).get(f"/api/chats/{talk.id}/canned/{reply['id']}/")

    assert (answer.status_code, list(answer.json())) == (400, ["text"])
