"""Two requests at once, on real connections (BUG-S3-2, BUG-S3-3, E-S3-4)."""

import pytest

from backend.audit.models import AuditLog
from backend.catalog.errors import TagExists
from backend.catalog.models import Item, ItemTag, Tag
from backend.catalog.services import articles, diagnostic_tests, tags
from backend.catalog.tests.factories import add_article, add_test, names_on
from backend.identity.principals import principal_of
from backend.tests.commits import committed, in_parallel  # noqa: F401 - a fixture

BOTH = {"time_minutes": 1, "price": 1}


@pytest.fixture
def owner(committed, make_user):  # noqa: F811
    return make_user()


def test_nested_creates_at_once_share_their_tags(owner):
    actor = principal_of(owner)
    names = [f"tag {n}" for n in range(20)]
    orders = [names, names[::-1], names[10:] + names[:10], names]

    made = in_parallel(
        *(
            lambda order=order: diagnostic_tests.add_test(actor=actor, title="Test", tags=order, **BOTH)
            for order in orders
        )
    )

    assert [type(item) for item in made] == [Item] * 4
    assert Tag.objects.filter(owner=owner).count() == 20
    assert {frozenset(names_on(item)) for item in made} == {frozenset(names)}


def test_of_two_tags_of_one_name_one_is_made(owner):
    actor = principal_of(owner)

    made = in_parallel(*(lambda: tags.add_tag(actor=actor, name="fever") for _ in range(3)))

    assert sorted(type(one).__name__ for one in made) == ["Tag", "TagExists", "TagExists"]
    assert isinstance(next(one for one in made if not isinstance(one, Tag)), TagExists)
    assert Tag.objects.count() == AuditLog.objects.filter(action="catalog_tag.created").count() == 1


def test_changing_a_test_while_its_tag_is_deleted_or_renamed_ends_well(owner):
    """Whoever is second sees what the first has done; nobody deadlocks."""
    actor = principal_of(owner)
    test = add_test(owner, "Test", "a", "b")
    a, b = (Tag.objects.get(name=name).pk for name in "ab")

    outcomes = in_parallel(
        lambda: diagnostic_tests.change_test(actor=actor, test_id=test.pk, changes={}, tags=["b", "a", "c"]),
        lambda: tags.delete_tag(actor=actor, tag_id=a),
        lambda: tags.rename_tag(actor=actor, tag_id=b, name="d"),
        lambda: diagnostic_tests.change_test(actor=actor, test_id=test.pk, changes={"title": "After"}),
    )

    assert [one for one in outcomes if isinstance(one, Exception)] == []
    test.refresh_from_db()
    assert test.title == "After"
    found = {row["title"] for row in Item.objects.extra(where=["search @@ catalog_query('d', false)"]).values("title")}
    assert (names_on(test) >= {"d"}) == (found == {"After"})
    assert ItemTag.objects.filter(tag_id=a).count() == 0


def test_of_two_editors_who_read_the_same_version_one_is_told(owner, make_user):
    writer = make_user(is_staff=True)
    article, actor = add_article(writer, "How to"), principal_of(writer)

    outcomes = in_parallel(
        *(
            lambda text=text: articles.change_article(
                actor=actor, slug=article.slug, changes={"description": text}, expected_version=1
            )
            for text in ("one", "two")
        )
    )

    assert sorted(type(one).__name__ for one in outcomes) == ["Item", "StaleVersion"]
    article.refresh_from_db()
    winner = next(one for one in outcomes if isinstance(one, Item))
    assert (article.version, article.description) == (2, winner.description)


def test_articles_of_one_title_written_at_once_have_two_addresses(owner, make_user):
    actor = principal_of(make_user(is_staff=True))

    made = in_parallel(*(lambda: articles.write_article(actor=actor, title="How to pay") for _ in range(3)))

    assert sorted(item.slug for item in made) == ["how-to-pay", "how-to-pay-2", "how-to-pay-3"]
