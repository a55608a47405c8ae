"""A customer becomes a person's: by their own verification, or by the act of a bank's manager."""

import pytest

from backend.audit.models import AuditLog
from backend.banking.models import Bank, Customer, Registration
from backend.banking.services.customers import customer_of
from backend.banking.tests.manager_factories import everything_stored, make_account, make_customer, share
from backend.common.models import StoredFile
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.identity.tests.doors import notices_to
from backend.kyc.models import Case, Document
from backend.kyc.services import cases
from backend.tests.commits import in_parallel


def verified(make_user, **fields) -> User:
    user = make_user(**{"email": "ana@example.com", "first_name": "Ana", "last_name": "Silva", **fields})
    User.objects.filter(pk=user.pk).update(kyc_status="APPROVED")
    return user


def decided(make_user, person: User, *, approve: bool) -> None:
    """Have somebody of the desk decide about the person's only document."""
    User.objects.filter(pk=person.pk).update(kyc_status="PENDING")
    file = StoredFile.objects.create(kind="x", path=str(person.pk), size=1, sha256="x", wrapped_key=b"x")
    Document.objects.create(
        user=person, document_type="PASSPORT", document_number="P1", number_key=str(person.pk), file=file
    )
    Case.objects.create(user=person)
    admin = principal_of(make_user("BANK_ADMIN"))
    if approve:
        cases.approve(actor=admin, user_id=person.pk)
    else:
        cases.reject(actor=admin, user_id=person.pk, reason="Unreadable")


@pytest.mark.django_db
def test_an_approval_makes_the_person_s_customer(make_user):
    """design.md section 5."""
    person = make_user(first_name="Ana", last_name="Silva")

    decided(make_user, person, approve=True)

    customer = Customer.objects.get()
    assert (customer.user, customer.name, customer.joined_at) == (person, "Ana Silva", None)
    assert not Registration.objects.exists()  # No bank has been asked.
    row = AuditLog.objects.get(action="customer.created")
    assert (row.subject_id, row.target_id) == (person.pk, str(customer.pk))


@pytest.mark.django_db
def test_a_rejection_makes_none_and_a_second_approval_no_second_one(make_user):
    rejected, again = make_user(), make_user(first_name="", name="Eva Maria Berg")
    decided(make_user, rejected, approve=False)
    customer_of(user_id=again.pk)

    decided(make_user, again, approve=True)

    customer = Customer.objects.get()
    assert (customer.user, customer.first_name, customer.last_name) == (again, "Eva Maria", "Berg")


def test_the_customer_of_a_person_is_made_once_also_at_once(committed, make_user):
    person = make_user()

    found = in_parallel(*[lambda: customer_of(user_id=person.pk).pk] * 4)

    assert (len(set(found)), Customer.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_a_manager_joins_a_customer_to_the_person_they_are(mona, as_mona, make_user):
    """The customer that the verification made gives way; the person is told, and it is on record."""
    person = verified(make_user)
    customer_of(user_id=person.pk)
    account = make_account(mona)
    path = f"/api/customer/{account.customer_id}/person/"

    answer = as_mona.put(path, {"email": "Ana@example.com"})

    assert (answer.status_code, answer.json()["user"]) == (200, person.pk)
    customer = Customer.objects.get()
    assert (customer.pk, customer.user, customer.joined_at is None) == (account.customer_id, person, False)
    assert notices_to(person.pk)[-1] == {
        "kind": "customer.joined",
        "customer_id": str(customer.pk),
        "banks": ["First"],
    }
    row = AuditLog.objects.get(action="customer.joined")
    assert (row.actor_id, row.subject_id) == (mona.pk, person.pk)
    before = everything_stored()
    assert (as_mona.put(path, {"email": person.email}).status_code, everything_stored()) == (200, before)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "kyc", "fields"),
    [
        ("not verified", "PENDING", {}),
        ("another last name", "APPROVED", {"last_name": "Souza"}),
        ("blocked", "APPROVED", {"is_active": False}),
        ("not signed up", "APPROVED", {"email": "other@example.com"}),
    ],
)
def test_who_cannot_be_joined_is_not_told_apart(_case, kyc, fields, mona, as_mona, make_user):
    """One answer for all: it is no way to learn who is signed up."""
    User.objects.filter(pk=verified(make_user, **fields).pk).update(kyc_status=kyc)
    customer = make_customer(mona)
    before = everything_stored()

    answer = as_mona.put(f"/api/customer/{customer.pk}/person/", {"email": "ana@example.com"})

    said = {"email": ["Nobody verified with this customer's last name is signed up with this address."]}
    assert (answer.status_code, answer.json(), everything_stored()) == (400, said, before)


@pytest.mark.django_db
def test_nobody_is_joined_to_what_others_have(mona, otto, as_mona, make_user):
    person = verified(make_user)
    theirs, mine, taken = make_customer(otto), make_customer(mona), make_customer(mona)
    share(theirs, Bank.objects.get(manager=mona))
    somebody = verified(make_user, email="eva@example.com")
    Customer.objects.filter(pk=taken.pk).update(user=somebody)
    body = {"email": person.email}

    shared = as_mona.put(f"/api/customer/{theirs.pk}/person/", body)
    of_somebody = as_mona.put(f"/api/customer/{taken.pk}/person/", body)
    with_accounts = as_mona.put(f"/api/customer/{mine.pk}/person/", {"email": somebody.email})

    assert (shared.status_code, shared.json()["code"]) == (403, "customer.shared")
    assert (of_somebody.status_code, of_somebody.json()["code"]) == (409, "customer.joined")
    assert (with_accounts.status_code, list(with_accounts.json())) == (400, ["email"])
    assert Customer.objects.get(user=somebody).pk == taken.pk


@pytest.mark.django_db
def test_no_manager_makes_a_customer_themselves(mona, as_mona):
    User.objects.filter(pk=mona.pk).update(kyc_status="APPROVED", last_name="Silva")

    answer = as_mona.put(f"/api/customer/{make_customer(mona).pk}/person/", {"email": mona.email})

    assert (answer.status_code, answer.json()["code"]) == (403, "customer.own")


@pytest.mark.django_db
def test_a_joining_can_be_undone_until_the_person_opens_accounts(mona, as_mona, make_user):
    person, customer = verified(make_user), make_customer(mona)
    path = f"/api/customer/{customer.pk}/person/"
    as_mona.put(path, {"email": person.email})

    answer = as_mona.delete(path)

    assert (answer.status_code, answer.json()["user"]) == (200, None)
    assert Customer.objects.get(user=person).pk != customer.pk  # Their own again.
    assert notices_to(person.pk)[-1]["kind"] == "customer.parted"
    assert as_mona.delete(path).status_code == 404
    as_mona.put(path, {"email": person.email})
    make_account(mona, customer=customer)
    refused = as_mona.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "customer.has_own_accounts")


@pytest.mark.django_db
def test_what_a_verification_made_is_not_taken_from_the_person(mona, as_mona, make_user):
    customer = customer_of(user_id=verified(make_user).pk)
    share(customer, Bank.objects.get(manager=mona))

    answer = as_mona.delete(f"/api/customer/{customer.pk}/person/")

    assert (answer.status_code, Customer.objects.get(pk=customer.pk).user is None) == (404, False)


@pytest.mark.django_db
def test_a_customer_who_is_a_person_outlives_their_last_bank(mona, as_mona, make_user):
    person, customer = verified(make_user), make_customer(mona)
    as_mona.put(f"/api/customer/{customer.pk}/person/", {"email": person.email})

    assert as_mona.delete(f"/api/customer/{customer.pk}/").status_code == 204
    assert Customer.objects.get().user == person
