"""Undoing a delete for 30 days, and entries that the bank writes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from backend.audit.models import AuditLog
from backend.budget import tasks
from backend.budget.models import Budget, Entry, Import, SubCategory
from backend.budget.selectors.entries import KEPT_FOR
from backend.budget.services import entries
from backend.budget.services.budgets import set_budget
from backend.budget.services.entries import record_money_movement
from backend.budget.services.people import erase_book, export_book
from backend.budget.tests.factories import (
    EXPENSES,
    INCOMES,
    budget_notices,
    expense_body,
    make_expense,
    make_income,
    today,
)
from backend.common import hooks
from backend.common.unit_of_work import unit_of_work
from backend.identity.principals import principal_of
from backend.tests.commits import in_parallel

NOW = datetime(2026, 11, 25, 14, 30, 5, 999, tzinfo=UTC)


def age(**by):
    Entry.objects.filter(deleted_at__isnull=False).update(deleted_at=datetime.now(UTC) - KEPT_FOR + timedelta(**by))


@pytest.mark.django_db
@pytest.mark.parametrize(("url", "make"), [(EXPENSES, make_expense), (INCOMES, make_income)])
def test_what_was_deleted_can_be_brought_back(make_user, client_of, url, make):
    user = make_user()
    client, entry = client_of(user), make(user)
    before = client.get(url).json()
    client.delete(f"{url}{entry.pk}/")

    gone = [
        client.get(url).json(),
        client.put(f"{url}{entry.pk}/", {}).status_code,
        client.delete(f"{url}{entry.pk}/").status_code,
    ]
    (deleted,) = client.get(f"{url}deleted/").json()
    restored = client.post(f"{url}{entry.pk}/restore/")
    again = client.post(f"{url}{entry.pk}/restore/")

    assert gone == [[], 404, 404]
    assert {name: value for name, value in deleted.items() if name != "deleted_at"} == before[0]
    assert deleted["deleted_at"].endswith("Z")
    assert (restored.status_code, restored.json()) == (again.status_code, again.json()) == (200, before[0])
    assert client.get(url).json() == before
    assert client.get(f"{url}deleted/").json() == []
    assert AuditLog.objects.filter(action=f"{entry.kind}.restored").count() == 1


@pytest.mark.django_db
def test_after_30_days_it_is_gone_for_good(make_user, client_of):
    user = make_user()
    client, entry, kept = client_of(user), make_expense(user), make_expense(user)
    client.delete(f"{EXPENSES}{entry.pk}/")
    age(seconds=5)
    assert len(client.get(f"{EXPENSES}deleted/").json()) == 1
    assert tasks.purge() == 0
    age(seconds=-5)

    shown = client.get(f"{EXPENSES}deleted/").json()
    restored = client.post(f"{EXPENSES}{entry.pk}/restore/")
    purged = [tasks.purge(), tasks.purge()]

    assert (shown, restored.status_code, purged) == ([], 404, [1, 0])
    assert list(Entry.objects.values_list("pk", flat=True)) == [kept.pk]
    assert AuditLog.objects.get(action="entries.purged").facts == {"count": 1}


def test_restorations_at_the_same_moment_count_once(committed, make_user):
    user = make_user()
    entry, actor = make_expense(user), principal_of(user)
    entries.delete_entry(actor=actor, kind="expense", entry_id=entry.pk)

    outcomes = in_parallel(*[lambda: entries.restore_entry(actor=actor, kind="expense", entry_id=entry.pk)] * 4)

    assert {one.pk for one in outcomes} == {entry.pk}
    assert AuditLog.objects.filter(action="expense.restored").count() == 1
    assert Entry.objects.get().deleted_at is None


def test_a_resent_expense_at_the_same_moment_is_stored_once(committed, make_user, client_of):
    user = make_user()
    client = client_of(user)
    body = expense_body(client_id="phone-1")

    answers = in_parallel(*[lambda: client.post(EXPENSES, body)] * 4)

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Entry.objects.count() == 1


def move(user, reference: str, **changes):
    fields = {"is_outgoing": True, "amount": Decimal("250000000.00"), "at": NOW, "title": "To Ben" * 50, **changes}
    return record_money_movement(user_id=user.pk, reference=reference, **fields)


@pytest.mark.django_db
def test_a_movement_of_money_enters_its_owners_book_once(make_user, client_of):
    sender, receiver = make_user(), make_user()
    set_budget(actor=principal_of(sender), category_id=_bank().pk, amount=Decimal("1.00"))

    with unit_of_work():
        first = move(sender, "posting-1", at=datetime.now(UTC))
        move(receiver, "posting-1", is_outgoing=False)
        again = move(sender, "posting-1")
    move(sender, "posting-2", is_loan_payment=True)

    assert again is None
    rows = {row["id"]: row for row in client_of(sender).get(EXPENSES).json()}
    transfer = rows.pop(str(first.pk))
    (payment,) = rows.values()
    (income,) = client_of(receiver).get(INCOMES).json()
    assert (transfer["amount"], len(transfer["title"])) == ("250000000.00", 100)
    assert (income["creation_date"], income["creation_time"]) == ("2026-11-25", "14:30:05")
    names = {row["subcategory"]: SubCategory.objects.get(pk=row["subcategory"]).name for row in (payment, transfer)}
    assert sorted(names.values()) == ["Loan payments", "Transfers"]
    assert (f"{today():%Y-%m}", 100) in budget_notices(sender)
    assert AuditLog.objects.filter(action="expense.posted", facts={"reference": "posting-1"}).count() == 1


def test_a_movement_is_gone_with_the_posting_that_failed(committed, make_user):
    user = make_user()

    with pytest.raises(RuntimeError), unit_of_work():
        move(user, "posting-1")
        raise RuntimeError("the posting failed")

    assert (Entry.objects.count(), AuditLog.objects.filter(action="expense.posted").count()) == (0, 0)
    assert move(user, "posting-1") is not None


@pytest.mark.django_db
def test_everything_about_oneself_is_exported_and_erased(make_user, client_of):
    user, other = make_user(), make_user()
    for one in (user, other):
        make_expense(one, title="Bread")
        make_income(one)
        set_budget(actor=principal_of(one), category_id=_bank().pk, amount=Decimal("5.00"))
        Import.objects.create(user=one, size=1, name="bank.csv")
    deleted = make_expense(user, title="Gone")
    entries.delete_entry(actor=principal_of(user), kind="expense", entry_id=deleted.pk)
    parts = {}

    export_book(hooks.Export(user.pk, lambda name, rows: parts.update({name: list(rows)})))

    assert sorted(row["title"] for row in parts["budget/entries.json"]) == ["Bread", "Pay"]
    assert [row["title"] for row in parts["budget/deleted.json"]] == ["Gone"]
    assert parts["budget/budgets.json"] == [{"category": "Bank", "amount": "5.00"}]
    assert [row["name"] for row in parts["budget/imports.json"]] == ["bank.csv"]

    erased = client_of(user).delete("/api/user/me/")

    assert erased.status_code == 204
    left = [set(model.objects.values_list("user_id", flat=True)) for model in (Entry, Budget, Import)]
    assert left == [{other.pk}] * 3


def test_the_book_is_registered_for_export_and_erasure():
    assert export_book in hooks.person_exported._listeners
    assert erase_book in hooks.person_erased._listeners


def _bank():
    return SubCategory.objects.get(name="Transfers").category
