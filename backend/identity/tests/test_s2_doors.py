"""S2-R2 to S2-R6: `/api/auth/…` and `/api/profile/`."""

import pytest

from backend.audit.models import AuditLog
from backend.conftest import PASSWORD
from backend.identity.models import Session, SignInCounter, User
from backend.identity.services import roles
from backend.identity.tests.attempts import LINE, UNSIGNED, WRONG, attempt, fail, log_lines
from backend.identity.tests.doors import REFRESH, REFUSED, bearing, claims_of, notices_to, rows, status_of

LOGIN = "/api/auth/login/"
PROFILE = "/api/profile/"
NEW_PASSWORD = "Plum under the bridge 7"


@pytest.fixture
def ana(make_user):
    return make_user(email="ana@example.com", username="ana_s", last_name="Silva", kyc_status="APPROVED")


@pytest.fixture
def pair(ana):
    return attempt("s2", "ana_s").json()


# Signing in


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["ana_s", "ANA_S", " ana@example.com "])
def test_signing_in_answers_the_s2_shape(anybody, ana, typed):
    """S2-R2, K-4: by username or e-mail."""
    before = rows()

    answer = anybody.post(LOGIN, {"username": typed, "password": PASSWORD})

    body = answer.json()
    assert (answer.status_code, list(body)) == (200, ["access", "refresh", "user"])
    assert body["user"] == {
        "id": ana.pk,
        "username": "ana_s",
        "email": "ana@example.com",
        "customer_id": ana.customer_id,
        "kyc_status": "APPROVED",
        "risk_profile": "LOW",
        "roles": ["CUSTOMER"],
    }
    assert rows() == {**before, "Session": 1, "LoginLog": 1, "AuditLog": before["AuditLog"] + 1}


@pytest.mark.django_db
def test_s2_tokens_live_an_hour_and_seven_days(pair):
    """S2-B23."""
    access, refresh = claims_of(pair["access"]), claims_of(pair["refresh"])

    assert (access["exp"] - access["iat"], refresh["exp"] - refresh["iat"]) == (3600, 7 * 24 * 3600)
    assert Session.objects.get().door == "s2"


@pytest.mark.django_db
def test_the_access_token_says_who_one_is_and_the_refresh_token_does_not(ana, pair):
    """S2-B23, K-16."""
    claims = claims_of(pair["access"])

    assert {name: claims[name] for name in ("user_id", "username", "kyc_status", "roles")} == {
        "user_id": ana.pk,
        "username": "ana_s",
        "kyc_status": "APPROVED",
        "roles": ["CUSTOMER"],
    }
    assert not {"username", "kyc_status", "roles"} & claims_of(pair["refresh"]).keys()


@pytest.mark.django_db
def test_claims_are_true_at_each_minting(anybody, ana, pair):
    """BUG-S2-22: a refreshed token shows what has changed since."""
    roles.assign_role(user=ana, name="AUDITOR", assigned_by=None)
    User.objects.update(kyc_status="REJECTED", username="ana_new")

    claims = claims_of(anybody.post(REFRESH, {"refresh": pair["refresh"]}).json()["access"])

    assert (claims["username"], claims["kyc_status"]) == ("ana_new", "REJECTED")
    assert claims["roles"] == ["AUDITOR", "CUSTOMER"]


@pytest.mark.django_db
@pytest.mark.parametrize("door", ["s0", "s1"])
def test_the_other_doors_tokens_carry_no_such_claims(anybody, ana, door):
    answer = attempt(door, "ana@example.com")
    token = answer.cookies["accessToken"].value if door == "s0" else answer.json()["access"]

    assert not {"username", "kyc_status", "roles"} & claims_of(token).keys()


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["ana_s", "nobody"])
def test_bad_credentials_are_400(ana, typed):
    """S2-R2, K-21."""
    before = rows()

    answer = attempt("s2", typed, WRONG)

    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": LINE, "code": "bad_credentials", "non_field_errors": [LINE]},
    )
    assert rows() == {**before, "LoginLog": 1, "SecurityEvent": 1}


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["ana_s", "nobody"])
def test_a_lock_is_423(ana, typed):
    """K-22: said on this door only, and of unknown names as well."""
    fail(typed, 5, door="s2")

    answers = [attempt("s2", typed, WRONG), attempt("s2", typed)]

    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (423, {"detail": "Locked after too many failures.", "code": "locked"})
    ] * 2
    assert Session.objects.count() == 0


@pytest.mark.django_db
def test_a_blocked_account_is_403_after_the_right_password_only(make_user):
    """design.md section 3."""
    user = make_user(email="ana@example.com", is_active=False)

    wrong, right = attempt("s2", "ana@example.com", WRONG), attempt("s2", "ana@example.com")

    assert wrong.status_code == 400
    assert (right.status_code, right.json()) == (
        403,
        {"detail": "This account is blocked. Please contact an administrator.", "code": "account_blocked"},
    )
    assert log_lines() == [(user.pk, False, "Login Failed"), (user.pk, False, "Login Failed: blocked")]
    assert Session.objects.count() == 0
    assert SignInCounter.objects.get().failures == 1  # BUG-S2-34: the right password is no failure.


@pytest.mark.django_db
def test_a_malformed_sign_in_names_the_fields(anybody):
    before = rows()

    answer = anybody.post(LOGIN, {"username": 7})

    assert (answer.status_code, answer.json()) == (
        400,
        {"username": ["Not a valid string."], "password": ["This field is required."]},
    )
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["/api/auth/refresh/", "/api/auth/token/refresh/"])
def test_both_addresses_refresh(anybody, pair, url):
    """S2-R3."""
    answer = anybody.post(url, {"refresh": pair["refresh"]})

    assert (answer.status_code, list(answer.json())) == (200, ["access", "refresh"])


def test_signing_out_ends_the_session(committed, anybody, ana):
    """K-18."""
    pair = attempt("s2", "ana_s").json()

    answer = bearing(pair["access"]).post("/api/auth/logout/")

    assert (answer.status_code, answer.json()) == (200, {"message": "Signed out."})
    assert status_of(pair["access"]) == REFUSED
    assert anybody.post(REFRESH, {"refresh": pair["refresh"]}).status_code == 401


# The profile


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("get", PROFILE),
        ("put", PROFILE),
        ("post", "/api/profile/change-password/"),
        ("post", "/api/auth/logout/"),
    ],
)
def test_nobody_is_401(anybody, method, url):
    """S2-R4 to S2-R6."""
    before = rows()

    answer = getattr(anybody, method)(url, {"first_name": "Eve"})

    assert (answer.status_code, answer.json()) == (401, UNSIGNED)
    assert rows() == before


@pytest.mark.django_db
def test_the_profile_shows_oneself(ana, pair):
    """S2-R4."""
    answer = bearing(pair["access"]).get(PROFILE)

    body = answer.json()
    assert answer.status_code == 200
    assert [(role["name"], sorted(role)) for role in body.pop("roles")] == [("CUSTOMER", ["description", "id", "name"])]
    ana.refresh_from_db()
    assert body == {
        "id": ana.pk,
        "username": "ana_s",
        "email": "ana@example.com",
        "first_name": "Person",
        "last_name": "Silva",
        "phone_number": "",
        "customer_id": ana.customer_id,
        "kyc_status": "APPROVED",
        "risk_profile": "LOW",
        "is_account_verified": False,
        "two_factor_enabled": False,
        "date_joined": ana.date_joined.isoformat().replace("+00:00", "Z"),
        "last_login": ana.last_login.isoformat().replace("+00:00", "Z"),
    }


@pytest.mark.django_db
def test_any_subset_of_three_fields_can_be_changed(ana, pair):
    """S2-R5."""
    before = rows()

    answer = bearing(pair["access"]).put(PROFILE, {"first_name": "Anna", "phone_number": "+351123"})

    assert (answer.status_code, answer.json()) == (
        200,
        {"first_name": "Anna", "last_name": "Silva", "phone_number": "+351123"},
    )
    changed = AuditLog.objects.get(action="user.changed")
    assert (changed.actor_id, changed.facts) == (ana.pk, {"fields": ["first_name", "phone_number"]})
    assert rows() == {**before, "AuditLog": before["AuditLog"] + 1, "Event": before["Event"] + 1}


@pytest.mark.django_db
def test_the_profile_can_be_changed_by_put_only(pair):
    """BUG-S2-14: what a framework brings along unasked is not there."""
    before, was = rows(), User.objects.values().get()

    answer = bearing(pair["access"]).patch(PROFILE, {"email": "other@example.com"})

    assert answer.status_code == 405
    assert (rows(), User.objects.values().get()) == (before, was)


@pytest.mark.django_db
def test_the_profile_is_whole_and_fresh_whatever_was_cached(ana, pair):
    """BUG-S2-13: neither trimmed after signing in nor an hour old after a review."""
    client = bearing(pair["access"])
    before = client.get(PROFILE).json()

    User.objects.filter(pk=ana.pk).update(kyc_status="REJECTED", first_name="Nova")
    after = client.get(PROFILE).json()

    assert set(before) == set(after) >= {"first_name", "last_name", "phone_number", "kyc_status"}
    assert (before["kyc_status"], after["kyc_status"], after["first_name"]) == ("APPROVED", "REJECTED", "Nova")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "field", ["email", "username", "kyc_status", "customer_id", "is_staff", "is_superuser", "ssn", "address", "roles"]
)
def test_nothing_else_can_be_changed(ana, pair, field):
    """BUG-S2-14. S2-R5: SSN and address never, and no status of one's own."""
    before, was = rows(), User.objects.values().get()

    answer = bearing(pair["access"]).put(PROFILE, {field: "APPROVED"})

    assert answer.status_code == 200
    assert User.objects.values().get() == was
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"first_name": ""}, {"first_name": ["This field may not be blank."]}),
        ({"phone_number": "1" * 16}, {"phone_number": ["Ensure this field has no more than 15 characters."]}),
        ({"last_name": ["x"]}, {"last_name": ["Not a valid string."]}),
    ],
    ids=["blank", "too long", "a list"],
)
def test_an_unfit_profile_is_400_and_changes_nothing(pair, body, errors):
    """S2-R5."""
    before = rows()

    answer = bearing(pair["access"]).put(PROFILE, body)

    assert (answer.status_code, answer.json()) == (400, errors)
    assert rows() == before


# The password


@pytest.mark.parametrize("url", ["/api/profile/change-password/", "/api/auth/password/change/"])
def test_a_new_password_ends_every_session(committed, anybody, make_user, url):
    """S2-R6, BUG-S1-10, BUG-S3-5."""
    ana = make_user("AUDITOR", email="ana@example.com")
    here, there = (attempt("s2", "ana@example.com").json() for _ in range(2))
    body = {"old_password": PASSWORD, "new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}

    answer = bearing(here["access"]).post(url, body)

    assert (answer.status_code, answer.json()) == (200, {"message": "The password was changed. Sign in again."})
    assert [status_of(pair["access"]) for pair in (here, there)] == [REFUSED, REFUSED]
    assert anybody.post(REFRESH, {"refresh": there["refresh"]}).status_code == 401
    assert {notice["reason"] for notice in notices_to(ana.pk)} == {"password_changed"}
    assert AuditLog.objects.filter(action="user.password_changed", actor_id=ana.pk).count() == 1
    assert [attempt("s2", "ana@example.com", word).status_code for word in (PASSWORD, NEW_PASSWORD)] == [400, 200]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        pytest.param(
            {"old_password": WRONG}, {"old_password": ["The current password is incorrect."]}, id="wrong old one"
        ),
        pytest.param(
            {"confirm_password": NEW_PASSWORD + "."},
            {"confirm_password": ["The two new passwords differ."]},
            id="two different ones",
        ),
        pytest.param(
            {"new_password": "plum under 7", "confirm_password": "plum under 7"},
            {"new_password": ["Use upper-case and lower-case letters and at least one digit."]},
            id="no upper case",
        ),
        pytest.param(
            {"new_password": "Plum under", "confirm_password": "Plum under"},
            {"new_password": ["Use upper-case and lower-case letters and at least one digit."]},
            id="no digit",
        ),
        pytest.param(
            {"new_password": "Plum 7", "confirm_password": "Plum 7"},
            {"new_password": ["This password is too short. It must contain at least 8 characters."]},
            id="too short",
        ),
        pytest.param({"new_password": None}, {"new_password": ["This field may not be null."]}, id="null"),
    ],
)
def test_a_refused_password_changes_nothing(ana, pair, changes, errors):
    """S2-R6, K-10."""
    before = rows()
    body = {"old_password": PASSWORD, "new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD, **changes}

    answer = bearing(pair["access"]).post("/api/profile/change-password/", body)

    assert (answer.status_code, answer.json()) == (400, errors)
    assert User.objects.get().check_password(PASSWORD)
    assert Session.objects.filter(revoked_at=None).count() == 1
    assert rows() == before
