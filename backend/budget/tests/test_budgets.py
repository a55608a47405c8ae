"""Budgets, and being told that they are nearly and wholly spent: once each a month."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backend.audit.models import AuditLog
from backend.budget.errors import BudgetExists
from backend.budget.models import Budget, BudgetNotice
from backend.budget.months import day_after, month_of, months_after, this_month
from backend.budget.services import budgets, entries
from backend.budget.tests.factories import BUDGETS, budget_notices, groceries, make_expense, make_income, salary, today
from backend.identity.principals import principal_of
from backend.realtime.models import Event
from backend.tests.commits import in_parallel
from backend.tests.frames import check_notice_frame


def spend(user, amount: str, *, day: date | None = None, **changes):
    return make_expense(user, amount=Decimal(amount), creation_date=day or today(), **changes)


def with_budget(user, amount: str = "100.00") -> Budget:
    return budgets.set_budget(actor=principal_of(user), category_id=groceries().category_id, amount=Decimal(amount))


MONTH = f"{this_month():%Y-%m}"


@pytest.mark.django_db
def test_a_budget_through_its_whole_life(make_user, client_of, django_assert_num_queries):
    user = make_user()
    client, food = client_of(user), groceries().category
    spend(user, "25.50")
    spend(user, "9.00", day=months_after(this_month(), -1))

    added = client.post(BUDGETS, {"category": str(food.pk), "amount": "40"})

    whole = {
        "id": added.json()["id"],
        "category": str(food.pk),
        "category_name": "Food",
        "amount": "40.00",
        "spent": "25.50",
        "left": "14.50",
        "percent": 63,
    }
    address = f"{BUDGETS}{whole['id']}/"
    assert (added.status_code, added.json()) == (201, whole)
    with django_assert_num_queries(1):
        assert client.get(BUDGETS).json() == [whole]
    before = client.get(f"{address}?month={months_after(this_month(), -1):%Y-%m}").json()
    assert (before["spent"], before["percent"]) == ("9.00", 22)
    changed = client.put(address, {"amount": 20})
    assert (changed.status_code, changed.json()["left"], changed.json()["percent"]) == (200, "-5.50", 127)
    assert client.put(address, {}).json() == changed.json()
    assert client.delete(address).status_code == 204
    assert [client.get(address).status_code, client.delete(address).status_code] == [404, 404]
    actions = AuditLog.objects.filter(target_id=whole["id"]).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["budget.created", "budget.changed", "budget.deleted"]


@pytest.mark.django_db
def test_what_is_no_budget_is_refused(make_user, client_of):
    user = make_user()
    client, food = client_of(user), str(groceries().category_id)
    with_budget(user)

    answers = {
        "twice": client.post(BUDGETS, {"category": food, "amount": "1"}),
        "of income": client.post(BUDGETS, {"category": str(salary().pk), "amount": "1"}),
        "nothing": client.post(BUDGETS, {"category": food, "amount": "0"}),
        "month": client.get(f"{BUDGETS}?month=2026-13"),
        "year 0": client.get(f"{BUDGETS}?month=0000-01"),
        "last month of all": client.get(f"{BUDGETS}?month=9999-12"),
    }

    assert {case: answer.status_code for case, answer in answers.items()} == {
        "twice": 409,
        "of income": 400,
        "nothing": 400,
        "month": 400,
        "year 0": 400,
        "last month of all": 200,
    }
    assert Budget.objects.count() == 1


@pytest.mark.django_db
def test_eighty_and_a_hundred_percent_are_told_once_each(make_user):
    """Whatever brings it about; what shrinks and grows again in the month is not told again."""
    user = make_user()
    actor = principal_of(user)
    with_budget(user)
    told = []
    for amount in ("79.99", "0.01", "0.01", "19.98", "0.01", "500.00"):
        last = spend(user, amount)
        told.append(len(budget_notices(user)))
    entries.delete_entry(actor=actor, kind="expense", entry_id=last.pk)
    spend(user, "500.00")

    assert told == [0, 1, 1, 1, 2, 2]
    assert budget_notices(user) == [(MONTH, 80), (MONTH, 100)]
    for event in Event.objects.filter(kind="budget.reached").select_related("topic"):
        check_notice_frame(frame_of(event))
    payload = Event.objects.filter(kind="budget.reached").order_by("seq").first().payload
    assert {name: payload[name] for name in ("category", "amount", "spent")} == {
        "category": "Food",
        "amount": "100.00",
        "spent": "80.00",
    }


def frame_of(event: Event) -> dict[str, Any]:
    """The notice as the notifications' socket sends it."""
    head = {"topic": event.topic.key, "seq": event.seq, "kind": event.kind}
    return {**head, "timestamp": event.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "payload": event.payload}


@pytest.mark.django_db
def test_one_step_past_both_tells_both(make_user):
    user = make_user()
    with_budget(user)

    spend(user, "130.00")

    assert budget_notices(user) == [(MONTH, 80), (MONTH, 100)]


@pytest.mark.django_db
def test_changes_restorations_and_new_amounts_tell_too(make_user):
    user = make_user()
    actor = principal_of(user)
    budget = with_budget(user)
    old = spend(user, "85.00", day=date(2020, 1, 1))
    assert budget_notices(user) == [], "months that are over are no news"

    entries.change_entry(actor=actor, kind="expense", entry_id=old.pk, changes={"creation_date": today()})
    assert budget_notices(user) == [(MONTH, 80)]
    budgets.change_budget(actor=actor, budget_id=budget.pk, amount=Decimal("85.00"))
    assert budget_notices(user) == [(MONTH, 80), (MONTH, 100)]

    other = make_user()
    with_budget(other)
    deleted = spend(other, "50.00")
    entries.delete_entry(actor=principal_of(other), kind="expense", entry_id=deleted.pk)
    spend(other, "40.00")
    assert budget_notices(other) == []
    entries.restore_entry(actor=principal_of(other), kind="expense", entry_id=deleted.pk)
    assert budget_notices(other) == [(MONTH, 80)]


@pytest.mark.django_db
def test_only_the_owners_expenses_of_the_category_and_month_count(make_user):
    user, stranger = make_user(), make_user()
    with_budget(user)
    next_month = day_after(this_month())

    make_income(user, amount=Decimal("500.00"), creation_date=today())
    spend(stranger, "500.00")
    spend(user, "70.00")
    spend(user, "70.00", day=this_month() - timedelta(days=1))
    spend(user, "70.00", day=next_month)
    assert budget_notices(user) == []
    spend(user, "15.00", day=next_month)

    assert budget_notices(user) == [(f"{next_month:%Y-%m}", 80)]
    assert budget_notices(stranger) == []


@pytest.mark.django_db
def test_a_budget_set_too_late_tells_at_once(make_user):
    user = make_user()
    spend(user, "90.00")

    with_budget(user)

    assert budget_notices(user) == [(MONTH, 80)]


def test_expenses_at_the_same_moment_tell_exactly_once(committed, make_user):
    """None alone passes the threshold: without the lock none of them would see the others."""
    user = make_user()
    with_budget(user)

    outcomes = in_parallel(*[lambda: spend(user, "17.00")] * 6)

    assert [type(one).__name__ for one in outcomes] == ["Entry"] * 6
    assert budget_notices(user) == [(MONTH, 80), (MONTH, 100)]
    assert BudgetNotice.objects.count() == 2


def test_two_budgets_for_one_category_at_once_are_one(committed, make_user):
    user = make_user()

    outcomes = in_parallel(*[lambda: with_budget(user)] * 3)

    assert sorted(type(one).__name__ for one in outcomes) == ["Budget", "BudgetExists", "BudgetExists"]
    assert isinstance(next(one for one in outcomes if isinstance(one, Exception)), BudgetExists)
    assert Budget.objects.count() == 1


def test_months_at_the_ends_of_time():
    first, last = date(1, 1, 1), date(9999, 12, 1)

    assert [months_after(first, -1), months_after(last, 1)] == [first, last]
    assert [day_after(last), day_after(date(2026, 12, 1)), day_after(date(2024, 2, 1))] == [
        date(9999, 12, 31),
        date(2027, 1, 1),
        date(2024, 3, 1),
    ]
    assert [months_after(date(2026, 1, 1), count) for count in (-1, -13, 12)] == [
        date(2025, 12, 1),
        date(2024, 12, 1),
        date(2027, 1, 1),
    ]
    assert month_of(date(2024, 2, 29)) == date(2024, 2, 1)
