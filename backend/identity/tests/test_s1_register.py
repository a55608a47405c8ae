"""S1-R2: `POST /api/users/register/`."""

import pytest
from django.db import IntegrityError

from backend.audit.models import AuditLog
from backend.identity.errors import RegistrationRefused
from backend.identity.models import User, UserRole, users
from backend.identity.services import accounts
from backend.identity.tests.doors import ACCEPTED, LOGIN, REGISTER, rows, status_of
from backend.tests.commits import in_parallel

REQUIRED = ["This field is required."]
NO_TEXT = ["Not a valid string."]
BLANK = ["This field may not be blank."]
NO_NUL = ["Null characters are not allowed."]


def wanted(**changes: object) -> dict[str, object]:
    return {
        "first_name": "Ana",
        "last_name": "Banker",
        "email": "ana@example.com",
        "password": "quiet purple tractor",
        **changes,
    }


def refused(detail: str) -> tuple[int, dict[str, str]]:
    return 400, {"detail": detail, "code": "registration_refused"}


@pytest.mark.django_db
def test_registering_makes_a_customer_and_answers_202(anybody):
    """S1-R2."""
    before = rows()

    answer = anybody.post(REGISTER, wanted())

    assert (answer.status_code, answer.json()) == (202, {"message": "The account was created successfully."})
    user = User.objects.get()
    assert (user.username, user.email, user.first_name, user.last_name) == (
        "ana@example.com",
        "ana@example.com",
        "Ana",
        "Banker",
    )
    assert (user.is_active, user.is_staff, user.is_superuser, user.kyc_status) == (True, False, False, "INCOMPLETE")
    assert list(UserRole.objects.values_list("user_id", "role__name", "is_active")) == [(user.pk, "CUSTOMER", True)]
    assert list(AuditLog.objects.order_by("id").values_list("actor_id", "action", "target_id")) == [
        (user.pk, "role.assigned", str(user.pk)),
        (user.pk, "user.registered", str(user.pk)),
    ]
    assert rows() == {**before, "User": 1, "UserRole": 1, "AuditLog": 2, "Event": 1}


@pytest.mark.django_db
def test_whoever_registered_can_sign_in(anybody):
    anybody.post(REGISTER, wanted())

    answer = anybody.post(LOGIN, {"username": "ana@example.com", "password": "quiet purple tractor"})

    assert answer.status_code == 200
    assert status_of(answer.json()["access"]) == ACCEPTED


@pytest.mark.django_db
def test_the_password_is_kept_in_no_readable_form(anybody):
    anybody.post(REGISTER, wanted())

    assert "quiet purple tractor" not in User.objects.get().password


@pytest.mark.django_db
def test_names_and_e_mail_are_trimmed_and_the_e_mail_is_lower_case(anybody):
    """E-S1-1."""
    answer = anybody.post(REGISTER, wanted(first_name=" Ana ", last_name="\tBanker\n", email="  ANA@Example.COM "))

    assert answer.status_code == 202
    assert list(User.objects.values_list("first_name", "last_name", "email", "username")) == [
        ("Ana", "Banker", "ana@example.com", "ana@example.com")
    ]


@pytest.mark.django_db
def test_spaces_around_a_password_belong_to_it(anybody):
    """BUG-S1-7: that system strips them."""
    anybody.post(REGISTER, wanted(password=" quiet purple tractor "))

    answers = [
        anybody.post(LOGIN, {"username": "ana@example.com", "password": password}).status_code
        for password in (" quiet purple tractor ", "quiet purple tractor")
    ]

    assert answers == [200, 401]


@pytest.mark.django_db
def test_nobody_promotes_themselves(anybody):
    answer = anybody.post(
        REGISTER,
        wanted(
            is_staff=True, is_superuser=True, is_active=False, kyc_status="APPROVED", username="root", roles=["AUDITOR"]
        ),
    )

    user = User.objects.get()
    assert answer.status_code == 202
    assert (user.is_staff, user.is_superuser, user.is_active, user.kyc_status) == (False, False, True, "INCOMPLETE")
    assert user.username == "ana@example.com"
    assert list(UserRole.objects.values_list("role__name", flat=True)) == ["CUSTOMER"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("password", "detail"),
    [
        pytest.param("Xy7!a", "This password is too short. It must contain at least 8 characters.", id="too short"),
        pytest.param("password1", "This password is too common.", id="common"),
        pytest.param("8361940275", "This password is entirely numeric.", id="only digits"),
        pytest.param("ana@example.com", "The password is too similar to the username.", id="the e-mail"),
        pytest.param("banker12", "The password is too similar to the last name.", id="the name"),
        pytest.param(
            "1234",
            "This password is too short. It must contain at least 8 characters. This password is too common. "
            "This password is entirely numeric.",
            id="every reason at once",
        ),
    ],
)
def test_a_weak_password_is_refused_with_every_reason(anybody, password, detail):
    """S1-R2, K-10."""
    before = rows()

    answer = anybody.post(REGISTER, wanted(password=password))

    assert (answer.status_code, answer.json()) == refused(detail)
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["ana", "ana@", "@example.com", "ana@example", "a b@example.com", "ana@exa mple.com"])
def test_a_malformed_e_mail_is_refused(anybody, email):
    """S1-R2."""
    before = rows()

    answer = anybody.post(REGISTER, wanted(email=email))

    assert (answer.status_code, answer.json()) == refused("Enter a valid e-mail address.")
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["username@example.com", "USERNAME@example.com", " Username@Example.COM "])
def test_a_taken_e_mail_is_refused_in_any_case(anybody, email):
    """E-S1-1, BUG-S1-7. The address holds the name of a field on purpose."""
    anybody.post(REGISTER, wanted(email="username@example.com"))
    before = rows()

    answer = anybody.post(REGISTER, wanted(email=email, first_name="Another"))

    assert (answer.status_code, answer.json()) == refused("A user with this email already exists.")
    assert rows() == before
    assert User.objects.get().first_name == "Ana"


@pytest.mark.django_db
def test_an_e_mail_that_differs_in_case_before_the_at_is_taken_too(anybody, make_user):
    """Accounts made at other doors keep the case of the part before the @."""
    make_user(email="Ana@example.com")
    before = rows()

    answer = anybody.post(REGISTER, wanted(email="ana@example.com"))

    assert (answer.status_code, answer.json()) == refused("A user with this email already exists.")
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "errors"),
    [
        pytest.param(
            {},
            {"first_name": REQUIRED, "last_name": REQUIRED, "email": REQUIRED, "password": REQUIRED},
            id="nothing",
        ),
        pytest.param(wanted(first_name=" ", password=""), {"first_name": BLANK, "password": BLANK}, id="blank"),
        pytest.param(wanted(last_name=None), {"last_name": ["This field may not be null."]}, id="null"),
        pytest.param(
            wanted(first_name=1, last_name=["x"], email={"a": 1}, password=12345678),
            {"first_name": NO_TEXT, "last_name": NO_TEXT, "email": NO_TEXT, "password": NO_TEXT},
            id="no texts",
        ),
        pytest.param(
            wanted(first_name="A\x00", email="a\x00@example.com"), {"first_name": NO_NUL, "email": NO_NUL}, id="NUL"
        ),
        pytest.param(
            wanted(first_name="A" * 151, email="a" * 250 + "@b.com", password="x" * 1025),
            {
                "first_name": ["Ensure this field has no more than 150 characters."],
                "email": ["Ensure this field has no more than 255 characters."],
                "password": ["Ensure this field has no more than 1024 characters."],
            },
            id="too long",
        ),
    ],
)
def test_a_malformed_request_is_400_and_leaves_nothing(anybody, body, errors):
    """BUG-S1-7: a missing field was a 500."""
    before = rows()

    answer = anybody.post(REGISTER, body)

    assert (answer.status_code, answer.json()) == (400, errors)
    assert rows() == before


def test_of_several_registrations_at_once_exactly_one_succeeds(committed, anybody):
    """BUG-S1-7: the race made duplicates."""
    spellings = ["ana@example.com", "ANA@example.com", " Ana@Example.com", "ana@EXAMPLE.com"]

    answers = in_parallel(*[lambda email=email: anybody.post(REGISTER, wanted(email=email)) for email in spellings])

    assert sorted(answer.status_code for answer in answers) == [202, 400, 400, 400]
    assert [answer.json() for answer in answers if answer.status_code == 400] == [
        {"detail": "A user with this email already exists.", "code": "registration_refused"}
    ] * 3
    assert rows() == {
        "User": 1,
        "UserRole": 1,
        "Session": 0,
        "LoginLog": 0,
        "AuditLog": 2,
        "SecurityEvent": 0,
        "Event": 1,
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("username", "detail"),
    [
        ("Ana", "A user with this username already exists."),
        ("bob@example.com", "A username with an @ must be the e-mail address."),
    ],
)
def test_a_username_that_is_taken_or_anothers_address_is_refused(make_user, username, detail):
    """K-4: nobody can be found by an address that is not theirs."""
    make_user(email="first@example.com", username="ana")
    before = rows()

    with pytest.raises(RegistrationRefused, match=detail) as caught:
        accounts.register_user(email="ana@example.com", password="quiet purple tractor", username=username)

    assert caught.value.field == "username"
    assert rows() == before


@pytest.mark.django_db
def test_a_collision_that_is_nobodys_fault_is_not_called_a_taken_e_mail(make_user, monkeypatch):
    """Two customer ids of ten random characters will not meet; if they do, it is a crash and no refusal."""
    taken = make_user().customer_id
    monkeypatch.setattr(users.secrets, "token_hex", lambda size: taken.removeprefix("CUST"))
    before = rows()

    with pytest.raises(IntegrityError, match="customer_id"):
        accounts.register_user(email="ana@example.com", password="quiet purple tractor")

    assert rows() == before
