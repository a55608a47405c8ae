"""Every page of the admin site opens, costs the same for many rows, and history is not changed there (K-39)."""

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backend.common.adminpages import History
from backend.tests.pages import NOT_SHOWN, makers, one_more
from backend.tests.stage import Stage

# Every admin page in turn: what runs there has tests of its own, and measuring it again takes half the time.
pytestmark = pytest.mark.no_cover

SITE = f"/{settings.ADMIN_URL}/"
QUERIES_MAX = 16
REGISTERED = {model._meta.label: page for model, page in admin.site._registry.items()}
LENDING = {f"banking.{name}" for name in ("Instalment", "LoanApplication", "LoanProduct", "LoanTerms", "Repayment")}
FRAUD = {label for label in REGISTERED if label.startswith("fraud.")}
# Pages on which nothing at all is saved, by whomever.
HISTORY = {label for label, page in REGISTERED.items() if isinstance(page, History)}


@pytest.fixture
def stage(make_user):
    return Stage(make_user)


@pytest.fixture
def desk(make_user):
    client = Client()
    client.force_login(make_user(email="chief@example.com", is_staff=True, is_superuser=True))
    return client


def address(label: str, tail: str = "") -> str:
    return f"{SITE}{label.lower().replace('.', '/')}/{tail}"


def own_models() -> set[str]:
    return {model._meta.label for model in apps.get_models() if model.__module__.startswith("backend.")}


def test_every_model_has_a_page_or_a_reason():
    """A new model comes with its page (see common/adminpages.py), or with its name in NOT_SHOWN."""
    assert own_models() - set(REGISTERED) - NOT_SHOWN == set()
    assert NOT_SHOWN & set(REGISTERED) == set()


def test_every_page_has_rows_to_be_tried_with():
    """A new page comes with its line in the slice's tests/pages.py."""
    assert set(REGISTERED) - set(makers()) == set()


@pytest.mark.django_db
@pytest.mark.parametrize("label", REGISTERED)
def test_lists_and_forms_open_and_cost_the_same_for_many_rows(desk, stage, label):
    """No N+1; searched, filtered and sorted, too."""
    model = REGISTERED[label].model
    one_more(label, stage)
    desk.get(address(label))
    with CaptureQueriesContext(
        connection,
    ) as few:
        first = desk.get(address(label))
    for _ in range(4):
        one_more(label, stage)

    with CaptureQueriesContext(connection) as many:
        listed = desk.get(address(label))
    with CaptureQueriesContext(connection) as one:
        form = desk.get(address(label, f"{model._default_manager.order_by('-pk').first().pk}/change/"))

    searched = desk.get(address(label), {"q": "1"})
    assert (first.status_code, listed.status_code, form.status_code, searched.status_code) == (200, 200, 200, 200)
    assert len(many) <= len(few) + 1  # The count of a second page.
    assert (len(many) <= QUERIES_MAX, len(one) <= QUERIES_MAX) == (True, True)
    assert "Select an option" not in form.text


@pytest.mark.django_db
def test_every_index_and_every_form_for_something_new_opens(desk):
    paths = [SITE, f"{SITE}password_change/", f"{SITE}two-factor/", *(address(label, "add/") for label in REGISTERED)]
    statuses = {path: desk.get(path).status_code for path in paths}

    closed = {address(label, "add/") for label in HISTORY}
    assert {path for path, status in statuses.items() if status != 200} == closed
    assert {statuses[path] for path in closed} == {403}


@pytest.mark.django_db
@pytest.mark.parametrize("label", sorted(HISTORY))
def test_history_is_neither_changed_nor_deleted(desk, stage, label):
    """BUG-S2-33: not even by a superuser."""
    one_more(label, stage)
    model = REGISTERED[label].model
    before = list(model._default_manager.order_by("pk").values())
    pk = before[-1][model._meta.pk.attname]

    answers = [
        desk.post(address(label, f"{pk}/change/"), {"_save": "Save"}),
        desk.post(address(label, f"{pk}/delete/"), {"post": "yes"}),
    ]
    desk.post(address(label), {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})

    assert [answer.status_code for answer in answers] == [403, 403]
    assert list(model._default_manager.order_by("pk").values()) == before


@pytest.mark.django_db
def test_a_row_of_each_model_can_be_named(stage):
    """BUG-S0-21: a name that is no text breaks every page that shows the row."""
    for label, make in makers().items():
        make(stage)
        assert isinstance(str(apps.get_model(label)._default_manager.first()), str), label


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("roles", "seen"),
    [
        ((), set()),
        (("SUPPORT_AGENT",), set()),
        (("BANK_ADMIN",), {"audit.AuditLog", "audit.SecurityEvent", *FRAUD, *LENDING}),
        (("AUDITOR",), {"audit.AuditLog", "audit.SecurityEvent", "audit.AuditSeal", *FRAUD, *LENDING}),
    ],
)
def test_staff_see_what_their_roles_show(make_user, stage, roles, seen):
    """design.md section 3: staff alone sees nobody's data."""
    client = Client()
    client.force_login(make_user(*(roles or ("CUSTOMER",)), is_staff=True))

    statuses = {label: client.get(address(label)).status_code for label in REGISTERED}

    assert {label for label, status in statuses.items() if status == 200} == seen
    assert client.get(SITE).status_code == 200
