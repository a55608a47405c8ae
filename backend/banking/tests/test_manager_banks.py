"""Banks: who registers one manages it, staff sees that it is there, and it goes only while it is empty."""

import uuid

import pytest

from backend.audit.models import AuditLog
from backend.banking.models import Bank
from backend.banking.services import banks
from backend.banking.tests.manager_factories import everything_stored, make_account, make_bank, make_customer
from backend.common.errors import DomainError
from backend.identity.principals import principal_of
from backend.tests.commits import in_parallel

FIRST = {"bank_name": "Riverside", "address": "1 Quay", "city": "Porto", "state": "P", "zip_code": "4000"}


def bank_of(user) -> Bank:
    return Bank.objects.get(manager=user)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/register/bank/", "/api/regiser/bank/"])
def test_whoever_registers_a_bank_manages_it(path, make_user, client_of):
    """S0-R6, BUG-S0-2: also at the misspelled address; BUG-S0-1: a `manager` in the body is nobody's say."""
    user, other = make_user(), make_user()

    answer = client_of(user).post(path, {**FIRST, "manager": other.pk})

    bank = Bank.objects.get()
    assert (answer.status_code, answer.json()) == (
        201,
        {"message": "Bank is registered", "id": str(bank.pk), "bank name": "Riverside"},
    )
    assert (bank.manager, bank.city, bank.currency, bank.time_zone) == (user, "Porto", "USD", "UTC")
    assert AuditLog.objects.filter(action="bank.registered", actor_id=user.pk, target_id=str(bank.pk)).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/register/bank/", "/api/bank/"])
def test_a_second_bank_of_one_manager_is_400(path, as_mona):
    """E-S0-9, S0-B8."""
    before = everything_stored()

    answer = as_mona.post(path, {"bank_name": "Another"})

    assert (answer.status_code, list(answer.json())) == (400, ["manager"])
    assert everything_stored() == before


def test_of_several_banks_registered_at_once_one_wins(committed, make_user):
    user = make_user()
    actor = principal_of(user)

    found = in_parallel(*[lambda: banks.register_bank(actor=actor, fields={"bank_name": "Mine"})] * 4)

    assert sorted(type(one).__name__ for one in found) == ["Bank", *["InvalidField"] * 3]
    assert Bank.objects.filter(manager=user).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "body", "field"),
    [
        ("no name", {}, "bank_name"),
        ("a number for a name", {"bank_name": 7}, "bank_name"),
        ("a name too long", {"bank_name": "x" * 256}, "bank_name"),
        ("no currency", {"bank_name": "x", "currency": "euro"}, "currency"),
        ("no time zone", {"bank_name": "x", "time_zone": "Mars/Olympus"}, "time_zone"),
    ],
)
def test_a_bank_needs_a_name_and_real_words(_case, body, field, make_user, client_of):
    answer = client_of(make_user()).post("/api/register/bank/", body)

    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not Bank.objects.exists()


@pytest.mark.django_db
def test_managers_see_their_own_bank_and_staff_all_of_them(mona, otto, as_mona, make_user, client_of):
    """S0-R10, S0-B7."""
    chief = client_of(make_user(is_staff=True))

    assert [row["bank_id"] for row in as_mona.get("/api/bank/").json()["results"]] == [str(bank_of(mona).pk)]
    assert chief.get("/api/bank/").json()["count"] == 2
    assert chief.get(f"/api/bank/{bank_of(mona).pk}/").json()["manager"] == mona.pk
    assert as_mona.get(f"/api/bank/{bank_of(otto).pk}/").status_code == 404
    assert client_of(make_user()).get("/api/bank/").json()["results"] == []


@pytest.mark.django_db
def test_nobody_is_asked_in_without_signing_in(client_of):
    """BUG-S0-28."""
    anonymous = client_of(None)
    one = uuid.uuid4()

    paths = [f"/api/{name}/{tail}" for name in ("bank", "customer", "account", "loan") for tail in ("", f"{one}/")]
    assert {anonymous.get(path).status_code for path in paths} == {401}


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["manager", "staff"])
def test_a_bank_is_changed_by_its_manager_and_by_staff(who, mona, otto, as_mona, make_user, client_of):
    """S0-R12; BUG-S0-18: neither hands it over by it."""
    client = as_mona if who == "manager" else client_of(make_user(is_staff=True))
    path = f"/api/bank/{bank_of(mona).pk}/"

    put = client.put(path, {**FIRST, "manager": otto.pk})
    patched = client.patch(path, {"city": None, "manager": None})

    bank = bank_of(mona)
    assert (put.status_code, patched.status_code) == (200, 200)
    assert (bank.bank_name, bank.address, bank.city, bank.manager) == ("Riverside", "1 Quay", None, mona)
    assert client.put(path, {"city": "Porto"}).json() == {"bank_name": ["This field is required."]}


@pytest.mark.django_db
def test_changing_nothing_leaves_no_row(mona, as_mona):
    before = everything_stored()

    answer = as_mona.patch(f"/api/bank/{bank_of(mona).pk}/", {"bank_name": "First"})

    assert (answer.status_code, everything_stored()) == (200, before)


@pytest.mark.django_db
def test_a_bank_with_customers_or_accounts_stays_and_says_why(mona, as_mona):
    """BUG-S0-17: nothing cascades."""
    path = f"/api/bank/{bank_of(mona).pk}/"
    make_account(mona, customer=make_customer(mona))
    before = everything_stored()

    answer = as_mona.delete(path)

    assert (answer.status_code, answer.json()["code"]) == (409, "bank.in_use")
    assert (answer.json()["customers"], answer.json()["accounts"]) == (1, 1)
    assert everything_stored() == before


@pytest.mark.django_db
def test_an_empty_bank_goes_and_its_manager_may_register_another(mona, as_mona):
    assert as_mona.delete(f"/api/bank/{bank_of(mona).pk}/").status_code == 204
    assert as_mona.post("/api/bank/", {"bank_name": "Anew"}).status_code == 201
    assert Bank.objects.get().bank_name == "Anew"


@pytest.mark.django_db
def test_only_a_superuser_hands_a_bank_over(mona, otto, make_user):
    """BUG-S0-18."""
    bank, chief, heir = bank_of(mona), principal_of(make_user(is_superuser=True)), make_user()

    def hand_over(actor, user_id):
        try:
            banks.hand_over_bank(actor=actor, bank_id=bank.pk, user_id=user_id)
        except DomainError as fault:
            return fault.code
        return "done"

    assert hand_over(principal_of(mona), heir.pk) == "bank.not_the_first_manager"
    assert hand_over(chief, otto.pk) == "invalid_field"  # A first manager already.
    assert hand_over(chief, make_user(is_active=False).pk) == "invalid_field"
    assert bank_of(mona) == bank
    assert hand_over(chief, heir.pk) == "done"
    assert bank_of(heir) == bank


@pytest.mark.django_db
def test_a_bank_of_nobody_may_be_made_on_the_admin_site(make_user):
    chief = principal_of(make_user(is_superuser=True))

    bank = banks.found_bank(actor=chief, manager_id=None, fields={"bank_name": "Fresh"})

    assert (bank.manager, make_bank(make_user()).manager is None) == (None, False)
