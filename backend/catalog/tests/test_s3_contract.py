"""S3-R6 to S3-R14, call by call, with the 40-hex token: statuses, shapes and orders as they are documented."""

import pytest
from rest_framework.test import APIClient

from backend.catalog.models import Item, Tag
from backend.catalog.tests.factories import BODY, TAGS, TESTS, actions, add_test, names_on, rows, tag_id

pytestmark = pytest.mark.django_db

DETAIL = ["id", "title", "time_minutes", "price", "link", "description", "tags"]


def at(test: Item) -> str:
    return f"{TESTS}{test.pk}/"


# S3-R6: the list


def test_the_list_is_a_bare_array_newest_first_without_descriptions(ana, bob):
    first = add_test(ana.user, "First", "fatigue", description="long")
    second = add_test(ana.user, "Second", link="http://example.com/a.pdf", price=5)
    add_test(bob.user)

    answer = ana.client.get(TESTS)

    fatigue = {"id": tag_id(ana.user, "fatigue"), "name": "fatigue"}
    assert (answer.status_code, answer.headers.get("Link")) == (200, None)
    assert answer.json() == [
        {
            "id": second.pk,
            "title": "Second",
            "time_minutes": 15,
            "price": "5.00",
            "link": "http://example.com/a.pdf",
            "tags": [],
        },
        {"id": first.pk, "title": "First", "time_minutes": 15, "price": "12.50", "link": "", "tags": [fatigue]},
    ]


def test_the_tag_filter_wants_all_tags_once_each(ana):
    """S3-B4: no match is an empty list; distinct."""
    both = add_test(ana.user, "Both", "fatigue", "fever")
    one = add_test(ana.user, "One", "fatigue")
    add_test(ana.user, "None")
    fatigue, fever = tag_id(ana.user, "fatigue"), tag_id(ana.user, "fever")
    lonely = Tag.objects.create(owner=ana.user, name="lonely").pk

    def found(tags: str) -> list[int]:
        return [row["id"] for row in ana.client.get(TESTS, {"tags": tags}).json()]

    assert found(f"{fatigue}") == [one.pk, both.pk]
    assert found(f"{fatigue},{fever}") == found(f"{fever},{fatigue},{fever}") == [both.pk]
    assert found(f"{fatigue},{lonely}") == found("999999") == []
    assert len(found("")) == 3


def test_the_filter_by_anothers_tag_finds_nothing(ana, bob):
    """E-S3-3, E-S3-7: both have a tag of that name."""
    add_test(ana.user, "Mine", "fatigue")
    add_test(bob.user, "His", "fatigue")

    assert ana.client.get(TESTS, {"tags": tag_id(bob.user, "fatigue")}).json() == []


@pytest.mark.parametrize("tags", ["abc", "1,,2", ",", "1,", "-1", "1.0", "1 ,2", "²", "9" * 19, "9" * 40, "1\x00"])
def test_a_malformed_tag_filter_is_refused(ana, tags):
    """E-S3-2, BUG-S3-1."""
    answer = ana.client.get(TESTS, {"tags": tags})

    assert (answer.status_code, list(answer.json())) == (400, ["tags"])


@pytest.mark.parametrize("url", [TESTS, f"{TESTS}1/", TAGS, f"{TAGS}1/"])
def test_strangers_get_nothing(client_of, url):
    """E-S3-1."""
    assert client_of(None).get(url).status_code == 401


# S3-R7: create


def test_creating_answers_the_detail_and_makes_the_caller_the_owner(ana, bob):
    answer = ana.client.post(TESTS, {**BODY, "user": bob.user.pk, "owner": bob.user.pk, "id": 7})

    test = Item.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": test.pk,
        "title": "Full blood count",
        "time_minutes": 15,
        "price": "12.50",
        "link": "",
        "description": "",
        "tags": [],
    }
    assert sorted(answer.json()) == sorted(DETAIL)
    assert (test.owner, test.kind, str(test)) == (ana.user, "diagnostic_test", "Full blood count")
    assert actions() == ["catalog_test.created"]


def test_nested_tags_are_reused_by_name_or_created(ana, bob):
    """S3-B2, E-S3-4: and named twice they are one. Another's tag of the same name is not touched."""
    known = Tag.objects.create(owner=ana.user, name="fatigue")
    Tag.objects.create(owner=bob.user, name="fever")

    answer = ana.client.post(
        TESTS, {**BODY, "tags": [{"name": "fever"}, {"name": "fatigue", "id": 99}, {"name": " fever "}]}
    )

    fever = Tag.objects.get(owner=ana.user, name="fever")
    assert answer.status_code == 201
    assert answer.json()["tags"] == [{"id": known.pk, "name": "fatigue"}, {"id": fever.pk, "name": "fever"}]
    assert Tag.objects.count() == 3
    assert str(fever) == "fever"


@pytest.mark.parametrize(
    "change",
    [
        {"price": "1000.00"},
        {"price": "-0.01"},
        {"price": "1.005"},
        {"price": 1e9},
        {"price": "NaN"},
        {"price": "Infinity"},
        {"price": None},
        {"time_minutes": -1},
        {"time_minutes": 2**31},
        {"time_minutes": 1.5},
        {"time_minutes": "soon"},
        {"time_minutes": True},
        {"title": ""},
        {"title": "x" * 256},
        {"title": 7},
        {"title": "nul\x00"},
        {"link": "x" * 256},
        {"link": " java\nscript:alert(1)"},
        {"description": "x" * 50_001},
        {"tags": None},
        {"tags": "fatigue"},
        {"tags": ["fatigue"]},
        {"tags": [{}]},
        {"tags": [{"name": "good"}, {"name": ""}]},
        {"tags": [{"name": "x" * 256}]},
        {"tags": [{"name": "x"}] * 51},
    ],
    ids=str,
)
def test_bad_fields_are_refused_by_name_and_nothing_is_stored(ana, change):
    """E-S3-6; on creating and on changing."""
    test = add_test(ana.user, "Before", "kept")
    before = rows()

    answers = [ana.client.post(TESTS, {**BODY, **change}), ana.client.patch(at(test), change)]

    assert [(answer.status_code, list(answer.json())) for answer in answers] == [(400, list(change))] * 2
    assert rows() == before
    assert names_on(test) == {"kept"}


@pytest.mark.parametrize("missing", ["title", "time_minutes", "price"])
def test_what_is_required_is_asked_for(ana, missing):
    body = {name: value for name, value in BODY.items() if name != missing}
    test = add_test(ana.user)

    assert ana.client.post(TESTS, body).json() == {missing: ["This field is required."]}
    assert ana.client.put(at(test), body).json() == {missing: ["This field is required."]}
    assert Item.objects.count() == 1


@pytest.mark.parametrize("price", ["0", "999.99", 5, 5.25, "1e2", "-0.00"])
def test_prices_come_as_numbers_or_as_text_and_go_as_text_with_two_places(ana, price):
    shown = ana.client.post(TESTS, {**BODY, "price": price}).json()["price"]

    assert shown == {"0": "0.00", "999.99": "999.99", 5: "5.00", 5.25: "5.25", "1e2": "100.00", "-0.00": "0.00"}[price]


# S3-R8 to S3-R11: one test


def test_one_test_is_shown_with_its_description(ana):
    test = add_test(ana.user, "First", "fever", description="Eight hours without food.")

    answer = ana.client.get(at(test))

    assert (answer.status_code, sorted(answer.json())) == (200, sorted(DETAIL))
    assert answer.json()["description"] == "Eight hours without food."
    assert answer.json()["tags"] == [{"id": tag_id(ana.user, "fever"), "name": "fever"}]


def test_put_takes_the_full_body_and_leaves_absent_tags(ana):
    """S3-R9, S3-B3, K-76."""
    test = add_test(ana.user, "Before", "kept")

    answer = ana.client.put(
        at(test), {"title": "After", "time_minutes": 0, "price": 1, "link": "http://x.example", "description": "new"}
    )

    assert answer.status_code == 200
    assert {**answer.json(), "tags": [tag["name"] for tag in answer.json()["tags"]]} == {
        "id": test.pk,
        "title": "After",
        "time_minutes": 0,
        "price": "1.00",
        "link": "http://x.example",
        "description": "new",
        "tags": ["kept"],
    }
    assert actions()[-1] == "catalog_test.changed"


def test_patch_changes_what_is_sent_and_never_the_owner(ana, bob):
    """S3-R10 [T]."""
    test = add_test(ana.user, "Before", link="http://x.example")

    answer = ana.client.patch(at(test), {"title": "After", "user": bob.user.pk})

    test.refresh_from_db()
    assert (answer.status_code, test.title, test.link, test.owner) == (200, "After", "http://x.example", ana.user)


@pytest.mark.parametrize(
    ("sent", "carried"),
    [
        ({}, {"a", "b"}),
        ({"tags": []}, set()),
        ({"tags": [{"name": "b"}, {"name": "c"}]}, {"b", "c"}),
        ({"tags": [{"name": "b"}, {"name": "a"}]}, {"a", "b"}),
    ],
)
@pytest.mark.parametrize("method", ["put", "patch"])
def test_tags_are_left_replaced_or_cleared(ana, method, sent, carried):
    """S3-B3, E-S3-5. What a test no longer carries stays among the tags."""
    test = add_test(ana.user, "Before", "a", "b")

    answer = getattr(ana.client, method)(at(test), {**BODY, **sent})

    assert answer.status_code == 200
    assert {tag["name"] for tag in answer.json()["tags"]} == names_on(test) == carried
    assert set(Tag.objects.values_list("name", flat=True)) >= {"a", "b"}


def test_deleting_removes_the_test_and_leaves_its_tags(ana):
    test = add_test(ana.user, "Gone", "kept")

    answer = ana.client.delete(at(test))

    assert (answer.status_code, answer.content) == (204, b"")
    assert (Item.objects.count(), Tag.objects.count()) == (0, 1)
    assert actions()[-1] == "catalog_test.deleted"
    assert ana.client.delete(at(test)).status_code == 404


def test_anothers_test_is_not_there(ana, bob):
    """S3-B1, S3-R11 [T]: the row is kept. Whatever the body says."""
    test = add_test(bob.user, "His", "his")
    before = rows()

    answers = [
        ana.client.get(at(test)),
        ana.client.put(at(test), BODY),
        ana.client.patch(at(test), {"title": "Mine"}),
        ana.client.patch(at(test), {"price": -1}),
        ana.client.delete(at(test)),
        ana.client.get(f"{TESTS}{10**30}/"),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "catalog.no_such_test")}
    assert rows() == before
    assert Item.objects.get().title == "His"


# S3-R12 to S3-R14: tags


def test_tags_are_listed_by_name_from_z_to_a(ana, bob):
    """S3-R12: one's own, a bare array."""
    for name in ("fever", "Fatigue", "thirst"):
        Tag.objects.create(owner=ana.user, name=name)
    Tag.objects.create(owner=bob.user, name="zzz")

    answer = ana.client.get(TAGS)

    assert answer.status_code == 200
    assert [tag["name"] for tag in answer.json()] == ["thirst", "fever", "Fatigue"]
    assert sorted(answer.json()[0]) == ["id", "name"]


def test_a_tag_is_created_shown_renamed_and_deleted(ana):
    """S3-R13, S3-R14. A test that carried it stays, without it."""
    made = ana.client.post(TAGS, {"name": "fever"})
    url = f"{TAGS}{made.json()['id']}/"
    test = add_test(ana.user, "Test", "fever")

    shown = [
        made,
        ana.client.get(url),
        ana.client.put(url, {"name": "chill"}),
        ana.client.patch(url, {"name": "shiver"}),
        ana.client.patch(url, {}),
        ana.client.delete(url),
        ana.client.get(url),
    ]

    assert [answer.status_code for answer in shown] == [201, 200, 200, 200, 200, 204, 404]
    assert [answer.json()["name"] for answer in shown[:5]] == ["fever", "fever", "chill", "shiver", "shiver"]
    assert all(sorted(answer.json()) == ["id", "name"] for answer in shown[:5])
    assert names_on(test) == set()
    assert [name for name in actions() if "tag" in name] == [
        "catalog_tag.created",
        "catalog_tag.renamed",
        "catalog_tag.renamed",
        "catalog_tag.deleted",
    ]


@pytest.mark.parametrize("name", ["", "   ", "x" * 256, None, 7, ["a"], "taken"])
def test_a_bad_or_taken_name_is_refused(ana, name):
    """BUG-S3-2: the same name twice is said, and no crash."""
    Tag.objects.create(owner=ana.user, name="taken")
    other = Tag.objects.create(owner=ana.user, name="other")
    before = rows()

    answers = [
        ana.client.post(TAGS, {"name": name}),
        ana.client.put(f"{TAGS}{other.pk}/", {"name": name}),
        ana.client.patch(f"{TAGS}{other.pk}/", {"name": name}),
    ]

    assert [(answer.status_code, list(answer.json())) for answer in answers] == [(400, ["name"])] * 3
    assert rows() == before


def test_anothers_tag_is_not_there(ana, bob):
    tag = Tag.objects.create(owner=bob.user, name="his")
    url = f"{TAGS}{tag.pk}/"
    before = rows()

    answers = [
        ana.client.get(url),
        ana.client.put(url, {"name": "mine"}),
        ana.client.patch(url, {"name": ""}),
        ana.client.delete(url),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "catalog.no_such_tag")}
    assert rows() == before


def test_every_credential_opens_the_catalogue(s3_person, token_of):
    """The other doors' tokens and cookies work here as S3's does."""
    amy = s3_person("AUDITOR")  # With a role one may have several sessions.
    bearer, cookie = APIClient(), APIClient()
    bearer.credentials(HTTP_AUTHORIZATION=f"Bearer {token_of(amy.user)}")
    cookie.cookies["accessToken"] = token_of(amy.user)

    assert bearer.post(TESTS, BODY).status_code == 201
    assert [[row["title"] for row in who.get(TESTS).json()] for who in (amy.client, cookie)] == [[BODY["title"]]] * 2


def test_a_form_is_read_too(ana):
    """What S3's clients send without saying JSON."""
    answer = ana.client.post(
        TESTS, "title=Form&time_minutes=5&price=5.25", content_type="application/x-www-form-urlencoded"
    )

    assert (answer.status_code, answer.json()["price"], answer.json()["tags"]) == (201, "5.25", [])
