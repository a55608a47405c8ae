"""Help articles: staff write and publish, everybody signed in reads, others are told no."""

import pytest

from backend.audit.models import AuditLog
from backend.catalog import selectors
from backend.catalog.models import Item
from backend.catalog.tests.factories import ARTICLES, actions, add_article, names_on, rows

pytestmark = pytest.mark.django_db

BODY = {
    "title": "How to close an account",
    "description": "Pay what is open, then ask us.",
    "tags": [{"name": "account"}],
}


def at(article: Item, act: str = "") -> str:
    return f"{ARTICLES}{article.slug}/{act}"


def test_an_article_is_written_published_changed_withdrawn_and_deleted(writer, ana):
    written = writer.client.post(ARTICLES, BODY)
    article = Item.objects.get()
    hidden = ana.client.get(at(article))
    published = writer.client.post(at(article, "publish/"))
    again = writer.client.post(at(article, "publish/"))
    read = ana.client.get(at(article))
    changed = writer.client.patch(at(article), {"title": "Closing an account", "tags": [], "expected_version": 1})
    withdrawn = writer.client.post(at(article, "withdraw/"))
    gone = ana.client.get(at(article))
    deleted = writer.client.delete(at(article))

    assert [written.status_code, hidden.status_code, published.status_code] == [201, 404, 200]
    assert (written.json()["slug"], written.json()["state"]) == ("how-to-close-an-account", "draft")
    assert again.json()["published_at"] == published.json()["published_at"]
    assert read.json() == published.json()
    assert sorted(read.json()) == sorted(
        [
            *("id", "slug", "title", "description", "excerpt", "state", "version", "image"),
            *("published_at", "created_at", "updated_at", "tags"),
        ]
    )
    assert (changed.json()["title"], changed.json()["version"], changed.json()["tags"]) == ("Closing an account", 2, [])
    assert changed.json()["slug"] == "how-to-close-an-account"
    assert (withdrawn.json()["state"], gone.status_code, deleted.status_code) == ("draft", 404, 204)
    assert actions() == [f"help_article.{act}" for act in ("written", "published", "changed", "withdrawn", "deleted")]
    assert set(AuditLog.objects.filter(action__startswith="help").values_list("actor_id", flat=True)) == {
        writer.user.pk
    }


@pytest.mark.parametrize("role", ["CUSTOMER", "SUPPORT_AGENT", "BANK_ADMIN", "AUDITOR"])
def test_whoever_is_no_staff_writes_nothing(writer, s3_person, role):
    """A role is no flag: a colleague with the staff flag writes."""
    article, draft = add_article(writer.user, "Read me", "kept"), add_article(writer.user, "Draft", published=False)
    reader = s3_person(role)
    before = rows()

    refused = [
        reader.client.post(ARTICLES, BODY),
        reader.client.post(ARTICLES, {}),
        reader.client.patch(at(article), {"title": "Mine"}),
        reader.client.patch(at(article), {"title": ""}),
        reader.client.post(at(draft, "publish/")),
        reader.client.post(at(article, "withdraw/")),
        reader.client.delete(at(article)),
        reader.client.get(ARTICLES, {"state": "draft"}),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(403, "help.staff_only")}
    assert [row["title"] for row in reader.client.get(ARTICLES).json()["results"]] == ["Read me"]
    assert rows() | {"AuditLog": 0} == before | {"AuditLog": 0}
    assert names_on(article) == {"kept"}


def test_drafts_are_listed_for_staff(writer):
    add_article(writer.user, "Draft", published=False)
    add_article(writer.user, "Read me")

    assert [row["title"] for row in writer.client.get(ARTICLES, {"state": "draft"}).json()["results"]] == ["Draft"]
    assert "description" not in writer.client.get(ARTICLES).json()["results"][0]


def test_a_stale_change_is_refused_and_told_the_version(writer):
    article = add_article(writer.user, "Read me")
    writer.client.patch(at(article), {"title": "First"})

    answer = writer.client.patch(at(article), {"title": "Second", "expected_version": 1})

    assert (answer.status_code, answer.json()["code"], answer.json()["version"]) == (409, "help.stale_version", 2)
    assert Item.objects.get().title == "First"


@pytest.mark.parametrize(
    "change",
    [{"title": ""}, {"title": "x" * 256}, {"description": 5}, {"tags": "x"}, {"expected_version": 0}],
    ids=str,
)
def test_bad_fields_are_refused_by_name(writer, change):
    article = add_article(writer.user, "Read me")

    answer = writer.client.patch(at(article), change)

    assert (answer.status_code, list(answer.json())) == (400, list(change))
    assert Item.objects.get().version == 1


@pytest.mark.parametrize("act", ["", "publish/", "withdraw/"])
def test_an_unknown_article_is_404(writer, act):
    url = f"{ARTICLES}no-such/{act}"
    answer = writer.client.post(url) if act else writer.client.patch(url, {"title": "x"})

    assert (answer.status_code, answer.json()["code"]) == (404, "help.no_such_article")


def test_a_title_without_letters_has_an_address_too(writer):
    assert [writer.client.post(ARTICLES, {"title": title}).json()["slug"] for title in ("???", "!!!")] == [
        "article",
        "article-2",
    ]


def test_questions_in_ones_own_words_find_the_articles_that_answer(writer, ana):
    """What the assistant and the console read: any word counts, the more the better; drafts are never shown."""
    add_article(writer.user, "Closing an account", "account", description="Pay what is open first.")
    add_article(writer.user, "Lost card", "card", description="Block it in the app; your account stays open.")
    add_article(writer.user, "Account secrets", published=False)
    add_article(writer.user, "Opening hours")

    found = selectors.find_help_articles(query="How do I close my account, please?", limit=2)

    assert [article.title for article in found] == ["Closing an account", "Lost card"]
    assert (found[0].slug, found[0].tags) == ("closing-an-account", ("account",))
    assert selectors.find_help_articles(query="xylophone") == selectors.find_help_articles(query="  ") == []
