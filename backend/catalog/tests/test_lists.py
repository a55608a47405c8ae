"""Lists cost the same number of queries however long they are, are bounded, and go on by cursor (BUG-S3-4)."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.catalog import selectors
from backend.catalog.models import Item, ItemTag, Tag
from backend.catalog.tests.factories import ARTICLES, ITEMS, TAGS, TESTS, add_article, add_test, tag_id

pytestmark = pytest.mark.django_db

RECOMMENDATIONS = "/api/diagnostictest/recommendations/"


@pytest.mark.parametrize(
    ("url", "queries"),
    [
        (TESTS, 3),
        (f"{TESTS}?q=blood", 3),
        (f"{TESTS}?cursor=", 3),
        (TAGS, 1),
        (ITEMS, 3),
        (f"{ITEMS}?q=blood", 3),
        (ARTICLES, 3),
        (f"{RECOMMENDATIONS}?tags=fatigue,fever", 2),
    ],
)
def test_the_number_of_queries_is_constant(ana, writer, url, queries):
    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as made:
            assert ana.client.get(url).status_code == 200
        return len([one for one in made if "catalog_" in one["sql"]])

    def add(number: int) -> None:
        for n in range(number):
            add_test(ana.user, f"Blood {number} {n}", "fatigue", f"tag {number} {n}")
            add_article(writer.user, f"Blood {number} {n}", "fever", f"tag {n}")

    add(1)
    few = cost()
    add(12)

    assert (few, cost()) == (queries, queries)


@pytest.fixture
def many(ana):
    """More tests and tags than a bare list holds."""
    count = selectors.LIST_MAX + 5
    Item.objects.bulk_create([Item(owner=ana.user, title=f"T{n}", price=1, time_minutes=1) for n in range(count)])
    Tag.objects.bulk_create([Tag(owner=ana.user, name=f"t{n:05}") for n in range(count)])


@pytest.mark.parametrize(
    ("url", "name", "first", "rest"), [(TESTS, "title", "T1004", "T4"), (TAGS, "name", "t01004", "t00004")]
)
def test_a_bare_list_is_bounded_and_says_where_the_rest_is(ana, many, url, name, first, rest):
    answer = ana.client.get(url)
    link, rel = answer.headers["Link"].split("; ")
    behind = ana.client.get(link.strip("<>"))

    assert (len(answer.json()), answer.json()[0][name], rel) == (selectors.LIST_MAX, first, 'rel="next"')
    assert [row[name] for row in behind.json()["results"]][0] == rest
    assert (len(behind.json()["results"]), behind.json()["next"]) == (5, None)


@pytest.mark.parametrize("url", [TESTS, TAGS, ITEMS, ARTICLES])
def test_pages_by_cursor_show_everything_once_while_others_write(ana, writer, url):
    for n in range(5):
        add_test(ana.user, f"T{n}", f"t{n}")
        add_article(writer.user, f"A{n}")
    seen, cursor = [], ""

    while cursor is not None:
        page = ana.client.get(url, {"cursor": cursor, "page_size": 2}).json()
        assert sorted(page) == ["next", "results"]
        assert len(page["results"]) <= 2
        seen += [row["id"] for row in page["results"]]
        cursor = page["next"]
        add_test(ana.user, "New", "zz")  # Newer than all that was shown: it does not shift the pages.

    assert len(seen) == len(set(seen)) == {TESTS: 5, TAGS: 5, ITEMS: 10, ARTICLES: 5}[url]


@pytest.mark.parametrize(
    ("name", "value"), [("page_size", "0"), ("page_size", "101"), ("page_size", "x"), ("kind", "car")]
)
def test_a_page_that_cannot_be_meant_is_refused(ana, name, value):
    answer = ana.client.get(ITEMS, {name: value})

    assert (answer.status_code, list(answer.json())) == (400, [name])


def test_the_catalogue_shows_ones_own_and_the_published(ana, bob, writer):
    mine = add_test(ana.user, "Mine", "fatigue")
    add_test(bob.user, "His", "fatigue")
    article = add_article(writer.user, "Tired?", "Fatigue")
    add_article(writer.user, "Draft", "fatigue", published=False)

    def found(**query) -> list[str]:
        return [row["title"] for row in ana.client.get(ITEMS, query).json()["results"]]

    assert found() == ["Tired?", "Mine"]
    assert found(kind="help_article") == ["Tired?"]
    assert found(tags="FATIGUE") == ["Tired?", "Mine"]
    assert found(tags=tag_id(ana.user, "fatigue")) == ["Mine"]
    assert found(tags="fatigue,fever") == []
    assert [row["is_own"] for row in ana.client.get(ITEMS).json()["results"]] == [False, True]
    assert ana.client.get(f"{ITEMS}{mine.pk}/").json()["description"] == ""
    assert ana.client.get(f"{ITEMS}{article.pk}/").json()["slug"] == "tired"
    assert bob.client.get(f"{ITEMS}{mine.pk}/").json()["code"] == "catalog.no_such_item"
    assert ItemTag.objects.count() == 4


@pytest.mark.parametrize("tags", [",", "a,,b", "x" * 256, ",".join("abcdefghij" * 6)])
def test_malformed_tags_are_refused_in_the_catalogue_too(ana, tags):
    assert ana.client.get(ITEMS, {"tags": tags}).status_code == 400
