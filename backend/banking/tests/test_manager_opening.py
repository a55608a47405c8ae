"""Registering customers, accounts and loans: at one's own bank, whole, or not at all."""

import uuid
from datetime import date
from decimal import Decimal

import pytest

from backend.audit.models import AuditLog
from backend.banking.models import Account, Bank, Customer, Loan, Registration
from backend.banking.services.accounts import new_number
from backend.banking.tests.manager_factories import everything_stored, make_account, make_customer
from backend.identity.principals import principal_of

ANA = {
    "first_name": "Ana",
    "last_name": "Silva",
    "phone": "+351 912 345 678",
    "credit_score": "720",
    "annual_income": 48000,
    "years_in_current_job": "10+ years",
    "home_ownership": "Have Mortgage",
    "years_of_credit_history": "17.2",
    "number_of_open_accounts": 9,
    "tax_liens": 0,
}
LOAN = {"current_loan_amount": "12000.5", "term": "Short Term", "purpose": "Home Improvements"}


def bank_of(user) -> Bank:
    return Bank.objects.get(manager=user)


@pytest.mark.django_db
def test_a_customer_belongs_to_the_bank_at_once(mona, as_mona):
    """S0-R7, S0-M3; BUG-S0-16: nobody is registered whom nobody can see."""
    answer = as_mona.post("/api/register/customer/", ANA)

    customer = Customer.objects.get()
    assert (answer.status_code, answer.json()) == (
        201,
        {"message": "Customer is registered", "id": str(customer.pk), "customer name": "Ana Silva"},
    )
    assert Registration.objects.get().bank == bank_of(mona)
    shown = as_mona.get(f"/api/customer/{customer.pk}/").json()
    assert shown | ANA == {**shown, "credit_score": "720", "years_of_credit_history": "17.2"}
    assert (shown["credit_score"], shown["years_of_credit_history"], shown["user"]) == ("720.00", "17.20", None)
    assert AuditLog.objects.filter(action="customer.registered", actor_id=mona.pk).count() == 1


@pytest.mark.django_db
def test_an_account_is_opened_and_answered(mona, as_mona):
    """S0-R8, BUG-S0-3: the documented answer, and no fault behind a stored row."""
    customer = make_customer(mona)

    answer = as_mona.post(
        "/api/register/account/",
        {"bank": str(bank_of(mona).pk), "customer": str(customer.pk), "account_number": "42", "monthly_debt": "5"},
    )

    account = Account.objects.get()
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "message": "Account is registered",
            "id": str(account.pk),
            "account number": "42",
            "bank": str(bank_of(mona).pk),
        },
    )
    shown = as_mona.get(f"/api/account/{account.pk}/").json()
    assert (shown["balance"], shown["is_active"], shown["currency"]) == ("0.00", True, "USD")
    assert (shown["monthly_debt"], shown["customer"]) == ("5.00", str(customer.pk))


@pytest.mark.django_db
def test_the_day_an_account_was_opened_can_be_said(mona, as_mona):
    """BUG-S0-22."""
    customer = make_customer(mona)
    body = {"customer": str(customer.pk), "account_number": "42", "date_opened": "1999-12-31", "is_active": False}

    shown = as_mona.post("/api/account/", body).json()

    assert (shown["date_opened"], shown["is_active"], shown["status"]) == ("1999-12-31", False, "frozen")
    assert Account.objects.get().date_opened == date(1999, 12, 31)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "recorded", "state", "outstanding"),
    [
        ("Fully Paid", True, "paid", "0.00"),
        ("Charged Off", True, "charged_off", "0.00"),
        (None, False, "pending", "12000.50"),
    ],
)
def test_a_loan_with_a_status_is_on_record_and_one_without_waits(status, recorded, state, outstanding, mona, as_mona):
    """S0-R9, BUG-S0-3; design.md section 5."""
    account = make_account(mona)
    body = LOAN | ({"loan_status": status} if status else {})

    answer = as_mona.post("/api/register/loan/", {"account": str(account.pk), **body})

    loan = Loan.objects.get()
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "message": "Loan is registered",
            "id": str(loan.pk),
            "loan amount": "12000.50",
            "account": str(account.pk),
            "bank": str(bank_of(mona).pk),
        },
    )
    shown = as_mona.get(f"/api/loan/{loan.pk}/").json()
    assert (shown["loan_status"], shown["recorded"], shown["state"]) == (status, recorded, state)
    assert (shown["outstanding"], shown["door"], shown["term"]) == (outstanding, "manager", "Short Term")
    assert str(loan) == str(loan.pk)  # BUG-S0-21


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["customer", "account", "loan"])
@pytest.mark.parametrize("door", ["/api/register/{}/", "/api/{}/"])
def test_who_manages_no_bank_registers_nothing(kind, door, make_user, client_of):
    """BUG-S0-1; staff neither."""
    before = everything_stored()
    for user in (make_user(), make_user(is_staff=True, is_superuser=True)):
        answer = client_of(user).post(door.format(kind), {})
        assert (answer.status_code, answer.json()["code"]) == (403, "bank.not_a_manager")

    # Who tries what they may not do is noted as such; nothing else is stored.
    assert {name: count for name, count in everything_stored().items() if name not in {"AuditLog", "Event"}} == {
        name: count for name, count in before.items() if name not in {"AuditLog", "Event"}
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "kind", "field"),
    [
        ("another's bank for a customer", "customer", "bank"),
        ("another's bank for an account", "account", "bank"),
        ("another bank's customer", "account", "customer"),
        ("another bank's account", "loan", "account"),
        ("no such account", "loan", "account"),
    ],
)
def test_what_another_bank_has_is_not_there(_case, kind, field, mona, otto, as_mona):
    """BUG-S0-16, E-S0-5."""
    mine, theirs = make_customer(mona), make_account(otto)
    body = {
        "another's bank for a customer": {**ANA, "bank": str(theirs.bank_id)},
        "another's bank for an account": {
            "customer": str(mine.pk),
            "account_number": "1",
            "bank": str(theirs.bank_id),
        },
        "another bank's customer": {"customer": str(theirs.customer_id), "account_number": "1"},
        "another bank's account": {**LOAN, "account": str(theirs.pk)},
        "no such account": {**LOAN, "account": str(uuid.uuid4())},
    }[_case]
    before = everything_stored()

    answer = as_mona.post(f"/api/register/{kind}/", body)

    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert everything_stored() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("customer", {**ANA, "first_name": ""}, "first_name"),
        ("customer", {**ANA, "zip_code": "12345678901"}, "zip_code"),
        ("customer", {**ANA, "years_in_current_job": "11 years"}, "years_in_current_job"),
        ("customer", {**ANA, "home_ownership": "HaveMortgage"}, "home_ownership"),
        ("customer", {**ANA, "credit_score": "-1"}, "credit_score"),
        ("customer", {**ANA, "credit_score": "NaN"}, "credit_score"),
        ("customer", {**ANA, "annual_income": 2**63}, "annual_income"),
        ("customer", {**ANA, "bankruptcies": 2**31}, "bankruptcies"),
        ("customer", {**ANA, "bank": "x"}, "bank"),
        ("account", {"account_number": None}, "account_number"),
        ("account", {"balance": "-0.01"}, "balance"),
        ("account", {"balance": "0.001"}, "balance"),
        ("account", {"currency": "usd"}, "currency"),
        ("account", {"credit_line": "12345678901.00"}, "credit_line"),
        ("account", {"date_opened": "31.12.1999"}, "date_opened"),
        ("loan", {"current_loan_amount": "0.00"}, "current_loan_amount"),
        ("loan", {"term": "Medium Term"}, "term"),
        ("loan", {"loan_status": "Lost"}, "loan_status"),
        ("loan", {"purpose": ""}, "purpose"),
        ("loan", {"current_loan_amount": "1" * 19}, "current_loan_amount"),
    ],
)
def test_a_bad_value_is_400_and_stores_nothing(kind, body, field, mona, as_mona):
    account = make_account(mona)
    whole = {
        "customer": {},
        "account": {"customer": str(account.customer_id), "account_number": "1"},
        "loan": {**LOAN, "account": str(account.pk)},
    }[kind]
    before = everything_stored()

    answer = as_mona.post(f"/api/{kind}/", {**whole, **body})

    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert everything_stored() == before


@pytest.mark.django_db
def test_a_number_is_one_account_s_at_a_bank_and_free_at_another(mona, otto, as_mona):
    make_account(otto, number="42")
    account = make_account(mona, number="42")

    answer = as_mona.post("/api/account/", {"customer": str(account.customer_id), "account_number": "42"})

    assert (answer.status_code, list(answer.json())) == (400, ["account_number"])
    assert Account.objects.filter(account_number="42").count() == 2


@pytest.mark.django_db
def test_somebody_whose_verification_ran_out_gets_no_account(mona, as_mona, make_user):
    """K-33."""
    customer = make_customer(mona)
    person = make_user()
    person.kyc_status = "EXPIRED"
    person.save()
    Customer.objects.filter(pk=customer.pk).update(user=person)

    answer = as_mona.post("/api/account/", {"customer": str(customer.pk), "account_number": "1"})

    assert (answer.status_code, list(answer.json()), Account.objects.count()) == (400, ["customer"], 0)


@pytest.mark.django_db
def test_what_is_kept_of_a_customer_without_a_person_is_in_no_one_s_export(mona, as_mona):
    """The trail says which fields changed; the values are not filed under the manager."""
    customer = make_customer(mona)

    as_mona.patch(f"/api/customer/{customer.pk}/", {"phone": "1"})

    row = AuditLog.objects.get(action="customer.changed")
    assert (row.facts, row.detail_hash, row.actor_id) == ({"fields": ["phone"]}, None, principal_of(mona).id)


def test_account_numbers_carry_their_check():
    numbers = {new_number() for _ in range(50)}

    assert (len(numbers), {len(number) for number in numbers}) == (50, {16})
    assert {int(number) % 97 for number in numbers} == {1}
    assert Decimal(min(numbers)) > 0
