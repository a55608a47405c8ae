"""S0-R1 to S0-R5: `/api/register/`, `/api/login/`, … with tokens in HttpOnly cookies."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from django.conf import settings as configured
from django.utils import timezone

from backend.audit.models import AuditLog, SecurityEvent
from backend.conftest import PASSWORD
from backend.identity.models import Session, User
from backend.identity.tests.attempts import LINE, UNSIGNED, WRONG, browser, log_lines
from backend.identity.tests.doors import TOKEN_REFUSED, bearing, claims_of, rows

REGISTER = "/api/register/"
LOGIN = "/api/login/"
LOGOUT = "/api/logout/"
TOKEN = "/api/token/"
STATUS = "/api/auth-status/"
ME = "/api/user/me/"
COOKIES = ["accessToken", "refreshToken", "csrftoken"]
NO_CSRF = {"detail": "CSRF check failed: send the csrftoken cookie's value as X-CSRFToken.", "code": "csrf_failed"}
REFUSAL = {"detail": "The token is invalid or has expired. Sign in again.", "code": "token_not_valid"}
INVALID = {"detail": "Invalid token", "code": "token_not_valid"}
NEW = {"email": "ana@example.com", "username": "ana", "password": "plum under the bridge"}


@pytest.fixture
def ana(make_user):
    return make_user(email="ana@example.com")


@pytest.fixture
def page(ana):
    """A browser in which Ana is signed in."""
    client = browser()
    client.post(LOGIN, {"email": ana.email, "password": PASSWORD})
    return client


def csrf(client) -> dict[str, str]:
    return {"HTTP_X_CSRFTOKEN": client.cookies["csrftoken"].value}


def sid_of(client) -> str:
    return claims_of(client.cookies["accessToken"].value)["sid"]


def expired(token: str) -> str:
    then = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    return jwt.encode({**claims_of(token), "exp": then}, configured.SECRET_KEY, algorithm="HS256")


# Registration


@pytest.mark.django_db
def test_registering_answers_both_words_and_makes_a_customer(anybody):
    """K-1, K-2. S0-R1."""
    before = rows()

    answer = anybody.post(REGISTER, {**NEW, "first_name": "Ana", "last_name": "Silva", "phone_number": "+351 (0) 123"})

    assert (answer.status_code, answer.json()) == (
        201,
        {"status": "Account is registered", "message": "Account is registered"},
    )
    user = User.objects.get()
    assert (user.email, user.username, user.first_name, user.last_name) == ("ana@example.com", "ana", "Ana", "Silva")
    assert (user.phone_number, user.is_staff, user.is_superuser) == ("+351 (0) 123", False, False)
    assert list(user.user_roles.values_list("role__name", flat=True)) == ["CUSTOMER"]
    assert user.check_password(NEW["password"])
    assert not answer.cookies
    assert rows() == {
        **before,
        "User": 1,
        "UserRole": 1,
        "AuditLog": before["AuditLog"] + 2,
        "Event": before["Event"] + 1,
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        pytest.param({"email": None}, {"email": ["This field may not be null."]}, id="null"),
        pytest.param({"email": "ana"}, {"email": ["Enter a valid e-mail address."]}, id="no address"),
        pytest.param(
            {"password": "short"},
            {"password": ["This password is too short. It must contain at least 8 characters."]},
            id="a short password",
        ),
        pytest.param({"password": "password"}, {"password": ["This password is too common."]}, id="a common password"),
        pytest.param(
            {"phone_number": "1" * 16},
            {"phone_number": ["Ensure this field has no more than 15 characters."]},
            id="a long phone number",
        ),
        pytest.param(
            {"username": "bob@example.com"},
            {"username": ["A username with an @ must be the e-mail address."]},
            id="another's address as username",
        ),
    ],
)
def test_an_unfit_registration_is_400_and_leaves_nothing(anybody, changes, errors):
    """S0-R1, BUG-S0-26, K-10."""
    before = rows()

    answer = anybody.post(REGISTER, {**NEW, **changes})

    assert (answer.status_code, answer.json()) == (400, errors)
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"email": "ANA@Example.com"}, {"email": ["A user with this email already exists."]}),
        ({"email": "other@example.com"}, {"username": ["A user with this username already exists."]}),
    ],
    ids=["the e-mail in another case", "the username in another case"],
)
def test_what_is_taken_is_refused_whatever_its_case(anybody, make_user, changes, errors):
    """S0-R1, BUG-S0-26, K-3."""
    make_user(email="ana@example.com", username="Ana")
    before = rows()

    answer = anybody.post(REGISTER, {**NEW, **changes})

    assert (answer.status_code, answer.json()) == (400, errors)
    assert rows() == before


# Signing in


@pytest.mark.django_db
def test_signing_in_sets_three_cookies_and_tells_no_token(ana):
    """S0-R2, S0-B2, E-S0-1; BUG-S0-13: pages read the CSRF cookie, and no other."""
    client = browser()
    before = rows()

    answer = client.post(LOGIN, {"email": "ANA@example.com", "password": PASSWORD})

    assert (answer.status_code, answer.json()) == (200, {"message": "Login successfully"})
    assert sorted(answer.cookies) == sorted([*COOKIES, "device"])
    held = {name: (morsel["httponly"], morsel["samesite"], morsel["path"]) for name, morsel in answer.cookies.items()}
    assert held == {
        "accessToken": (True, "Lax", "/"),
        "refreshToken": (True, "Lax", "/"),
        "csrftoken": ("", "Lax", "/"),
        "device": (True, "Lax", "/"),
    }
    assert answer["X-CSRFToken"] == answer.cookies["csrftoken"].value
    assert Session.objects.get().door == "s0"
    assert rows() == {**before, "Session": 1, "LoginLog": 1, "AuditLog": before["AuditLog"] + 1}


@pytest.mark.django_db
def test_cookies_expire_with_their_tokens(ana):
    """S0-B2."""
    answer = browser().post(LOGIN, {"email": ana.email, "password": PASSWORD})

    lifetimes = {}
    for name in ("accessToken", "refreshToken"):
        claims = claims_of(answer.cookies[name].value)
        until = datetime.strptime(answer.cookies[name]["expires"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
        assert abs(until.timestamp() - claims["exp"]) <= 1
        lifetimes[name] = claims["exp"] - claims["iat"]
    assert lifetimes == {"accessToken": 3600, "refreshToken": 7 * 24 * 3600}


@pytest.mark.django_db
@pytest.mark.parametrize(("is_secure", "flag"), [(True, True), (False, "")])
def test_secure_and_domain_follow_the_settings(ana, settings, is_secure, flag):
    """S0-B2, BUG-S0-11."""
    settings.COOKIE_SECURE = is_secure
    settings.AUTH_COOKIE_DOMAIN = "ease.example"

    answer = browser().post(LOGIN, {"email": ana.email, "password": PASSWORD})

    tokens = [answer.cookies["accessToken"], answer.cookies["refreshToken"]]
    assert [(morsel["secure"], morsel["domain"]) for morsel in tokens] == [(flag, "ease.example")] * 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "asked",
    [
        {"email": "ana@example.com", "password": WRONG},
        {"email": "bob@example.com", "password": PASSWORD},
        {"email": "blocked@example.com", "password": WRONG},
    ],
    ids=["wrong password", "unknown", "blocked, wrong password"],
)
def test_bad_credentials_are_400_with_one_text_and_no_cookie(ana, make_user, asked):
    """S0-R2, K-21."""
    make_user(email="blocked@example.com", is_active=False)
    before = rows()

    answer = browser().post(LOGIN, asked)

    assert (answer.status_code, answer.json()) == (400, {"non_field_errors": [LINE]})
    assert not answer.cookies
    assert rows() == {**before, "LoginLog": 1, "SecurityEvent": 1}


@pytest.mark.django_db
def test_a_blocked_account_is_told_after_the_right_password(make_user):
    """S0-R2."""
    user = make_user(email="ana@example.com", is_active=False)
    before = rows()

    answer = browser().post(LOGIN, {"email": "ana@example.com", "password": PASSWORD})

    text = "This account is blocked. Please contact an administrator."
    assert (answer.status_code, answer.json()) == (400, {"non_field_errors": [text]})
    assert not answer.cookies
    assert log_lines() == [(user.pk, False, "Login Failed: blocked")]
    assert rows() == {**before, "LoginLog": 1}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["email", "password"]),
        ({"email": "a"}, ["password"]),
        ({"email": [], "password": {}}, ["email", "password"]),
    ],
    ids=["nothing", "no password", "wrong kinds"],
)
def test_a_malformed_sign_in_names_the_fields(body, fields):
    before = rows()

    answer = browser().post(LOGIN, body)

    assert (answer.status_code, list(answer.json())) == (400, fields)
    assert rows() == before


@pytest.mark.django_db
def test_each_sign_in_has_a_csrf_token_of_its_own(page, ana):
    earlier = page.cookies["csrftoken"].value

    page.post(LOGIN, {"email": ana.email, "password": PASSWORD})

    assert page.cookies["csrftoken"].value != earlier


# CSRF


@pytest.mark.django_db
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="missing"),
        pytest.param({"HTTP_X_CSRFTOKEN": ""}, id="empty"),
        pytest.param({"HTTP_X_CSRFTOKEN": "a" * 32}, id="wrong"),
        pytest.param({"HTTP_X_CSRFTOKEN": "ä"}, id="no token at all"),
    ],
)
@pytest.mark.parametrize(
    ("method", "url"),
    [("post", STATUS), ("patch", ME), ("delete", ME), ("post", LOGOUT), ("post", TOKEN), ("put", "/api/profile/")],
)
def test_a_cookie_without_the_right_csrf_token_writes_nothing(page, ana, headers, method, url):
    """E-S0-2, BUG-S0-4, BUG-S0-9: compared for real, on every unsafe method."""
    before = rows()

    answer = getattr(page, method)(url, {"first_name": "Eve", "name": "Eve"}, **headers)

    assert (answer.status_code, answer.json()) == (403, NO_CSRF)
    assert "accessToken" not in answer.cookies
    assert rows() == before
    assert User.objects.get().first_name == ana.first_name


@pytest.mark.django_db
def test_the_right_csrf_token_opens_the_way(page):
    """E-S0-2."""
    answer = page.patch(ME, {"name": "Ana Silva"}, **csrf(page))

    assert (answer.status_code, answer.json()) == (200, {"email": "ana@example.com", "name": "Ana Silva"})


@pytest.mark.django_db
def test_the_token_in_the_answers_header_is_right_too(ana):
    """S0-R2: that is where scripts read it."""
    client = browser()
    given = client.post(LOGIN, {"email": ana.email, "password": PASSWORD})["X-CSRFToken"]

    assert client.post(STATUS, HTTP_X_CSRFTOKEN=given).status_code == 200


@pytest.mark.django_db
def test_a_csrf_header_without_its_cookie_is_worth_nothing(page):
    """BUG-S0-4."""
    given = csrf(page)
    del page.cookies["csrftoken"]
    before = rows()

    answer = page.patch(ME, {"name": "Eve"}, **given)

    assert (answer.status_code, answer.json()) == (403, NO_CSRF)
    assert rows() == before


@pytest.mark.django_db
def test_a_foreign_origin_is_refused_whatever_it_sends(page):
    before = rows()

    answer = page.patch(ME, {"name": "Eve"}, HTTP_ORIGIN="https://evil.example", **csrf(page))

    assert (answer.status_code, answer.json()) == (403, NO_CSRF)
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize("origin", ["http://testserver", "https://app.ease.example"], ids=["own", "trusted"])
def test_the_own_and_the_trusted_origins_are_let_in(page, settings, origin):
    settings.CSRF_TRUSTED_ORIGINS = ["https://app.ease.example"]

    assert page.post(STATUS, HTTP_ORIGIN=origin, **csrf(page)).status_code == 200


@pytest.mark.django_db
def test_reading_needs_no_csrf_token(page):
    """BUG-S0-5."""
    del page.cookies["csrftoken"]

    answer = page.get(ME)

    assert (answer.status_code, answer.json()["email"]) == (200, "ana@example.com")


@pytest.mark.django_db
def test_a_header_beats_the_cookie_and_needs_no_csrf_token(page, make_user, token_of):
    """K-14."""
    bob = make_user(email="bob@example.com")

    answer = page.patch(ME, {"name": "Bob"}, HTTP_AUTHORIZATION=f"Bearer {token_of(bob)}")

    assert (answer.status_code, answer.json()) == (200, {"email": "bob@example.com", "name": "Bob"})


@pytest.mark.django_db
def test_a_bad_header_is_not_saved_by_a_good_cookie(page):
    """K-14."""
    answer = page.get(ME, HTTP_AUTHORIZATION="Bearer stale")

    assert (answer.status_code, answer.json()) == (401, TOKEN_REFUSED)


@pytest.mark.django_db
def test_the_s1_sign_out_by_get_does_nothing_with_a_cookie(page):
    """K-18: no picture on a page signs its visitor out."""
    before = rows()

    answer = page.get("/api/users/logout/")

    assert (answer.status_code, answer.json()) == (401, UNSIGNED)
    assert Session.objects.filter(revoked_at=None).count() == 1
    assert rows() == before


# Status


@pytest.mark.django_db
def test_with_both_cookies_one_is_authenticated(page):
    """S0-R5."""
    before = rows()

    answer = page.post(STATUS, **csrf(page))

    assert (answer.status_code, answer.json()) == (200, {"status": "Authenticated"})
    assert rows() == before


@pytest.mark.django_db
def test_without_cookies_one_is_not_authenticated(anybody):
    """S0-R5."""
    answer = anybody.post(STATUS)

    assert (answer.status_code, answer.json()) == (401, UNSIGNED)
    assert "Bearer" in answer["WWW-Authenticate"]


@pytest.mark.django_db
@pytest.mark.parametrize("access", ["garbage", "a.b.c", "ä", "0" * 40])
def test_a_garbage_access_cookie_is_401(page, access):
    """S0-R5: never a 500."""
    page.cookies["accessToken"] = access

    answer = page.post(STATUS, **csrf(page))

    assert (answer.status_code, answer.json()) == (401, TOKEN_REFUSED)


@pytest.mark.django_db
@pytest.mark.parametrize("refresh", ["", "garbage", "a.b.c", "ä"])
def test_without_a_good_refresh_cookie_one_is_not_authenticated(page, refresh):
    """E-S0-4, BUG-S0-6, BUG-S0-7."""
    page.cookies["refreshToken"] = refresh
    before = rows()

    answer = page.post(STATUS, **csrf(page))

    assert (answer.status_code, answer.json()) == (400, REFUSAL)
    assert rows() == before


@pytest.mark.django_db
def test_status_refuses_another_persons_refresh_cookie(page, make_user):
    other = browser()
    other.post(LOGIN, {"email": make_user().email, "password": PASSWORD})
    page.cookies["refreshToken"] = other.cookies["refreshToken"].value

    assert page.post(STATUS, **csrf(page)).status_code == 400


@pytest.mark.django_db
def test_status_refuses_a_refresh_cookie_that_was_exchanged(page):
    """S0-R5: 400 when the refresh token is spent."""
    spent = page.cookies["refreshToken"].value
    page.post(TOKEN, **csrf(page))
    page.cookies["refreshToken"] = spent

    assert page.post(STATUS, **csrf(page)).status_code == 400


@pytest.mark.django_db
def test_status_reads_cookies_only(ana, token_of):
    """S0-R5: "cookies only"."""
    assert bearing(token_of(ana)).post(STATUS).status_code == 401


# Refreshing


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body", [{}, {"data": {}, "format": "json"}, {"data": "x=1", "content_type": "application/x-www-form-urlencoded"}]
)
def test_refreshing_gives_new_cookies_of_the_same_session(page, body):
    """S0-R4, E-S0-13, BUG-S0-8: with any body or none."""
    before, old = rows(), {name: page.cookies[name].value for name in COOKIES}
    sid = sid_of(page)

    answer = page.post(TOKEN, **body, **csrf(page))

    assert (answer.status_code, answer.json()) == (200, {"message": "Refresh tokens successfully"})
    assert answer.cookies["refreshToken"].value != old["refreshToken"]
    assert (answer.cookies["accessToken"]["httponly"], answer.cookies["refreshToken"]["httponly"]) == (True, True)
    assert sid_of(page) == sid
    assert answer["X-CSRFToken"] == page.cookies["csrftoken"].value == old["csrftoken"]
    assert page.post(STATUS, **csrf(page)).status_code == 200
    assert rows() == before


@pytest.mark.django_db
def test_refreshing_needs_no_access_cookie(page):
    """S0-R4."""
    page.cookies["accessToken"] = expired(page.cookies["accessToken"].value)

    assert page.post(TOKEN, **csrf(page)).status_code == 200
    assert page.get(ME).status_code == 200


@pytest.mark.django_db
def test_refreshing_without_the_cookie_is_400():
    """S0-R4, BUG-S0-6."""
    before = rows()

    answer = browser().post(TOKEN)

    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "The refresh cookie is missing.", "code": "token_missing"},
    )
    assert not answer.cookies
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize("refresh", ["garbage", "a.b.c", "ä"])
def test_refreshing_with_garbage_is_401_and_clears_the_cookies(page, refresh):
    """S0-R4, E-AUTH-4."""
    page.cookies["refreshToken"] = refresh
    before = rows()

    answer = page.post(TOKEN, **csrf(page))

    assert (answer.status_code, answer.json()) == (401, REFUSAL)
    assert {name: morsel.value for name, morsel in answer.cookies.items()} == dict.fromkeys(COOKIES, "")
    assert rows() == before


@pytest.mark.django_db
def test_a_rotated_cookie_within_the_grace_is_given_the_same_successor(page):
    """design.md section 3: the loser of a race."""
    spent = page.cookies["refreshToken"].value
    page.post(TOKEN, **csrf(page))
    successor = page.cookies["refreshToken"].value
    page.cookies["refreshToken"] = spent

    answer = page.post(TOKEN, **csrf(page))

    assert answer.status_code == 200
    assert answer.cookies["refreshToken"].value == successor


@pytest.mark.django_db
def test_a_rotated_cookie_after_the_grace_is_refused_and_sets_no_cookie(page, ana):
    """E-S0-3: 401, and the session ends, since somebody else holds the token."""
    spent = page.cookies["refreshToken"].value
    page.post(TOKEN, **csrf(page))
    Session.objects.update(rotated_at=timezone.now() - timedelta(seconds=31))
    page.cookies["refreshToken"] = spent

    answer = page.post(TOKEN, **csrf(page))

    assert (answer.status_code, answer.json()) == (401, REFUSAL)
    assert {morsel.value for morsel in answer.cookies.values()} == {""}
    assert Session.objects.get().revoked_reason == "refresh_reuse"
    alarm = SecurityEvent.objects.get()
    assert (alarm.event_type, alarm.user_id, alarm.severity) == ("SUSPICIOUS_ACTIVITY", ana.pk, "HIGH")


# Signing out


def test_signing_out_ends_the_session_and_deletes_the_cookies(committed, page):
    """S0-R3, BUG-S0-11, BUG-S0-12."""
    held = {name: page.cookies[name].value for name in COOKIES}
    read_before = page.get(ME).status_code

    answer = page.post(LOGOUT, **csrf(page))

    assert read_before == 200
    assert (answer.status_code, answer.json()) == (200, {"message": "Logout successfully"})
    assert answer["X-CSRFToken"] == ""
    gone = {name: (morsel.value, morsel["max-age"], morsel["path"]) for name, morsel in answer.cookies.items()}
    assert gone == dict.fromkeys(COOKIES, ("", 0, "/"))
    assert Session.objects.get().revoked_reason == "sign_out"
    page.cookies.load(held)
    assert page.get(ME).status_code == 401
    assert page.post(TOKEN, **csrf(page)).status_code == 401


@pytest.mark.django_db
def test_cookies_are_deleted_from_the_domain_they_were_set_for(settings, page):
    """BUG-S0-11."""
    settings.AUTH_COOKIE_DOMAIN = "ease.example"

    answer = page.post(LOGOUT, **csrf(page))

    assert [answer.cookies[name]["domain"] for name in ("accessToken", "refreshToken")] == ["ease.example"] * 2


@pytest.mark.django_db
@pytest.mark.parametrize("left", ["accessToken", "refreshToken"])
def test_one_of_the_two_cookies_is_enough_to_sign_out(page, left):
    """S0-R3."""
    gone = "refreshToken" if left == "accessToken" else "accessToken"
    del page.cookies[gone]

    assert page.post(LOGOUT, **csrf(page)).status_code == 200
    assert Session.objects.get().revoked_reason == "sign_out"


@pytest.mark.django_db
def test_an_expired_access_cookie_does_not_keep_one_signed_in(page):
    """BUG-S0-10."""
    page.cookies["accessToken"] = expired(page.cookies["accessToken"].value)

    answer = page.post(LOGOUT, **csrf(page))

    assert answer.status_code == 200
    assert Session.objects.get().revoked_reason == "sign_out"


@pytest.mark.django_db
def test_signing_out_without_cookies_is_400(anybody):
    """S0-R3, BUG-S0-6: no session is made up. And no cookie is deleted for a foreign page that posts here."""
    before = rows()

    answer = browser().post(LOGOUT)

    assert (answer.status_code, answer.json()) == (400, INVALID)
    assert not answer.cookies
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["garbage", "a.b.c", "ä"])
def test_signing_out_with_garbage_is_400_and_clears_it(token):
    """S0-R3, E-ERR-2."""
    client = browser()
    client.cookies.load({"accessToken": token, "refreshToken": token})
    before = rows()

    answer = client.post(LOGOUT)

    assert (answer.status_code, answer.json()) == (400, INVALID)
    assert {name: morsel.value for name, morsel in answer.cookies.items()} == dict.fromkeys(COOKIES, "")
    assert rows() == before


@pytest.mark.django_db
def test_signing_out_again_ends_nothing_more(page):
    held = {name: page.cookies[name].value for name in COOKIES}
    page.post(LOGOUT, **csrf(page))
    page.cookies.load(held)
    before = rows()

    answer = page.post(LOGOUT, **csrf(page))

    assert answer.status_code == 200
    assert AuditLog.objects.filter(action="session.revoked").count() == 1
    assert rows() == before


@pytest.mark.django_db
def test_other_methods_are_refused(anybody):
    assert [anybody.get(url).status_code for url in (REGISTER, LOGIN, LOGOUT, TOKEN)] == [405] * 4
