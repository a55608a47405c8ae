"""Changing and deleting: what another bank has is not there, what is shared is nobody's alone, history stays."""

import pytest

from backend.audit.models import AuditLog
from backend.banking.models import Account, Bank, Customer, Loan, LoanState, Registration
from backend.banking.services import customers
from backend.banking.tests.manager_factories import (
    everything_stored,
    make_account,
    make_bank,
    make_customer,
    make_loan,
    share,
)
from backend.identity.principals import principal_of
from backend.tests.commits import in_parallel


def bank_of(user) -> Bank:
    return Bank.objects.get(manager=user)


@pytest.fixture
def shared(mona, otto):
    """A customer of two banks, with an account at each."""
    customer = make_customer(mona)
    share(customer, bank_of(otto))
    make_account(mona, customer=customer)
    make_loan(otto, account=make_account(otto, customer=customer))
    return customer


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_what_another_bank_has_does_not_exist(method, otto, as_mona):
    """E-S0-5, S0-R15, S0-R17, S0-R20; whatever the body says."""
    loan = make_loan(otto)
    paths = [f"/api/customer/{loan.account.customer_id}/", f"/api/account/{loan.account_id}/", f"/api/loan/{loan.pk}/"]
    before = everything_stored()

    answers = [getattr(as_mona, method)(path) for path in paths]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert everything_stored() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "said"),
    [("bank", "bank"), ("customer", "customer"), ("currency", "currency"), ("balance", "balance")],
)
@pytest.mark.parametrize("method", ["put", "patch"])
def test_an_account_moves_nowhere_and_its_balance_is_the_ledger_s(field, said, method, mona, otto, as_mona):
    """BUG-S0-16; design.md section 5: later writes to `balance` are 400."""
    account, theirs = make_account(mona), make_account(otto)
    value = {"bank": theirs.bank_id, "customer": theirs.customer_id, "currency": "EUR", "balance": "0.00"}[field]
    before = everything_stored()

    answer = getattr(as_mona, method)(f"/api/account/{account.pk}/", {"account_number": "9", field: str(value)})

    assert (answer.status_code, list(answer.json())) == (400, [said])
    assert everything_stored() == before


@pytest.mark.django_db
def test_an_account_is_changed_and_what_is_repeated_of_it_does_no_harm(mona, as_mona):
    """S0-R17, K-76."""
    account = make_account(mona)
    path = f"/api/account/{account.pk}/"
    whole = {"account_number": "9", "bank": str(account.bank_id), "customer": str(account.customer_id)}

    put = as_mona.put(path, {**whole, "currency": "USD", "maximum_open_credit": 700, "credit_line": "50"})
    frozen = as_mona.patch(path, {"is_active": False})

    account.refresh_from_db()
    assert (put.status_code, put.json()["is_active"], frozen.json()["is_active"]) == (200, True, False)
    assert (account.account_number, account.maximum_open_credit, str(account.credit_line)) == ("9", 700, "50.00")
    assert as_mona.put(path, {}).json() == {"account_number": ["This field is required."]}
    rows = AuditLog.objects.filter(action="account.changed").order_by("id")
    assert [row.facts["fields"] for row in rows] == [["account_number", "credit_line", "maximum_open_credit"]]
    assert AuditLog.objects.get(action="account.frozen").target_id == str(account.pk)


@pytest.mark.django_db
def test_a_closed_account_stays_closed(mona, as_mona):
    account = make_account(mona)
    Account.objects.filter(pk=account.pk).update(status="closed")

    answer = as_mona.patch(f"/api/account/{account.pk}/", {"is_active": True})

    assert (answer.status_code, list(answer.json())) == (400, ["is_active"])


@pytest.mark.django_db
def test_a_number_that_is_taken_stays_with_its_account(mona, as_mona):
    account, _ = make_account(mona, number="1"), make_account(mona, number="2")

    answer = as_mona.patch(f"/api/account/{account.pk}/", {"account_number": "2"})

    assert (answer.status_code, list(answer.json())) == (400, ["account_number"])
    assert Account.objects.get(pk=account.pk).account_number == "1"


@pytest.mark.django_db
def test_a_loan_moves_to_no_other_account(mona, otto, as_mona):
    """BUG-S0-16."""
    loan, other, theirs = make_loan(mona), make_account(mona), make_account(otto)

    answers = [as_mona.patch(f"/api/loan/{loan.pk}/", {"account": str(to.pk)}) for to in (other, theirs)]

    assert [(answer.status_code, list(answer.json())) for answer in answers] == [(400, ["account"])] * 2
    assert Loan.objects.get(pk=loan.pk).account_id == loan.account_id


@pytest.mark.django_db
def test_a_record_is_corrected_as_a_whole(mona, as_mona):
    """design.md section 5: correctable; nothing outstanding either way."""
    loan = make_loan(mona)
    path = f"/api/loan/{loan.pk}/"

    answer = as_mona.patch(path, {"loan_status": "Charged Off", "current_loan_amount": "99999999", "purpose": "Car"})

    body = answer.json()
    assert (answer.status_code, body["state"], body["outstanding"]) == (200, "charged_off", "0.00")
    assert (body["current_loan_amount"], body["purpose"], body["term"]) == ("99999999.00", "Car", "Short Term")
    refused = as_mona.patch(path, {"loan_status": None})
    assert (refused.status_code, list(refused.json())) == (400, ["loan_status"])
    facts = AuditLog.objects.get(action="loan.changed").facts
    assert (facts["old"]["loan_status"], facts["new"]["loan_status"]) == ("Fully Paid", "Charged Off")


@pytest.mark.django_db
def test_a_waiting_loan_is_changed_but_not_into_a_record(mona, as_mona):
    loan = make_loan(mona, loan_status=None)
    path = f"/api/loan/{loan.pk}/"

    changed = as_mona.patch(path, {"current_loan_amount": "70.00"}).json()
    refused = as_mona.patch(path, {"loan_status": "Fully Paid"})

    assert (changed["current_loan_amount"], changed["outstanding"], changed["state"]) == ("70.00", "70.00", "pending")
    assert (refused.status_code, list(refused.json())) == (400, ["loan_status"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("door", "state", "code", "deleted"),
    [
        ("manager", "active", "loan.settled", "ledger.has_postings"),
        ("manager", "paid", "loan.settled", "ledger.has_postings"),
        ("manager", "rejected", "loan.settled", None),
        ("partner", "pending", "loan.of_another_door", "loan.of_another_door"),
        ("customer", "active", "loan.of_another_door", "ledger.has_postings"),
    ],
)
def test_a_loan_that_lives_its_own_life_is_not_rewritten(door, state, code, deleted, mona, as_mona):
    loan = make_loan(mona, loan_status=None)
    owed = loan.outstanding if state in {LoanState.PENDING, LoanState.ACTIVE} else 0
    Loan.objects.filter(pk=loan.pk).update(door=door, state=state, outstanding=owed)
    before = everything_stored()

    changed = as_mona.patch(f"/api/loan/{loan.pk}/", {"purpose": "Car"})
    assert everything_stored() == before
    gone = as_mona.delete(f"/api/loan/{loan.pk}/")

    assert (changed.status_code, changed.json()["code"]) == (409, code)
    assert (gone.status_code, gone.json()["code"] if gone.content else None) == (409 if deleted else 204, deleted)
    assert Loan.objects.filter(pk=loan.pk).exists() == bool(deleted)


@pytest.mark.django_db
def test_a_shared_customer_is_changed_by_no_bank_alone(shared, mona, as_mona):
    """BUG-S0-17: what one bank wrote would be the other's data, too. Saying what is so changes nothing."""
    before = everything_stored()
    path = f"/api/customer/{shared.pk}/"

    answer = as_mona.patch(path, {"credit_score": "850"})

    assert (answer.status_code, answer.json()["code"], answer.json()["other_banks"]) == (403, "customer.shared", 1)
    assert as_mona.put(path, {"first_name": "Ana", "last_name": "Silva"}).status_code == 200
    assert everything_stored() == before


@pytest.mark.django_db
def test_deleting_a_shared_customer_ends_only_one_s_own(shared, mona, otto, as_mona, client_of):
    """BUG-S0-17."""
    path = f"/api/customer/{shared.pk}/"

    answer = as_mona.delete(path)

    assert (answer.status_code, as_mona.get(path).status_code) == (204, 404)
    assert list(Account.objects.values_list("bank", flat=True)) == [bank_of(otto).pk]
    assert (Loan.objects.count(), Registration.objects.get().bank) == (1, bank_of(otto))
    assert client_of(otto).patch(path, {"credit_score": "850"}).status_code == 200  # Theirs alone, from now on.
    assert AuditLog.objects.get(action="customer.unregistered").facts["accounts"] == 1


@pytest.mark.django_db
def test_a_customer_of_one_bank_goes_with_what_never_had_money(mona, as_mona):
    """S0-R15: as S0's clients count on it, accounts and records go along."""
    loan = make_loan(mona)

    answer = as_mona.delete(f"/api/customer/{loan.account.customer_id}/")

    assert answer.status_code == 204
    assert (Customer.objects.count(), Account.objects.count(), Loan.objects.count()) == (0, 0, 0)
    assert AuditLog.objects.get(action="customer.deleted").facts["loans"] == 1


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["customer", "account"])
def test_a_loan_under_way_keeps_its_account_and_customer(kind, mona, as_mona):
    loan = make_loan(mona, loan_status=None)
    before = everything_stored()
    one = {"customer": loan.account.customer_id, "account": loan.account_id}[kind]

    answer = as_mona.delete(f"/api/{kind}/{one}/")

    assert (answer.status_code, answer.json()["code"], answer.json()["loans"]) == (409, "loan.settled", 1)
    assert everything_stored() == before


def test_a_customer_deleted_while_an_account_is_opened_leaves_no_orphan(committed, make_user):
    """BUG-S0-16: whichever comes first, the other hears that it is too late."""
    manager = make_user()
    make_bank(manager)
    actor = principal_of(manager)
    made = [make_customer(manager) for _ in range(6)]

    calls = [lambda one=one: customers.delete_customer(actor=actor, customer_id=one.pk) for one in made]
    calls += [lambda one=one: make_account(manager, customer=one) for one in made]
    in_parallel(*calls)

    kept = set(Customer.objects.values_list("pk", flat=True))
    assert set(Account.objects.values_list("customer", flat=True)) == set()
    assert set(Registration.objects.values_list("customer", flat=True)) == kept
