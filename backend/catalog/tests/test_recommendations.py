"""Tests by symptoms (S3-B5): the best first, with the reason, and nothing of anybody else's."""

import pytest

from backend.catalog.models import Item, ItemTag, Tag
from backend.catalog.tests.factories import add_test, tag_id

pytestmark = pytest.mark.django_db

URL = "/api/diagnostictest/recommendations/"


def house_test(title: str, *names: str, published: bool = True) -> Item:
    at = "2026-01-01T00:00Z" if published else None
    item = Item.objects.create(title=title, price=9, time_minutes=5, published_at=at)
    for name in names:
        tag, _ = Tag.objects.get_or_create(owner=None, name=name)
        ItemTag.objects.create(item=item, tag=tag)
    return item


@pytest.fixture
def tests(ana, bob):
    add_test(ana.user, "Two of four", "fatigue", "fever", "unrelated")
    house_test("Three of four", "Fatigue", "FEVER", "Thirst")
    house_test("Draft", "fatigue", published=False)
    add_test(ana.user, "One, and little else", "thirst")
    add_test(ana.user, "One, and much else", "thirst", "a", "b")
    add_test(ana.user, "None", "a")
    add_test(bob.user, "His", "fatigue", "fever", "thirst")


def test_the_best_come_first_with_score_and_reason(ana, tests):
    answer = ana.client.get(URL, {"tags": "fatigue,fever,Thirst,headache"})

    assert answer.status_code == 200
    found = answer.json()
    assert [(row["title"], row["score"], row["is_own"]) for row in found["results"]] == [
        ("Three of four", 0.75, False),
        ("Two of four", 0.5, True),
        ("One, and little else", 0.25, True),
        ("One, and much else", 0.25, True),
    ]
    assert found["results"][0]["reason"] == "matches 3 of 4: fatigue, fever, Thirst"
    assert found["results"][1]["matched"] == ["fatigue", "fever"]
    assert [tag["name"] for tag in found["results"][1]["tags"]] == ["fatigue", "fever", "unrelated"]
    assert found["results"][0]["price"] == "9.00"
    assert found["unknown"] == ["headache"]


def test_ids_and_names_mean_the_same_by_get_and_by_post(ana, tests):
    fatigue = tag_id(ana.user, "fatigue")

    by_get = ana.client.get(URL, {"tags": f"{fatigue},fever", "limit": 1}).json()
    by_post = ana.client.post(URL, {"tags": [fatigue, "fever"], "limit": 1}).json()

    assert by_get == by_post
    assert [row["title"] for row in by_get["results"]] == ["Three of four"]
    assert by_get["results"][0]["reason"] == "matches 2 of 2: fatigue, fever"


def test_an_id_of_anothers_tag_is_no_tag_here(ana, bob, tests):
    """E-S3-3."""
    his = Tag.objects.create(owner=bob.user, name="secret")

    answer = ana.client.post(URL, {"tags": [his.pk, "secret", "secret", 2**62, "12"]}).json()

    assert answer == {"results": [], "unknown": [str(his.pk), str(2**62), "secret", "12"]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"tags": []},
        {"tags": "fatigue"},
        {"tags": [True]},
        {"tags": [1.5]},
        {"tags": [None]},
        {"tags": [""]},
        {"tags": [-1]},
        {"tags": ["a\x00"]},
        {"tags": ["a"] * 51},
    ],
    ids=str,
)
def test_bad_bodies_are_refused(ana, body):
    answer = ana.client.post(URL, body)

    assert (answer.status_code, list(answer.json())) == (400, ["tags"])


@pytest.mark.parametrize(
    "query", [{}, {"tags": ""}, {"tags": "a,,b"}, {"tags": "a", "limit": "51"}, {"tags": "a", "limit": "x"}]
)
def test_bad_queries_are_refused(ana, query):
    assert ana.client.get(URL, query).status_code == 400
