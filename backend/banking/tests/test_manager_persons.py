"""What a person may ask of banking: everything about themselves, and to be forgotten once nothing is owed."""

from decimal import Decimal

import pytest

from backend.banking.models import Account, Bank, BankGrant, Customer, Loan
from backend.banking.services import grants, persons
from backend.banking.tests.manager_factories import make_account, make_customer, make_loan
from backend.common import hooks
from backend.common.unit_of_work import unit_of_work
from backend.identity.principals import principal_of


@pytest.fixture
def ana(mona, make_user):
    """A person who is a customer with an account and a loan on record."""
    person = make_user(first_name="Ana", kyc_status="APPROVED")
    customer = make_customer(mona, phone="+351 1", credit_score="700")
    Customer.objects.filter(pk=customer.pk).update(user=person)
    make_loan(mona, account=make_account(mona, customer=customer, monthly_debt="5.00"))
    return person


def exported(user) -> dict:
    parts: dict = {}
    hooks_export = hooks.Export(user.pk, lambda name, rows: parts.__setitem__(name, list(rows)))
    persons.export_banking(hooks_export)
    return parts


def reasons(user) -> list[str]:
    said: list[str] = []
    persons.block_leaving(hooks.Leaving(user.pk, said.append))
    return said


@pytest.mark.django_db
def test_an_export_has_all_of_one_s_own_and_nothing_of_others(ana, mona, otto):
    make_loan(otto)
    grants.add_manager(actor=principal_of(otto), bank_id=Bank.objects.get(manager=otto).pk, email=ana.email)

    parts = exported(ana)

    (customer,), (account,), (loan,) = (parts[f"banking/{name}.json"] for name in ("customer", "accounts", "loans"))
    assert (customer["phone"], customer["credit_score"], customer["banks"][0]["bank"]) == ("+351 1", "700.00", "First")
    assert (account["bank_name"], account["monthly_debt"], loan["loan_status"]) == ("First", "5.00", "Fully Paid")
    assert parts["banking/managed_banks.json"] == [
        {"bank": str(Bank.objects.get(manager=otto).pk), "name": "Second", "is_first": False}
    ]
    assert [rows for name, rows in exported(mona).items() if name != "banking/managed_banks.json"] == [[]] * 5


@pytest.mark.django_db
def test_an_erasure_leaves_the_books_and_nobody_in_them(ana, mona, otto):
    grants.add_manager(actor=principal_of(otto), bank_id=Bank.objects.get(manager=otto).pk, email=ana.email)

    with unit_of_work():
        hooks.person_erased(hooks.Erasure(ana.pk, "Former customer"))

    customer, account = Customer.objects.get(user=ana), Account.objects.get()
    assert (customer.name, customer.phone, customer.credit_score) == ("Former customer", None, None)
    assert (account.status, account.monthly_debt, Loan.objects.count()) == ("closed", None, 1)
    assert not BankGrant.objects.exists()


@pytest.mark.django_db
def test_who_owes_or_manages_settles_that_first(ana, mona, make_user):
    assert (reasons(ana), reasons(make_user())) == ([], [])

    Loan.objects.update(state="active", outstanding=5, loan_status=None, recorded=False)

    assert reasons(ana) == ["You have loans that are not paid back yet."]
    assert reasons(mona) == ["You manage a bank that has customers; have it handed over to somebody else first."]


@pytest.mark.django_db
def test_money_is_taken_out_before_one_leaves_and_its_history_is_one_s_own(ana, mona):
    customer = Customer.objects.get(user=ana)
    make_account(mona, customer=customer, balance=Decimal("5.00"))

    (entry,) = exported(ana)["banking/entries.json"]

    assert (entry["kind"], entry["amount"], entry["balance_after"]) == ("opening", "5.00", "5.00")
    assert reasons(ana) == ["There is money on your accounts; take it out or send it on first."]


@pytest.mark.django_db
def test_the_manager_of_an_empty_bank_may_leave_it(mona):
    with unit_of_work():
        hooks.person_erased(hooks.Erasure(mona.pk, "Former customer"))

    assert (reasons(mona), Bank.objects.get().manager) == ([], None)
