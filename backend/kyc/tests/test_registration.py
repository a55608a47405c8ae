"""S2-R1: `POST /api/auth/register/`."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.apps import apps
from django.db import connection

from backend.audit.models import AuditLog, SecurityEvent
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.identity.tests.doors import rows
from backend.kyc.api.fields import Person
from backend.kyc.errors import AlreadyRegistered, Taken
from backend.kyc.models import Draft, Profile
from backend.kyc.services import profiles
from backend.kyc.services.registration import Account, register_customer
from backend.kyc.tests.access import registration
from backend.tests.commits import in_parallel

REGISTER = "/api/auth/register/"


def stored() -> dict[str, int]:
    return {**rows(), "Profile": Profile.objects.count(), "Draft": Draft.objects.count()}


@pytest.mark.django_db
def test_the_documented_example_registers_and_is_pending(anybody):
    """S2-R1, S2-B10, S2-B11, K-51, K-54: the sample of S2's own README, SSN and underscore included."""
    asked = registration(
        username="john_doe", email="john@example.com", ssn="123-45-6789", phone_number="+1234567890", first_name="John"
    )

    answer = anybody.post(REGISTER, asked)

    body = answer.json()
    assert answer.status_code == 201
    user = User.objects.get()
    assert body.pop("created_at").startswith(str(user.date_joined.date()))
    assert body == {
        "id": user.pk,
        "username": "john_doe",
        "email": "john@example.com",
        "first_name": "John",
        "last_name": "Banker",
        "customer_id": user.customer_id,
        "kyc_status": "PENDING",
        "risk_profile": "LOW",
        "is_account_verified": False,
    }
    assert principal_of(user).roles == {"CUSTOMER"}
    assert Profile.objects.get().phone == "+1234567890"
    assert set(AuditLog.objects.values_list("action", flat=True)) >= {"user.registered", "kyc.profile_saved"}


@pytest.mark.django_db
def test_whoever_registered_signs_in_by_username(anybody):
    asked = registration()
    anybody.post(REGISTER, asked)

    answer = anybody.post("/api/auth/login/", {"username": asked["username"], "password": asked["password"]})

    assert answer.status_code == 200
    assert answer.json()["user"]["kyc_status"] == "PENDING"


@pytest.mark.django_db
def test_neither_ssn_nor_address_is_readable_in_the_database(anybody):
    """S2-B9, BUG-S2-3: what a thief of the database gets."""
    asked = registration(ssn="219-09-9999", address="12 Unmistakable Street")
    anybody.post(REGISTER, asked)

    seen = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f'SELECT t::text FROM "{model._meta.db_table}" t')
            seen += [row[0] for row in cursor.fetchall()]

    text = "\n".join(seen)
    assert "ana_" in text
    for secret in ("219099999", "219-09-9999", "Unmistakable", b"219-09-9999".hex(), b"Unmistakable".hex()):
        assert secret not in text


@pytest.mark.django_db
def test_every_fault_is_told_by_its_field_and_nothing_is_stored(anybody):
    """E-ERR-1, E-REG-2, S2-B1 to S2-B8."""
    before = stored()

    answer = anybody.post(
        REGISTER,
        registration(
            username="_x",
            email="nobody",
            phone_number="12",
            date_of_birth=str(datetime.now(UTC).date() - timedelta(days=17 * 365)),
            ssn="000-00-0000",
            address="short",
            first_name="A",
            last_name="B",
        ),
    )

    assert answer.status_code == 400
    assert set(answer.json()) == {
        *("username", "email", "phone_number", "date_of_birth", "ssn", "address", "first_name", "last_name"),
    }
    assert stored() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "all lower case 7", "confirm_password": "all lower case 7"}, "password"),
        ({"password": "Aa1", "confirm_password": "Aa1"}, "password"),
        ({"confirm_password": "Another purple Tractor 7"}, "confirm_password"),
    ],
)
def test_weak_and_mistyped_passwords_are_refused(anybody, changes, field):
    """S2-B3, K-10."""
    before = stored()

    answer = anybody.post(REGISTER, registration(**changes))

    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert stored() == before


@pytest.mark.django_db
def test_a_birth_date_in_the_future_is_a_security_event(anybody):
    """E-REG-4."""
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)

    answer = anybody.post(REGISTER, registration(date_of_birth=str(tomorrow)))

    assert (answer.status_code, list(answer.json())) == (400, ["date_of_birth"])
    event = SecurityEvent.objects.get()
    assert (event.event_type, event.metadata) == ("SUSPICIOUS_ACTIVITY", {"kind": "birth_date_in_future"})
    assert User.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["email", "username", "phone_number"])
def test_what_is_taken_answers_409_by_its_field(anybody, field):
    """E-REG-1, K-3: also in another spelling."""
    first = registration(username="Ana_B", email="ana@example.com", phone_number="+234567890")
    anybody.post(REGISTER, first)
    before = stored()
    again = {"email": "ANA@example.com", "username": "ana_b", "phone_number": "234 567 890"}[field]

    answer = anybody.post(REGISTER, registration(**{field: again}))

    assert answer.status_code == 409
    assert list(answer.json()) == ["detail", "code", field]
    assert stored() == before


@pytest.mark.django_db
def test_a_known_ssn_is_refused_without_being_named(anybody):
    """Section 7: 409 never names the SSN as the cause. BUG-S2-3: it is recognised at all."""
    first = registration()
    anybody.post(REGISTER, first)
    before = stored()

    answer = anybody.post(REGISTER, registration(ssn=str(first["ssn"]).replace("-", " ")))

    assert answer.status_code == 409
    assert answer.json()["code"] == "registration.not_possible"
    assert "ssn" not in answer.content.decode().lower()
    assert stored() == before


@pytest.mark.django_db
def test_field_errors_come_before_duplicates(anybody):
    first = registration()
    anybody.post(REGISTER, first)

    answer = anybody.post(REGISTER, {**first, "address": "short"})

    assert (answer.status_code, list(answer.json())) == (400, ["address"])


@pytest.mark.django_db
def test_registering_again_while_pending_says_so_and_adds_nothing(anybody):
    """E-REG-5."""
    asked = registration()
    anybody.post(REGISTER, asked)
    before = stored()

    answer = anybody.post(REGISTER, asked)

    assert (answer.status_code, answer.json()["code"]) == (409, "registration.in_progress")
    assert stored() == before


def test_of_two_registrations_at_once_one_is_made(committed):
    """E-REG-5: a double click, over two real connections."""
    account = Account("ana_b", "ana@example.com", "Quiet purple Tractor 7", "Ana", "Banker", "+2345678901")
    facts = Person("+2345678901", date(1990, 5, 17), "219099999", "12 Harbour Street")

    results = in_parallel(*[lambda: register_customer(account=account, person=facts)] * 2)

    assert sorted(type(result).__name__ for result in results) == ["RegistrationInProgress", "User"]
    assert (User.objects.count(), Profile.objects.count()) == (1, 1)


def test_two_people_at_once_with_one_ssn_or_phone_get_one_account(committed, make_user):
    """BUG-S2-3, BUG-S2-6: the database decides."""
    one, other = make_user(), make_user()
    born, address = date(1990, 5, 17), "12 Harbour Street"

    def save(user: User, phone: str, ssn: str) -> object:
        return profiles.save_profile(actor=principal_of(user), person=Person(phone, born, ssn, address))

    by_ssn = in_parallel(lambda: save(one, "+2345678901", "219099999"), lambda: save(other, "+2345678902", "219099999"))
    by_phone = in_parallel(
        lambda: save(one, "+2345678905", "219099991"), lambda: save(other, "+2345678905", "219099992")
    )

    assert [type(result) for result in by_ssn if isinstance(result, Exception)] == [AlreadyRegistered]
    assert [type(result) for result in by_phone if isinstance(result, Exception)] == [Taken]


@pytest.mark.django_db
def test_the_draft_that_became_a_registration_is_thrown_away(anybody):
    """E-UX-1."""
    token = anybody.post("/api/auth/register/draft/", {"step": "name", "values": {"first_name": "Ana"}}).json()["token"]

    anybody.post(REGISTER, registration(draft_token=token))

    assert Draft.objects.count() == 0


@pytest.mark.django_db
def test_registrations_of_an_address_are_limited(anybody, settings):
    """S2-B25, S2-B27."""
    settings.RATE_LIMIT_EXEMPT = []
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "registration": (2, 3600)}
    before = User.objects.count()

    statuses = [anybody.post(REGISTER, registration(), REMOTE_ADDR="203.0.113.77").status_code for _ in range(3)]

    assert statuses == [201, 201, 429]
    assert User.objects.count() == before + 2
