"""What the catalogue keeps about a person: written out on request, gone when they are erased."""

import json

import pytest

from backend.catalog.models import Item, Tag
from backend.catalog.tests.factories import BODY, TESTS, add_article, add_test, names_on
from backend.common import hooks

pytestmark = pytest.mark.django_db


def exported(user_id: int) -> dict[str, list]:
    parts: dict[str, list] = {}
    hooks.person_exported(hooks.Export(user_id, lambda name, some: parts.update({name: list(some)})))
    return {name: rows for name, rows in parts.items() if name.startswith("catalog/")}


def test_an_export_holds_ones_own_and_nothing_of_others(ana, bob, writer):
    for number in range(3):
        add_test(ana.user, f"Test {number}", "fatigue", description="why")
    add_test(bob.user, "His", "his")
    add_article(ana.user if ana.user.is_staff else writer.user, "Read me")

    parts = exported(ana.user.pk)

    assert json.loads(json.dumps(parts)) == parts
    assert sorted(parts) == ["catalog/tags.json", "catalog/tests.json", "catalog/written_for_the_house.json"]
    assert [row["title"] for row in parts["catalog/tests.json"]] == ["Test 0", "Test 1", "Test 2"]
    assert {**parts["catalog/tests.json"][0], "id": 0, "created_at": "", "updated_at": ""} == {
        "id": 0,
        "title": "Test 0",
        "description": "why",
        "time_minutes": 15,
        "price": "12.50",
        "link": "",
        "created_at": "",
        "updated_at": "",
        "has_image": False,
        "tags": ["fatigue"],
    }
    assert [row["name"] for row in parts["catalog/tags.json"]] == ["fatigue"]
    assert exported(writer.user.pk)["catalog/written_for_the_house.json"] == [{"title": "Read me"}]


def test_an_erased_person_leaves_nothing_of_their_own(ana, bob, writer):
    """Their articles for the house stay the house's, others' things stay theirs."""
    for number in range(3):
        add_test(writer.user, f"Test {number}", "fatigue")
    article, his = add_article(writer.user, "Read me", "topic"), add_test(bob.user, "His", "his")

    assert writer.client.delete("/api/user/me/").status_code == 204

    assert set(Item.objects.values_list("pk", flat=True)) == {article.pk, his.pk}
    assert set(Tag.objects.values_list("name", flat=True)) == {"topic", "his"}
    assert names_on(article) == {"topic"}
    assert ana.client.post(TESTS, BODY).status_code == 201
