"""Categories and subcategories (S1-R18 to S1-R25): everybody reads, staff write, nothing in use goes."""

import uuid
from contextlib import ExitStack
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from backend.audit.models import AuditLog
from backend.budget.categories_needed import PLACES
from backend.budget.errors import CategoryInUse, InvalidField
from backend.budget.models import Category, Entry, SubCategory
from backend.budget.services import budgets, categories, entries
from backend.budget.tests.factories import (
    CATEGORIES,
    SUBCATEGORIES,
    groceries,
    make_expense,
    make_income,
    salary,
    state_of_everything,
)
from backend.common.unit_of_work import unit_of_work
from backend.identity.principals import principal_of
from backend.tests.commits import in_background, in_parallel, wait_until_one_waits_for_us

BODY = {"name": "Garden", "description": "Plants", "type": "expense", "hexColor": "#00aa00"}


@pytest.fixture
def staff(make_user, client_of):
    return client_of(make_user(is_staff=True))


@pytest.mark.django_db
def test_a_category_through_its_whole_life(staff, make_user, client_of):
    """S1-R18 to S1-R22. BUG-S1-17: its type can change, and reading it is 200."""
    anybody = client_of(make_user())

    added = staff.post(CATEGORIES, BODY)

    whole = {**BODY, "id": added.json()["id"]}
    address = f"{CATEGORIES}{whole['id']}/"
    assert (added.status_code, added.json()) == (202, whole)
    assert whole in anybody.get(CATEGORIES).json()
    assert (anybody.get(address).status_code, anybody.get(address).json()) == (200, whole)
    changed = staff.put(address, {"type": "Income", "hexColor": "#0A0"})
    assert (changed.status_code, changed.json()) == (202, {**whole, "type": "income", "hexColor": "#0A0"})
    deleted = staff.delete(address)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert staff.delete(address).status_code == staff.get(address).status_code == 404
    actions = AuditLog.objects.filter(target_id=whole["id"]).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["category.created", "category.changed", "category.deleted"]


@pytest.mark.django_db
def test_a_subcategory_through_its_whole_life(staff, make_user, client_of):
    anybody, food = client_of(make_user()), groceries().category
    body = {"name": "Cakes", "description": "", "hexColor": "#ffffff", "category": str(food.pk)}

    added = staff.post(SUBCATEGORIES, {**body, "type": "expense"})

    whole = {**body, "id": added.json()["id"]}
    address = f"{SUBCATEGORIES}{whole['id']}/"
    assert (added.status_code, added.json()) == (202, whole)
    assert whole in anybody.get(f"{SUBCATEGORIES}?category_id={food.pk}").json()
    assert (anybody.get(address).status_code, anybody.get(address).json()) == (200, whole)
    changed = staff.put(address, {"name": "Pies"})
    assert (changed.status_code, changed.json()) == (202, {**whole, "name": "Pies"})
    assert staff.delete(address).status_code == 204
    assert staff.delete(address).status_code == staff.put(address, {}).status_code == 404


@pytest.mark.django_db
def test_lists_are_narrowed_and_cost_one_query(staff, django_assert_num_queries):
    everything = staff.get(CATEGORIES).json()

    for query in ("type=income", "Type=Income"):
        with django_assert_num_queries(1):
            found = staff.get(f"{CATEGORIES}?{query}").json()
        assert {row["type"] for row in found} == {"income"}
        assert found == [row for row in everything if row["type"] == "income"]
    with django_assert_num_queries(1):
        found = staff.get(SUBCATEGORIES).json()
    assert len(found) == SubCategory.objects.count()
    assert staff.get(f"{SUBCATEGORIES}?category_id={uuid.uuid4()}").json() == []
    refused = [staff.get(f"{CATEGORIES}?type=x"), staff.get(f"{SUBCATEGORIES}?category_id=x")]
    assert [answer.status_code for answer in refused] == [400, 400]


@pytest.mark.django_db
def test_only_staff_write(make_user, client_of):
    """BUG-S1-18: 403, before the body is looked at."""
    plain, support = client_of(make_user()), client_of(make_user("SUPPORT_AGENT"))
    place = groceries()
    before = state_of_everything()

    answers = [
        getattr(client, method)(address, {})
        for client in (plain, support)
        for method, address in (
            ("post", CATEGORIES),
            ("put", f"{CATEGORIES}{place.category_id}/"),
            ("delete", f"{CATEGORIES}{place.category_id}/"),
            ("post", SUBCATEGORIES),
            ("put", f"{SUBCATEGORIES}{place.pk}/"),
            ("delete", f"{SUBCATEGORIES}{place.pk}/"),
        )
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert {answer.json()["code"] for answer in answers} == {"category.staff_only"}
    assert state_of_everything() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("hexColor", color) for color in ("green", "#12345", "#1234567", "123456", "#ggg000", 5, "")],
        *[("type", word) for word in ("asset", "", None, 1)],
        *[("name", name) for name in ("", "x" * 101, None, ["a"])],
        ("description", "x" * 101),
    ],
)
def test_what_does_not_fit_is_refused(staff, field, value):
    """BUG-S1-16."""
    place = groceries()
    before = state_of_everything()

    answers = [
        staff.post(CATEGORIES, {**BODY, field: value}),
        staff.put(f"{CATEGORIES}{place.category_id}/", {field: value}),
        staff.post(CATEGORIES, {name: given for name, given in BODY.items() if name != field}),
    ]

    assert [(answer.status_code, list(answer.json())) for answer in answers] == [(400, [field])] * 3
    assert state_of_everything() == before


@pytest.mark.django_db
def test_a_subcategory_needs_a_category_that_exists(staff):
    body = {"name": "x", "description": "", "hexColor": "#ffffff", "category": str(uuid.uuid4())}
    place = groceries()

    answers = [
        staff.post(SUBCATEGORIES, body),
        staff.put(f"{SUBCATEGORIES}{place.pk}/", {"category": body["category"]}),
        staff.post(SUBCATEGORIES, {**body, "category": "food"}),
    ]

    assert [(answer.status_code, list(answer.json())) for answer in answers] == [(400, ["category"])] * 3


@pytest.mark.django_db
def test_what_is_in_use_stays_and_says_by_what(staff, make_user):
    """E-S1-11, S1-B15: also by what was deleted and can be brought back."""
    user = make_user()
    actor = principal_of(user)
    place, pay = groceries(), salary()
    kept = make_expense(user)
    make_expense(user)
    entries.delete_entry(actor=actor, kind="expense", entry_id=kept.pk)
    make_income(user)
    budgets.set_budget(actor=actor, category_id=place.category_id, amount=Decimal(100))
    before = state_of_everything()

    food = staff.delete(f"{CATEGORIES}{place.category_id}/")
    income = staff.delete(f"{CATEGORIES}{pay.pk}/")
    sub = staff.delete(f"{SUBCATEGORIES}{place.pk}/")
    other_type = staff.put(f"{CATEGORIES}{pay.pk}/", {"type": "expense"})
    moved = staff.put(f"{SUBCATEGORIES}{place.pk}/", {"category": str(other_category().pk)})

    subs = SubCategory.objects.filter(category_id=place.category_id).count()
    assert (food.status_code, food.json()) == (
        400,
        {
            "detail": f"It cannot be deleted: in use by {subs} subcategories and 2 expenses and 1 budget.",
            "code": "category.in_use",
            "subcategories": subs,
            "expenses": 2,
            "budgets": 1,
        },
    )
    assert (income.status_code, income.json()["incomes"]) == (400, 1)
    assert (sub.status_code, sub.json()["expenses"]) == (400, 2)
    assert (other_type.status_code, other_type.json()["code"]) == (400, "category.in_use")
    assert (moved.status_code, moved.json()["code"]) == (400, "category.in_use")
    assert state_of_everything() == before


@pytest.mark.django_db
def test_what_the_bank_itself_needs_stays(staff):
    answers = [staff.delete(f"{CATEGORIES}{place.category_id}/") for place in PLACES]
    answers += [staff.delete(f"{SUBCATEGORIES}{place.subcategory_id}/") for place in PLACES if place.subcategory_id]
    answers.append(staff.put(f"{CATEGORIES}{PLACES[0].category_id}/", {"type": "income"}))
    renamed = staff.put(f"{CATEGORIES}{PLACES[0].category_id}/", {"name": "Our bank"})

    assert {answer.status_code for answer in answers} == {400}
    assert (renamed.status_code, renamed.json()["name"]) == (202, "Our bank")


def test_a_category_deleted_while_an_expense_is_added_one_of_both_wins(committed, make_user):
    """The expense's transaction is open: the deletion waits for it, and is refused."""
    user, boss = make_user(), principal_of(make_user(is_staff=True))
    category = Category.objects.create(name="New", type="expense", hex_color="#123456")
    sub = SubCategory.objects.create(name="New", hex_color="#123456", category=category)

    with ExitStack() as afterwards:
        with unit_of_work():
            make_expense(user, category_id=category.pk, subcategory_id=sub.pk)
            deletion = in_background(lambda: categories.delete_subcategory(actor=boss, subcategory_id=sub.pk))
            outcome = afterwards.enter_context(deletion)
            wait_until_one_waits_for_us()
        refused = outcome()

    assert isinstance(refused, CategoryInUse)
    assert (SubCategory.objects.filter(pk=sub.pk).count(), Entry.objects.count()) == (1, 1)


def test_expenses_and_deletions_at_the_same_moment_leave_no_orphan(committed, make_user):
    user, boss = make_user(), principal_of(make_user(is_staff=True))
    for _ in range(5):
        category = Category.objects.create(name="New", type="income", hex_color="#123456")
        before = Entry.objects.count()

        outcomes = in_parallel(
            lambda pk=category.pk: categories.delete_category(actor=boss, category_id=pk),
            lambda pk=category.pk: make_income(user, category_id=pk),
        )

        is_left = Category.objects.filter(pk=category.pk).exists()
        assert Entry.objects.count() - before == is_left
        assert {type(one) for one in outcomes} & {CategoryInUse, InvalidField}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sql", "constraint"),
    [
        ("UPDATE budget_entry SET category_id = %(pay)s", "budget_entry_category_of_kind"),
        ("UPDATE budget_entry SET kind = 'income', subcategory_id = NULL", "budget_entry_category_of_kind"),
        ("UPDATE budget_entry SET subcategory_id = %(rent)s", "budget_entry_subcategory_of_category"),
        ("UPDATE budget_entry SET subcategory_id = NULL", "budget_entry_expense_has_subcategory"),
        ("UPDATE budget_entry SET amount = 0", "budget_entry_amount_positive"),
        ("UPDATE budget_category SET type = 'income' WHERE id = %(food)s", "budget_entry_category_of_kind"),
        ("UPDATE budget_category SET type = 'asset'", "budget_category_type_known"),
        ("UPDATE budget_category SET hex_color = 'green'", "budget_category_color"),
        ("UPDATE budget_subcategory SET hex_color = '#12'", "budget_subcategory_color"),
        ("UPDATE budget_budget SET category_id = %(pay)s", "budget_budget_category_of_kind"),
        ("UPDATE budget_budget SET kind = 'income', category_id = %(pay)s", "budget_budget_of_expenses"),
        ("UPDATE budget_budget SET amount = -1", "budget_budget_amount_positive"),
        ("DELETE FROM budget_subcategory WHERE id = %(groceries)s", "budget_entry_subcategory_of_category"),
    ],
)
def test_the_database_itself_refuses_what_can_never_be(make_user, sql, constraint):
    """E-S1-8 around Python."""
    user, place = make_user(), groceries()
    make_expense(user)
    budgets.set_budget(actor=principal_of(user), category_id=place.category_id, amount=Decimal(5))
    rent = SubCategory.objects.get(name="Rent")
    values = {"pay": salary().pk, "rent": rent.pk, "food": place.category_id, "groceries": place.pk}

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def other_category() -> Category:
    return Category.objects.get(name="Housing")
