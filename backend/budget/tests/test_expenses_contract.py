"""S1-R10 to S1-R17 replayed call by call: statuses and shapes as the mobile app knows them."""

import uuid
from urllib.parse import urlencode

import pytest

from backend.audit.models import AuditLog
from backend.budget.models import Entry
from backend.budget.tests.factories import (
    EXPENSES,
    INCOMES,
    expense_body,
    groceries,
    income_body,
    make_expense,
    salary,
    state_of_everything,
    today,
)

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"
SAVEPOINTS = 2  # in place of BEGIN and COMMIT, which are not counted


def test_an_expense_through_its_whole_life(make_user, client_of):
    user = make_user()
    client = client_of(user)
    body = expense_body(amount=7.5)

    added = client.post(EXPENSES, body)

    whole = {**body, "id": added.json()["id"], "amount": "7.50", "user": user.pk}
    address = f"{EXPENSES}{whole['id']}/"
    assert (added.status_code, added.json()) == (202, whole)
    assert uuid.UUID(whole["id"]).version == 4
    assert (client.get(EXPENSES).status_code, client.get(EXPENSES).json()) == (200, [whole])
    assert (client.get(address).status_code, client.get(address).json()) == (200, whole)

    changed = client.put(address, {"title": "Rolls", "creation_date": "2024-02-29", "creation_time": "23:59:59"})

    assert changed.status_code == 202
    kept = {name: whole[name] for name in ("description", "amount", "user", "category", "subcategory")}
    assert changed.json() == {**kept, "title": "Rolls"}
    assert client.get(address).json() == {
        **whole,
        "title": "Rolls",
        "creation_date": "2024-02-29",
        "creation_time": "23:59:59",
    }

    deleted = client.delete(address)

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert client.get(address).status_code == 404
    assert client.get(EXPENSES).json() == []
    actions = AuditLog.objects.filter(target_id=whole["id"]).order_by("id").values_list("actor_id", "action")
    assert list(actions) == [(user.pk, f"expense.{done}") for done in ("created", "changed", "deleted")]


def test_an_income_has_no_subcategory(make_user, client_of):
    user = make_user()
    client = client_of(user)
    body = income_body(amount="1200")

    added = client.post(INCOMES, {**body, "subcategory": str(groceries().pk)})

    whole = {**body, "id": added.json()["id"], "amount": "1200.00", "user": user.pk}
    address = f"{INCOMES}{whole['id']}/"
    assert (added.status_code, added.json()) == (202, whole)
    assert client.get(INCOMES).json() == [whole]
    changed = client.put(address, {"amount": "1300.10"})
    assert changed.status_code == 202
    kept = {name: whole[name] for name in ("title", "description", "user", "category")}
    assert changed.json() == {**kept, "amount": "1300.10"}
    assert client.delete(address).status_code == 204
    assert client.get(EXPENSES).json() == []


def test_a_new_expense_is_in_a_list_fetched_before(make_user, client_of):
    """E-S1-10, BUG-S1-20: nothing is cached, so nothing is stale."""
    client = client_of(make_user())
    assert client.get(EXPENSES).json() == []

    client.post(EXPENSES, expense_body())

    assert [row["title"] for row in client.get(EXPENSES).json()] == ["Bread"]


@pytest.mark.parametrize(
    "amount",
    [
        0,
        "0",
        "0.00",
        -1,
        "-5.00",
        "1.001",
        1.005,
        1e9,
        "1e9",
        "NaN",
        "Infinity",
        "",
        "ten",
        None,
        True,
        [],
        {},
        "9" * 999,
    ],
)
def test_an_amount_that_is_none_is_refused(amount, make_user, client_of):
    """E-S1-6, S1-B13, BUG-S1-13: 400, never a crash, and nothing is stored."""
    user = make_user()
    client, entry = client_of(user), make_expense(user)
    before = state_of_everything()

    answers = [
        client.post(EXPENSES, {**expense_body(), "amount": amount}),
        client.put(f"{EXPENSES}{entry.pk}/", {"amount": amount}),
    ]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert [list(answer.json()) for answer in answers] == [["amount"], ["amount"]]
    assert state_of_everything() == before


@pytest.mark.parametrize(
    ("amount", "stored"),
    [("10.00", "10.00"), (10, "10.00"), (0.01, "0.01"), ("1E+2", "100.00"), (" 3.5 ", "3.50"), ("99999999.99",) * 2],
)
def test_an_amount_may_be_a_number_or_text(amount, stored, make_user, client_of):
    """E-S1-6."""
    answer = client_of(make_user()).post(EXPENSES, expense_body(amount=amount))

    assert (answer.status_code, answer.json()["amount"]) == (202, stored)


@pytest.mark.parametrize(
    "field", ["title", "description", "amount", "creation_date", "creation_time", "category", "subcategory"]
)
def test_every_field_is_needed(field, make_user, client_of):
    """BUG-S1-13: what is missing is named, whether the body is JSON or a form."""
    client = client_of(make_user())
    before = state_of_everything()

    as_json = client.post(EXPENSES, expense_body(**{field: None}))
    as_form = client.post(EXPENSES, urlencode(expense_body(**{field: None})), content_type=FORM)

    assert [(answer.status_code, list(answer.json())) for answer in (as_json, as_form)] == [(400, [field])] * 2
    assert state_of_everything() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "x" * 101),
        ("title", " "),
        ("title", 5),
        ("title", "nul \x00"),
        ("description", "x" * 101),
        ("creation_date", "2026-02-29"),
        ("creation_date", "29.02.2024"),
        ("creation_date", 20240229),
        ("creation_time", "25:00:00"),
        ("creation_time", "noon"),
        ("category", "food"),
        ("category", None),
        ("subcategory", "00000000-0000-4000-8000-000000000000"),
    ],
)
def test_what_does_not_fit_a_field_is_refused(field, value, make_user, client_of):
    user = make_user()
    client, entry = client_of(user), make_expense(user)
    before = state_of_everything()

    answers = [
        client.post(EXPENSES, {**expense_body(), field: value}),
        client.put(f"{EXPENSES}{entry.pk}/", {field: value}),
    ]

    assert [(answer.status_code, list(answer.json())) for answer in answers] == [(400, [field])] * 2
    assert state_of_everything() == before


def test_categories_must_fit_each_other_and_the_entry(make_user, client_of):
    """E-S1-8, BUG-S1-16."""
    user = make_user()
    client, entry = client_of(user), make_expense(user)
    elsewhere, income = str(_another_category().pk), str(salary().pk)
    before = state_of_everything()

    refused = {
        "subcategory not under it": (client.post(EXPENSES, expense_body(category=elsewhere)), "subcategory"),
        "category of income": (client.post(EXPENSES, expense_body(category=income)), "category"),
        "income under expenses": (client.post(INCOMES, income_body(category=elsewhere)), "category"),
        "no such category": (client.post(EXPENSES, expense_body(category=str(uuid.uuid4()))), "category"),
        "moved alone": (client.put(f"{EXPENSES}{entry.pk}/", {"category": elsewhere}), "subcategory"),
        "moved to income": (client.put(f"{EXPENSES}{entry.pk}/", {"category": income}), "category"),
    }

    assert {case: (answer.status_code, list(answer.json())) for case, (answer, _) in refused.items()} == {
        case: (400, [field]) for case, (_, field) in refused.items()
    }
    assert state_of_everything() == before


@pytest.mark.parametrize("body", [[], "text", 5, [{"title": "x"}]])
def test_a_body_that_is_no_object_is_refused(body, make_user, client_of):
    user = make_user()
    client, entry = client_of(user), make_expense(user)

    answers = [client.post(EXPENSES, body), client.put(f"{EXPENSES}{entry.pk}/", body)]

    assert [answer.status_code for answer in answers] == [400, 400]


def test_a_form_is_as_good_as_json(make_user, client_of):
    """BUG-S1-13: also where it is not changed."""
    client = client_of(make_user())

    added = client.post(EXPENSES, urlencode(expense_body(amount="3.20")), content_type=FORM)
    changed = client.put(f"{EXPENSES}{added.json()['id']}/", "title=Rolls", content_type=FORM)

    assert (added.status_code, added.json()["amount"]) == (202, "3.20")
    assert (changed.status_code, changed.json()["title"], changed.json()["amount"]) == (202, "Rolls", "3.20")


def test_a_change_keeps_the_rest_and_the_owner(make_user, client_of):
    """E-S1-7, BUG-S1-14: `user`, `id` and `kind` in the body are ignored."""
    user, other = make_user(), make_user()
    entry = make_expense(user, title="Old")
    body = {"title": "New", "user": other.pk, "id": str(uuid.uuid4()), "kind": "income"}

    answer = client_of(user).put(f"{EXPENSES}{entry.pk}/", body)

    stored = Entry.objects.get()
    assert (answer.status_code, answer.json()["user"]) == (202, user.pk)
    assert (stored.pk, stored.user_id, stored.kind, stored.title) == (entry.pk, user.pk, "expense", "New")
    assert (stored.amount, stored.creation_date) == (entry.amount, entry.creation_date)


def test_a_change_that_changes_nothing_is_not_recorded(make_user, client_of):
    user = make_user()
    client, entry = client_of(user), make_expense(user)
    before = state_of_everything()

    answers = [client.put(f"{EXPENSES}{entry.pk}/", body) for body in ({}, {"title": entry.title})]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert state_of_everything() == before


def test_what_is_anothers_does_not_exist(make_user, client_of):
    """BUG-S1-15: 404, as for an id that nobody has. An income is no expense either."""
    entry, stranger = make_expense(make_user()), client_of(make_user(is_staff=True, is_superuser=True))
    before = state_of_everything()

    answers = [
        getattr(stranger, method)(f"{address}{pk}/", {"title": "x"} if method == "put" else None)
        for method in ("get", "put", "delete")
        for address, pk in ((EXPENSES, entry.pk), (INCOMES, entry.pk), (EXPENSES, uuid.uuid4()))
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["code"] for answer in answers} == {"entry.unknown"}
    assert stranger.get(EXPENSES).json() == []
    assert state_of_everything() == before


def test_a_resent_expense_is_stored_once(make_user, client_of):
    user = make_user()
    client = client_of(user)
    body = expense_body(client_id="phone-1")

    first, again = client.post(EXPENSES, body), client.post(EXPENSES, body)
    another = client.post(EXPENSES, {**body, "amount": "8.00"})
    of_another_person = client_of(make_user()).post(EXPENSES, body)

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert (another.status_code, another.json()["code"], another.json()["id"]) == (
        409,
        "client_id_conflict",
        first.json()["id"],
    )
    assert of_another_person.status_code == 202
    assert Entry.objects.filter(user=user).count() == 1
    assert AuditLog.objects.filter(action="expense.created", actor_id=user.pk).count() == 1


def test_query_counts_do_not_grow(make_user, client_of, django_assert_num_queries):
    user = make_user()
    client = client_of(user)
    for _ in range(30):
        entry = make_expense(user)
    client.get(EXPENSES)  # From here on the cache knows who asks.

    for address in (EXPENSES, f"{EXPENSES}?cursor=&page_size=20", f"{EXPENSES}{entry.pk}/", f"{EXPENSES}deleted/"):
        with django_assert_num_queries(1):
            assert client.get(address).status_code == 200
    past, present = expense_body(), expense_body(creation_date=str(today()))
    with django_assert_num_queries(2 + SAVEPOINTS):  # the entry, the audit row
        client.post(EXPENSES, past)
    with django_assert_num_queries(2 + SAVEPOINTS):  # the first one finds its budget, too
        client.post(EXPENSES, present)


def _another_category():
    return groceries().category.__class__.objects.filter(type="expense").exclude(pk=groceries().category_id).first()
