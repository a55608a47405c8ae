"""Several managers of a bank: let in and out by its first one, with effect at once, on record."""

import pytest

from backend.audit.models import AuditLog
from backend.banking.models import Bank, BankGrant
from backend.banking.services import grants
from backend.banking.tests.manager_factories import everything_stored, make_account, make_bank, make_loan
from backend.identity.principals import principal_of
from backend.identity.tests.doors import notices_to


@pytest.fixture
def bank(mona):
    return Bank.objects.get(manager=mona)


@pytest.fixture
def nils(make_user):
    return make_user(first_name="Nils", email="nils@example.com")


@pytest.mark.django_db
def test_a_further_manager_sees_and_does_what_the_first_one_does(bank, mona, nils, as_mona, client_of):
    loan, as_nils = make_loan(mona), client_of(nils)
    paths = [f"/api/bank/{bank.pk}/", f"/api/customer/{loan.account.customer_id}/", f"/api/loan/{loan.pk}/"]
    before = [as_nils.get(path).status_code for path in paths]

    answer = as_mona.post(f"/api/bank/{bank.pk}/managers/", {"email": "Nils@Example.com"})

    assert (answer.status_code, answer.json()) == (
        201,
        {"user": nils.pk, "email": "nils@example.com", "name": "Nils", "is_first": False},
    )
    assert (before, [as_nils.get(path).status_code for path in paths]) == ([404] * 3, [200] * 3)
    made = as_nils.post("/api/register/customer/", {"first_name": "Eva", "last_name": "Berg"})
    assert (made.status_code, as_nils.get("/api/customer/").json()["count"]) == (201, 2)
    assert [one["is_first"] for one in as_nils.get(f"/api/bank/{bank.pk}/managers/").json()] == [True, False]
    assert notices_to(nils.pk) == [
        {"kind": "bank.shared", "bank_id": str(bank.pk), "bank": "First", "shared_by": mona.pk}
    ]
    assert AuditLog.objects.get(action="bank.manager_added").facts == {"manager": nils.pk}


@pytest.mark.django_db
def test_withdrawing_a_grant_counts_at_the_next_request(bank, mona, nils, as_mona, client_of):
    account, as_nils = make_account(mona), client_of(nils)
    grants.add_manager(actor=principal_of(mona), bank_id=bank.pk, email=nils.email)
    assert as_nils.get(f"/api/account/{account.pk}/").status_code == 200

    answer = as_mona.delete(f"/api/bank/{bank.pk}/managers/{nils.pk}/")

    assert (answer.status_code, as_nils.get(f"/api/account/{account.pk}/").status_code) == (204, 404)
    assert as_nils.post("/api/customer/", {"first_name": "x", "last_name": "y"}).status_code == 403
    assert AuditLog.objects.get(action="bank.manager_removed").facts == {"manager": nils.pk}
    assert as_mona.delete(f"/api/bank/{bank.pk}/managers/{nils.pk}/").status_code == 404


@pytest.mark.django_db
def test_letting_somebody_in_twice_is_one_grant(bank, nils, as_mona):
    path = f"/api/bank/{bank.pk}/managers/"
    as_mona.post(path, {"email": nils.email})
    before = everything_stored()

    again = as_mona.post(path, {"email": nils.email})

    assert (again.status_code, BankGrant.objects.count(), everything_stored()) == (201, 1, before)


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["nobody@example.com", "mona@example.com", "blocked@example.com", ""])
def test_only_other_people_who_can_sign_in_are_let_in(email, bank, as_mona, make_user):
    make_user(email="blocked@example.com", is_active=False)

    answer = as_mona.post(f"/api/bank/{bank.pk}/managers/", {"email": email})

    assert (answer.status_code, list(answer.json()), BankGrant.objects.count()) == (400, ["email"], 0)


@pytest.mark.django_db
def test_a_further_manager_lets_nobody_in_or_out_but_may_leave(bank, mona, nils, make_user, client_of):
    other, as_nils = make_user(), client_of(nils)
    for person in (nils, other):
        grants.add_manager(actor=principal_of(mona), bank_id=bank.pk, email=person.email)
    path = f"/api/bank/{bank.pk}/managers/"

    answers = [as_nils.post(path, {"email": make_user().email}), as_nils.delete(f"{path}{other.pk}/")]

    assert [(one.status_code, one.json()["code"]) for one in answers] == [(403, "bank.not_the_first_manager")] * 2
    assert as_nils.delete(f"{path}{nils.pk}/").status_code == 204
    assert list(BankGrant.objects.values_list("user", flat=True)) == [other.pk]


@pytest.mark.django_db
def test_somebody_else_s_bank_has_no_managers_to_see_or_add(bank, nils, make_user, client_of):
    """Staff alone neither: who manages a bank sees what is in it."""
    for client in (client_of(nils), client_of(make_user(is_staff=True))):
        path = f"/api/bank/{bank.pk}/managers/"
        answers = [client.get(path), client.post(path, {"email": nils.email}), client.delete(f"{path}{nils.pk}/")]
        assert [answer.status_code for answer in answers] == [404] * 3
    assert not BankGrant.objects.exists()


@pytest.mark.django_db
def test_who_manages_several_banks_says_for_which_one_they_act(bank, mona, nils, client_of):
    make_bank(nils, bank_name="Own")
    grants.add_manager(actor=principal_of(mona), bank_id=bank.pk, email=nils.email)
    as_nils, body = client_of(nils), {"first_name": "Eva", "last_name": "Berg"}

    silent = as_nils.post("/api/customer/", body)
    named = as_nils.post("/api/customer/", {**body, "bank": str(bank.pk)})

    assert (silent.status_code, list(silent.json()), named.status_code) == (400, ["bank"], 201)
    assert as_nils.get(f"/api/customer/?bank={bank.pk}").json()["count"] == 1
    assert as_nils.get("/api/bank/").json()["count"] == 2


@pytest.mark.django_db
def test_there_is_room_for_so_many_and_no_more(bank, as_mona, nils, make_user, monkeypatch):
    monkeypatch.setattr(grants, "MANAGERS_MAX", 1)
    as_mona.post(f"/api/bank/{bank.pk}/managers/", {"email": nils.email})

    answer = as_mona.post(f"/api/bank/{bank.pk}/managers/", {"email": make_user().email})

    assert (answer.status_code, BankGrant.objects.count()) == (400, 1)
