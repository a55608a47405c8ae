"""Full-text search over title, tags and description (BUG-S3-13): what is found, in which order, what stays true."""

import pytest
from django.db import IntegrityError, connection, transaction

from backend.catalog.models import Item, ItemTag, Tag
from backend.catalog.services import diagnostic_tests, tags
from backend.catalog.tests.factories import ARTICLES, ITEMS, TAGS, TESTS, add_article, add_test, rows, tag_id
from backend.identity.principals import principal_of

pytestmark = pytest.mark.django_db


def titles(client, url=TESTS, **query) -> list[str]:
    found = client.get(url, query).json()
    return [row["title"] for row in (found["results"] if isinstance(found, dict) else found)]


@pytest.mark.parametrize(
    ("words", "finds"),
    [
        ("fatig", True),
        ("FATIGUE", True),
        ("fatigued", True),
        ("blood fatigue", True),
        ("bloods", True),
        ("cafe", True),
        ("café", True),
        ("study", True),
        ("ferritin b12", True),
        ("vitamin d", True),
        ("covid-19", True),
        ("the blood", True),
        ("blood; DROP TABLE x' & | ! :* <-> \\", False),
        ("vitamin e", False),
        ("blood kidney", False),
        ("igue", False),
        ("the", True),
        ("!!! ---", False),
        ("blood" * 40, False),
    ],
)
def test_words_are_found_begun_bent_or_accented_in_title_tags_and_description(ana, words, finds):
    """All words must be there, in any of the three."""
    add_test(ana.user, "Blood studies (COVID-19)", "Fatigue", "Vitamin D", description="B12 in the café, ferritin")

    assert titles(ana.client, q=words) == (["Blood studies (COVID-19)"] if finds else [])


def test_the_title_counts_most_then_tags_then_the_description(ana):
    add_test(ana.user, "Third", description="says iron")
    add_test(ana.user, "Iron")
    add_test(ana.user, "Second", "iron")

    assert titles(ana.client, q="iron") == ["Iron", "Second", "Third"]
    assert titles(ana.client, ITEMS, q="iron") == ["Iron", "Second", "Third"]


def test_nobody_finds_what_is_anothers(ana, bob, writer):
    add_test(bob.user, "Iron of Bob")
    add_article(writer.user, "Iron draft", published=False)
    add_article(writer.user, "Iron article")

    assert titles(ana.client, q="iron") == []
    assert titles(ana.client, ITEMS, q="iron") == titles(ana.client, ARTICLES, q="iron") == ["Iron article"]


def test_search_and_tags_go_together(ana):
    add_test(ana.user, "Iron low", "fatigue")
    add_test(ana.user, "Iron high")

    assert titles(ana.client, q="iron", tags=tag_id(ana.user, "fatigue")) == ["Iron low"]


def test_a_found_list_goes_on_by_cursor_without_gaps(ana):
    for number in range(7):
        add_test(ana.user, f"Iron {number}")
    shown, cursor = [], ""

    while cursor is not None:
        page = ana.client.get(TESTS, {"q": "iron", "cursor": cursor, "page_size": 3}).json()
        shown.append([row["title"] for row in page["results"]])
        cursor = page["next"]

    assert shown == [["Iron 6", "Iron 5", "Iron 4"], ["Iron 3", "Iron 2", "Iron 1"], ["Iron 0"]]


def test_what_changes_is_found_by_its_new_words_only(ana):
    actor = principal_of(ana.user)
    test = add_test(ana.user, "Iron", "fatigue", description="morning")

    diagnostic_tests.change_test(actor=actor, test_id=test.pk, changes={"title": "Zinc", "description": "noon"})
    assert [titles(ana.client, q=word) for word in ("iron", "morning", "zinc noon fatigue")] == [[], [], ["Zinc"]]

    ana.client.patch(f"{TAGS}{tag_id(ana.user, 'fatigue')}/", {"name": "weariness"})
    assert [titles(ana.client, q=word) for word in ("fatigue", "weariness")] == [[], ["Zinc"]]

    diagnostic_tests.change_test(actor=actor, test_id=test.pk, changes={}, tags=["thirst"])
    assert [titles(ana.client, q=word) for word in ("weariness", "thirst")] == [[], ["Zinc"]]

    tags.delete_tag(actor=actor, tag_id=tag_id(ana.user, "thirst"))
    assert [titles(ana.client, q=word) for word in ("thirst", "zinc")] == [[], ["Zinc"]]


def test_whoever_writes_past_the_services_is_found_too(ana):
    """The database keeps the words: an import, an admin or a later engineer cannot forget it."""
    made = Item.objects.bulk_create([Item(owner=ana.user, title=f"Zinc {n}", price=1, time_minutes=1) for n in (1, 2)])
    tag = Tag.objects.create(owner=ana.user, name="thirst")
    ItemTag.objects.bulk_create([ItemTag(item=item, tag=tag) for item in made])
    Tag.objects.filter(pk=tag.pk).update(name="hunger")

    assert titles(ana.client, q="hunger zinc") == ["Zinc 2", "Zinc 1"]


def test_a_test_whose_tags_fail_is_not_stored_nor_changed(ana):
    """BUG-S3-3: all or nothing."""
    actor, test = principal_of(ana.user), add_test(ana.user, "Iron", "kept")
    before = rows()

    with pytest.raises(IntegrityError):
        diagnostic_tests.add_test(actor=actor, title="Zinc", time_minutes=1, price=1, tags=["good", ""])
    with pytest.raises(IntegrityError):
        diagnostic_tests.change_test(actor=actor, test_id=test.pk, changes={"title": "Zinc"}, tags=["good", ""])

    assert rows() == before
    assert titles(ana.client, q="iron kept") == ["Iron"]


def test_the_database_refuses_what_must_never_be(ana, bob):
    test = add_test(ana.user, "Iron", "fatigue")
    his = Tag.objects.create(owner=bob.user, name="his")
    Tag.objects.create(owner=None, name="house")

    def refused(write) -> str:
        with pytest.raises(IntegrityError) as fault, transaction.atomic():
            write()
        return fault.value.__cause__.diag.constraint_name

    assert [
        refused(lambda: ItemTag.objects.create(item=test, tag=his)),
        refused(lambda: Tag.objects.create(owner=ana.user, name="fatigue")),
        refused(lambda: Tag.objects.create(owner=None, name="house")),
        refused(lambda: Tag.objects.create(owner=None, name="")),
        refused(lambda: Item.objects.filter(pk=test.pk).update(price=-1)),
        refused(lambda: Item.objects.filter(pk=test.pk).update(price=None)),
        refused(lambda: Item.objects.filter(pk=test.pk).update(time_minutes=-1)),
        refused(lambda: Item.objects.filter(pk=test.pk).update(published_at="2026-01-01T00:00Z")),
        refused(lambda: Item.objects.filter(pk=test.pk).update(kind="help_article")),
    ] == [
        "catalog_item_tag_of_same_owner",
        "catalog_tag_unique_per_owner",
        "catalog_tag_unique_per_owner",
        "catalog_tag_has_a_name",
        "catalog_item_price_not_negative",
        "catalog_item_test_has_price_and_minutes",
        "catalog_item_minutes_not_negative",
        "catalog_item_private_is_not_published",
        "catalog_item_article_is_the_house_s",
    ]


@pytest.mark.parametrize(("name", "value"), [("q", "x" * 201), ("q", "x\x00"), ("cursor", "%%%"), ("cursor", "Ii0xIg")])
def test_a_query_that_cannot_be_meant_is_refused(ana, name, value):
    assert [
        (answer.status_code, list(answer.json()))
        for answer in (ana.client.get(url, {name: value}) for url in (TESTS, ITEMS, ARTICLES))
    ] == [(400, [name])] * 3


def test_rare_words_are_looked_up_in_the_index(ana):
    """GIN on `search`; the figures are `make bench`'s."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT id FROM catalog_item WHERE search @@ catalog_query('fatig', false)")
        plan = " ".join(row[0] for row in cursor.fetchall())

    assert "catalog_item_search" in plan
