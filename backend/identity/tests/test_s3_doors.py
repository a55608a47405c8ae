"""S3-R1 to S3-R5: `/api/user/…`, with and without the trailing slash."""

import re

import pytest
from django.utils import timezone

from backend.conftest import PASSWORD
from backend.identity.models import Session, User
from backend.identity.tests.attempts import LINE, UNSIGNED, WRONG, attempt
from backend.identity.tests.doors import TOKEN_REFUSED, bearing, rows

CREATE = "/api/user/create/"
TOKEN = "/api/user/token/"
ME = "/api/user/me/"
NEW = {"email": "ana@Example.com", "password": "plum under the bridge", "name": "Ana Silva"}
SLASH = pytest.mark.parametrize("cut", [0, 1], ids=["with the slash", "without"])


def at(url: str, cut: int) -> str:
    return url[: len(url) - cut]


@pytest.fixture
def ana(make_user):
    return make_user(email="ana@example.com", first_name="", name="Ana Silva")


@pytest.fixture
def me(ana):
    return bearing(attempt("s3", "ana@example.com").json()["token"], "Token")


@pytest.mark.django_db
@SLASH
def test_registering_answers_the_person_and_never_the_password(anybody, cut):
    """K-1, K-2. S3-R1, S3-M1: the e-mail's domain is lower-cased."""
    answer = anybody.post(at(CREATE, cut), NEW)

    assert (answer.status_code, answer.json()) == (201, {"email": "ana@example.com", "name": "Ana Silva"})
    user = User.objects.get()
    assert (user.email, user.name, user.check_password(NEW["password"])) == ("ana@example.com", "Ana Silva", True)
    assert list(user.user_roles.values_list("role__name", flat=True)) == ["CUSTOMER"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        pytest.param({"email": "BOB@example.com"}, {"email": ["A user with this email already exists."]}, id="taken"),
        pytest.param({"email": "ana"}, {"email": ["Enter a valid e-mail address."]}, id="no address"),
        pytest.param(
            {"password": "pw12"},
            {"password": ["This password is too short. It must contain at least 8 characters."]},
            id="a short password",
        ),
        pytest.param({"password": ""}, {"password": ["This field may not be blank."]}, id="a blank password"),
        pytest.param({"name": ""}, {"name": ["This field may not be blank."]}, id="a blank name"),
    ],
)
def test_an_unfit_registration_is_400_and_leaves_nothing(anybody, make_user, changes, errors):
    """S3-R1, BUG-S3-6, K-10."""
    make_user(email="bob@example.com")
    before = rows()

    answer = anybody.post(CREATE, {**NEW, **changes})

    assert (answer.status_code, answer.json()) == (400, errors)
    assert rows() == before


@pytest.mark.django_db
@SLASH
def test_signing_in_answers_forty_hexadecimal_characters(anybody, ana, cut):
    """S3-R2."""
    before = rows()

    answer = anybody.post(at(TOKEN, cut), {"email": "ana@example.com", "password": PASSWORD})

    assert (answer.status_code, list(answer.json())) == (200, ["token"])
    assert re.fullmatch(r"[0-9a-f]{40}", answer.json()["token"])
    assert rows() == {**before, "Session": 1, "LoginLog": 1, "AuditLog": before["AuditLog"] + 1}


@pytest.mark.django_db
def test_only_the_tokens_hash_is_stored(ana):
    """design.md section 3."""
    token = attempt("s3", "ana@example.com").json()["token"]

    stored = Session.objects.values().get()
    assert token not in str(stored)
    assert (stored["door"], len(stored["token_hash"])) == ("s3", 64)


def test_each_sign_in_mints_another_token_and_ends_the_customers_earlier_one(committed, ana):
    """design.md section 3, BUG-S3-5."""
    first, second = (attempt("s3", "ana@example.com").json()["token"] for _ in range(2))

    assert first != second
    assert [bearing(token).get(ME).status_code for token in (first, second)] == [401, 200]


@pytest.mark.django_db
@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token"])
def test_the_token_works_under_either_word_on_every_route(ana, scheme):
    """K-11, K-12."""
    token = attempt("s3", "ana@example.com").json()["token"]

    answers = [bearing(token, scheme).get(url) for url in (ME, "/api/profile/", "/api/auth/sessions/")]

    assert [answer.status_code for answer in answers] == [200, 200, 200]


@pytest.mark.django_db
def test_the_token_ends_with_its_session(ana):
    """BUG-S3-5: it expires after seven days."""
    token = attempt("s3", "ana@example.com").json()["token"]
    Session.objects.update(expires_at=timezone.now())

    answer = bearing(token).get(ME)

    assert (answer.status_code, answer.json()) == (401, TOKEN_REFUSED)


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["0" * 40, "0" * 39, "g" * 40, "0" * 41])
def test_a_made_up_token_is_401(anybody, token):
    answer = bearing(token, "Token").get(ME)

    assert (answer.status_code, answer.json()) == (401, TOKEN_REFUSED)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "errors"),
    [
        pytest.param({"password": WRONG}, {"non_field_errors": [LINE]}, id="wrong"),
        pytest.param({"email": "bob@example.com"}, {"non_field_errors": [LINE]}, id="unknown"),
        pytest.param({"password": f" {PASSWORD}"}, {"non_field_errors": [LINE]}, id="a space before"),
        pytest.param({"password": f"{PASSWORD} "}, {"non_field_errors": [LINE]}, id="a space after"),
        pytest.param({"password": ""}, {"password": ["This field may not be blank."]}, id="blank"),
    ],
)
def test_bad_credentials_are_400_without_a_token(anybody, ana, asked, errors):
    """S3-R2, E-S3-8."""
    answer = anybody.post(TOKEN, {"email": "ana@example.com", "password": PASSWORD, **asked})

    assert (answer.status_code, answer.json()) == (400, errors)
    assert Session.objects.count() == 0


@pytest.mark.django_db
def test_a_password_of_spaces_is_kept_as_it_is(anybody):
    """E-S3-8."""
    spaces = "         "
    anybody.post(CREATE, {**NEW, "password": spaces})

    answers = [attempt("s3", "ana@example.com", word) for word in (spaces, spaces[:-1], spaces + " ")]

    assert [answer.status_code for answer in answers] == [200, 400, 400]


@pytest.mark.django_db
@SLASH
def test_me_is_name_and_email_and_nothing_else(me, cut):
    """S3-R3."""
    answer = me.get(at(ME, cut))

    assert (answer.status_code, answer.json()) == (200, {"name": "Ana Silva", "email": "ana@example.com"})


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_nobody_is_401(anybody, ana, method):
    """S3-R3, S3-R4."""
    before = rows()

    answer = getattr(anybody, method)(ME)

    assert (answer.status_code, answer.json()) == (401, UNSIGNED)
    assert rows() == before


@pytest.mark.django_db
def test_posting_to_me_is_405(me):
    """S3-R5."""
    before = rows()

    answer = me.post(ME, {})

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert rows() == before


@pytest.mark.django_db
def test_any_subset_can_be_patched(me):
    """S3-R4."""
    answer = me.patch(ME, {"name": "Ana"})

    assert (answer.status_code, answer.json()) == (200, {"email": "ana@example.com", "name": "Ana"})


@pytest.mark.django_db
def test_a_new_e_mail_signs_in_and_the_old_one_does_not(me):
    """S3-R4, BUG-S3-6: it is normalised, and the username follows."""
    answer = me.patch(ME, {"email": " Anna@EXAMPLE.com "})

    assert (answer.status_code, answer.json()["email"]) == (200, "Anna@example.com")
    assert User.objects.get().username == "Anna@example.com"
    assert [attempt("s3", who).status_code for who in ("ana@example.com", "anna@example.com")] == [400, 200]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"email": "BOB@example.com"}, {"email": ["A user with this email already exists."]}),
        ({"email": "x"}, {"email": ["Enter a valid e-mail address."]}),
        ({"password": "pw"}, {"password": ["This password is too short. It must contain at least 8 characters."]}),
    ],
    ids=["taken", "no address", "a short password"],
)
def test_an_unfit_change_is_400_and_changes_nothing(me, ana, make_user, body, errors):
    """S3-R4."""
    make_user(email="bob@example.com")
    before, was = rows(), User.objects.filter(pk=ana.pk).values().get()

    answer = me.patch(ME, {"name": "Eve", **body})

    assert (answer.status_code, answer.json()) == (400, errors)
    assert User.objects.filter(pk=ana.pk).values().get() == was
    assert rows() == before


@pytest.mark.django_db
def test_replacing_needs_every_field(me):
    """S3-R4."""
    answer = me.put(ME, {"name": "Ana"})

    assert (answer.status_code, sorted(answer.json())) == (400, ["email", "password"])


def test_a_new_password_ends_the_token(committed, ana):
    """S3-R4, BUG-S3-5."""
    token = attempt("s3", "ana@example.com").json()["token"]

    answer = bearing(token).put(ME, {"email": "ana@example.com", "name": "Ana", "password": "plum under the bridge"})

    assert answer.status_code == 200
    assert bearing(token).get(ME).status_code == 401
    words = (PASSWORD, "plum under the bridge")
    assert [attempt("s3", "ana@example.com", word).status_code for word in words] == [400, 200]
