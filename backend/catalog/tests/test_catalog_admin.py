"""The admin pages of tests, articles and tags (S3-R16): they load, and write through the services."""

import pytest
from django.conf import settings
from django.test import Client

from backend.audit.models import AuditLog
from backend.catalog.models import Item, Tag
from backend.catalog.tests.factories import actions, add_test, names_on, rows

pytestmark = pytest.mark.django_db

PAGES = f"/{settings.ADMIN_URL}/catalog/"
FORM = {
    "kind": "diagnostic_test",
    "title": "Iron",
    "description": "",
    "time_minutes": "5",
    "price": "9.99",
    "link": "",
    "slug": "",
    "owner": "",
    "published_at_0": "2026-01-01",
    "published_at_1": "10:00",
    "tag_names": "fatigue, Fever ,, fatigue",
}


@pytest.fixture
def desk(make_user):
    client = Client()
    client.chief = make_user(is_staff=True, is_superuser=True)
    client.force_login(client.chief)
    return client


def test_the_pages_load(desk, ana):
    test = add_test(ana.user, "Iron", "fatigue")
    tag = Tag.objects.get()

    pages = [
        *("item/", "item/?q=iron", "item/add/", f"item/{test.pk}/change/", f"item/{test.pk}/delete/"),
        *("tag/", "tag/?q=fat", "tag/add/", f"tag/{tag.pk}/change/", f"tag/{tag.pk}/delete/"),
    ]

    assert {page: desk.get(PAGES + page).status_code for page in pages} == dict.fromkeys(pages, 200)
    assert 'value="fatigue"' in desk.get(f"{PAGES}item/{test.pk}/change/").content.decode()


def test_the_house_s_tests_are_written_there_and_found_by_everybody(desk, ana):
    answer = desk.post(f"{PAGES}item/add/", FORM)

    test = Item.objects.get()
    assert answer.status_code == 302
    assert (test.owner, test.created_by, names_on(test)) == (None, desk.chief, {"fatigue", "Fever"})
    assert [row["title"] for row in ana.client.get("/api/catalog/items/?q=fever iron").json()["results"]] == ["Iron"]

    desk.post(f"{PAGES}item/{test.pk}/change/", {**FORM, "title": "Zinc", "tag_names": ""})
    test.refresh_from_db()
    assert (test.title, test.version, names_on(test)) == ("Zinc", 2, set())

    desk.post(f"{PAGES}item/{test.pk}/delete/", {"post": "yes"})
    assert Item.objects.count() == 0
    assert actions() == ["catalog_item.created", "catalog_item.changed", "catalog_item.deleted"]
    assert set(AuditLog.objects.filter(action__startswith="catalog").values_list("actor_id", flat=True)) == {
        desk.chief.pk
    }


@pytest.mark.parametrize(
    "change",
    [
        {"price": "-1"},
        {"price": "1000"},
        {"price": ""},
        {"time_minutes": "-1"},
        {"kind": "help_article"},
        {"tag_names": "x" * 256},
        {"owner": "self"},
    ],
    ids=str,
)
def test_what_the_database_would_refuse_is_said_in_the_form(desk, change):
    before = rows()
    change = {"owner": desk.chief.pk} if "owner" in change else change  # A private one that is published.

    answer = desk.post(f"{PAGES}item/add/", {**FORM, **change})

    assert (answer.status_code, rows()) == (200, before)


def test_tags_are_kept_and_dropped(desk, ana):
    test = add_test(ana.user, "Iron", "fatigue")
    tag = Tag.objects.get()

    desk.post(f"{PAGES}tag/{tag.pk}/change/", {"name": "weariness"})
    assert names_on(test) == {"weariness"}
    assert desk.post(f"{PAGES}tag/add/", {"name": "weariness", "owner": ana.user.pk}).status_code == 200

    desk.post(f"{PAGES}tag/", {"action": "delete_selected", "_selected_action": [tag.pk], "post": "yes"})
    assert names_on(test) == set()
    assert actions()[1:] == ["catalog_tag.renamed", "catalog_tag.deleted"]


def test_customers_and_plain_staff_do_not_get_in(make_user, ana):
    test = add_test(ana.user)

    for user, status in ((make_user(), 302), (make_user(is_staff=True), 403)):
        client = Client()
        client.force_login(user)
        assert client.get(f"{PAGES}item/{test.pk}/change/").status_code == status
