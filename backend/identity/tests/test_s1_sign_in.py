"""S1-R1: `POST /api/users/login/`."""

import pytest
from django.db import connection, transaction
from django.utils import timezone

from backend.audit.models import AuditLog, SecurityEvent
from backend.conftest import PASSWORD
from backend.identity.models import LoginLog, Session, User
from backend.identity.services import signing_in
from backend.identity.tests.doors import ACCEPTED, BAD_CREDENTIALS, LOGIN, claims_of, rows, status_of
from backend.tests.commits import in_background, wait_until_one_waits_for_us

REQUIRED = ["This field is required."]
NO_TEXT = ["Not a valid string."]


def attempts() -> list[tuple[int | None, str, bool, str]]:
    return list(LoginLog.objects.order_by("at").values_list("user_id", "platform_os", "successful", "description"))


@pytest.mark.django_db
def test_signing_in_answers_the_s1_shape(anybody, make_user):
    """S1-R1."""
    user = make_user(email="ana@example.com")

    answer = anybody.post(LOGIN, {"username": "ana@example.com", "password": PASSWORD, "os": "Android 14"})

    body = answer.json()
    assert answer.status_code == 200
    assert list(body) == [
        "refresh",
        "access",
        "id",
        "_id",
        "username",
        "email",
        "is_staff",
        "is_active",
        "is_superuser",
        "token",
    ]
    assert {name: body[name] for name in list(body)[2:9]} == {
        "id": user.pk,
        "_id": user.pk,
        "username": "ana@example.com",
        "email": "ana@example.com",
        "is_staff": False,
        "is_active": True,
        "is_superuser": False,
    }
    assert body["token"] == body["access"]
    assert status_of(body["access"]) == ACCEPTED


@pytest.mark.django_db
def test_signing_in_leaves_a_session_a_log_row_and_an_audit_row(anybody, make_user):
    """S1-B3, S2-B28."""
    user = make_user(email="ana@example.com")
    before = rows()
    began = timezone.now()

    answer = anybody.post(
        LOGIN, {"username": "ana@example.com", "password": PASSWORD, "os": "iOS"}, HTTP_USER_AGENT="ease/1"
    )

    session = Session.objects.get(pk=claims_of(answer.json()["access"])["sid"])
    assert (session.user_id, session.door, session.platform) == (user.pk, "s1", "iOS")
    assert (session.ip_address, session.user_agent, session.revoked_at) == ("127.0.0.1", "ease/1", None)
    assert attempts() == [(user.pk, "iOS", True, "Login Successful")]
    audit = AuditLog.objects.get(action="session.opened")
    assert (audit.actor_id, audit.target_type, audit.target_id) == (user.pk, "identity.user", str(user.pk))
    assert audit.facts == {"sid": str(session.pk), "door": "s1"}
    user.refresh_from_db()
    assert user.last_login_ip == "127.0.0.1"
    assert user.last_login is not None
    assert user.last_login <= timezone.now()
    assert session.created_at >= began
    assert rows() == {**before, "Session": before["Session"] + 1, "LoginLog": 1, "AuditLog": before["AuditLog"] + 1}


@pytest.mark.django_db
def test_s1_tokens_live_six_hours_and_seven_days(anybody, make_user):
    """S1-B1, K-15, K-16."""
    user = make_user(email="ana@example.com")

    body = anybody.post(LOGIN, {"username": "ana@example.com", "password": PASSWORD}).json()

    access, refresh = claims_of(body["access"]), claims_of(body["refresh"])
    assert access["exp"] - access["iat"] == 6 * 3600
    assert refresh["exp"] - refresh["iat"] == 7 * 24 * 3600
    assert access["user_id"] == refresh["user_id"] == user.pk
    assert access["sid"] == refresh["sid"]


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["ana@example.com", "ANA@EXAMPLE.COM", "  Ana@Example.Com \n"])
def test_case_and_outer_spaces_of_the_e_mail_do_not_matter(anybody, make_user, typed):
    """E-S1-1."""
    user = make_user(email="Ana@example.com")

    answer = anybody.post(LOGIN, {"username": typed, "password": PASSWORD})

    assert (answer.status_code, answer.json()["id"]) == (200, user.pk)


@pytest.mark.django_db
def test_a_username_that_is_no_e_mail_signs_in_too(anybody, make_user):
    """K-4."""
    user = make_user(email="ana@example.com", username="Ana")

    answer = anybody.post(LOGIN, {"username": "ana", "password": PASSWORD})

    assert (answer.status_code, answer.json()["id"], answer.json()["username"]) == (200, user.pk, "Ana")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "stored"),
    [({}, ""), ({"os": None}, ""), ({"os": ""}, ""), ({"os": " Web "}, "Web"), ({"os": "x" * 60}, "x" * 50)],
    ids=["missing", "null", "empty", "with spaces", "too long for the log"],
)
def test_the_platform_is_optional(anybody, make_user, fields, stored):
    """BUG-S1-3."""
    user = make_user(email="ana@example.com")

    answer = anybody.post(LOGIN, {"username": "ana@example.com", "password": PASSWORD, **fields})

    assert answer.status_code == 200
    assert attempts() == [(user.pk, stored, True, "Login Successful")]
    assert Session.objects.get().platform == stored


@pytest.mark.django_db
def test_unknown_account_and_wrong_password_get_the_very_same_answer(anybody, make_user):
    """E-S1-3, BUG-S1-4, K-21."""
    make_user(email="ana@example.com")

    wrong = anybody.post(LOGIN, {"username": "ana@example.com", "password": "not it"})
    unknown = anybody.post(LOGIN, {"username": "bob@example.com", "password": "not it"})

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == BAD_CREDENTIALS
    assert wrong.content == unknown.content
    unlike = {"X-Request-Id"}
    assert {k: v for k, v in wrong.headers.items() if k not in unlike} == {
        k: v for k, v in unknown.headers.items() if k not in unlike
    }


@pytest.mark.django_db
def test_unknown_account_and_wrong_password_cost_the_same_hash(anybody, make_user, monkeypatch):
    """E-S1-3: the time of the answer tells nothing either."""
    make_user(email="ana@example.com")
    algorithms: list[str] = []

    def counting(password: str, encoded: str) -> bool:
        algorithms.append(encoded.split("$")[0])
        return check(password, encoded)

    check = signing_in.check_password
    monkeypatch.setattr(signing_in, "check_password", counting)

    anybody.post(LOGIN, {"username": "ana@example.com", "password": "not it"})
    anybody.post(LOGIN, {"username": "bob@example.com", "password": "not it"})
    anybody.post(LOGIN, {"username": "   ", "password": "not it"})

    assert algorithms == ["md5", "md5"]


@pytest.mark.django_db
def test_every_failed_attempt_is_logged_and_nothing_else_happens(anybody, make_user):
    """S1-B3, S2-B24, BUG-S1-1."""
    user = make_user(email="ana@example.com")
    before = rows()

    anybody.post(LOGIN, {"username": "ana@example.com", "password": "not it", "os": "Web"})
    anybody.post(LOGIN, {"username": "bob@example.com", "password": "not it", "os": "Web"})

    assert attempts() == [(user.pk, "Web", False, "Login Failed"), (None, "Web", False, "Login Failed")]
    events = SecurityEvent.objects.order_by("id").values_list("event_type", "user_id", "severity", "metadata")
    assert list(events) == [
        ("FAILED_LOGIN", user.pk, "LOW", {"failures_in_a_row": 1}),
        ("FAILED_LOGIN", None, "LOW", {"failures_in_a_row": 1}),
    ]
    assert rows() == {**before, "LoginLog": 2, "SecurityEvent": 2}


@pytest.mark.django_db
def test_a_blocked_account_is_told_so_only_after_the_right_password(anybody, make_user):
    """S1-B5, K-22."""
    user = make_user(email="ana@example.com", is_active=False)
    before = rows()

    wrong = anybody.post(LOGIN, {"username": "ana@example.com", "password": "not it"})
    right = anybody.post(LOGIN, {"username": "ana@example.com", "password": PASSWORD})

    assert (wrong.status_code, wrong.json()) == (401, BAD_CREDENTIALS)
    assert (right.status_code, right.json()) == (
        403,
        {"detail": "This account is blocked. Please contact an administrator.", "code": "account_blocked"},
    )
    assert attempts() == [(user.pk, "", False, "Login Failed"), (user.pk, "", False, "Login Failed: blocked")]
    assert SecurityEvent.objects.get().event_type == "FAILED_LOGIN"
    assert rows() == {**before, "LoginLog": 2, "SecurityEvent": 1}


@pytest.mark.django_db
def test_every_sign_in_is_logged_and_its_tokens_are_fresh(anybody, make_user):
    """S1-B6 and BUG-S1-2: no answer of an earlier sign-in is given again."""
    user = make_user("SUPPORT_AGENT", email="ana@example.com")
    asked = {"username": "ana@example.com", "password": PASSWORD}

    first = anybody.post(LOGIN, asked).json()
    User.objects.filter(pk=user.pk).update(is_staff=True)
    second = anybody.post(LOGIN, asked).json()

    assert (first["is_staff"], second["is_staff"]) == (False, True)
    assert claims_of(first["access"])["sid"] != claims_of(second["access"])["sid"]
    assert attempts() == [(user.pk, "", True, "Login Successful")] * 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "errors"),
    [
        pytest.param({}, {"username": REQUIRED, "password": REQUIRED}, id="nothing"),
        pytest.param({"username": "ana@example.com"}, {"password": REQUIRED}, id="no password"),
        pytest.param({"password": PASSWORD}, {"username": REQUIRED}, id="no username"),
        pytest.param({"username": "", "password": "x"}, {"username": ["This field may not be blank."]}, id="blank"),
        pytest.param({"username": " ", "password": "x"}, {"username": ["This field may not be blank."]}, id="a space"),
        pytest.param({"username": None, "password": "x"}, {"username": ["This field may not be null."]}, id="null"),
        pytest.param({"username": 7, "password": "x"}, {"username": NO_TEXT}, id="a number"),
        pytest.param({"username": "a", "password": ["x"]}, {"password": NO_TEXT}, id="a list"),
        pytest.param({"username": "a", "password": {"$ne": ""}}, {"password": NO_TEXT}, id="an object"),
        pytest.param({"username": "a", "password": True}, {"password": NO_TEXT}, id="a switch"),
        pytest.param({"username": "a", "password": "x", "os": 14}, {"os": NO_TEXT}, id="a number as platform"),
        pytest.param(
            {"username": "ana@example.com\x00", "password": "a\x00b"},
            {"username": ["Null characters are not allowed."], "password": ["Null characters are not allowed."]},
            id="NUL",
        ),
        pytest.param(
            {"username": "a" * 256, "password": "x" * 1025},
            {
                "username": ["Ensure this field has no more than 255 characters."],
                "password": ["Ensure this field has no more than 1024 characters."],
            },
            id="too long",
        ),
        pytest.param(
            ["ana@example.com"],
            {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]},
            id="a list for a body",
        ),
    ],
)
def test_a_malformed_request_is_400_and_leaves_nothing(anybody, make_user, body, errors):
    """BUG-S1-7's kind: never a 500."""
    make_user(email="ana@example.com")
    before = rows()

    answer = anybody.post(LOGIN, body)

    assert (answer.status_code, answer.json()) == (400, errors)
    assert rows() == before


@pytest.mark.django_db
def test_a_form_signs_in_like_json(anybody, make_user):
    make_user(email="ana@example.com")

    answer = anybody.post(
        LOGIN,
        "username=ana%40example.com&password=correct+horse+battery+staple",
        content_type="application/x-www-form-urlencoded",
    )

    assert answer.status_code == 200


@pytest.mark.django_db
def test_a_stale_token_does_not_stand_in_the_way(anybody, make_user):
    make_user(email="ana@example.com")
    anybody.credentials(HTTP_AUTHORIZATION="Token stale")

    answer = anybody.post(LOGIN, {"username": "ana@example.com", "password": PASSWORD})

    assert answer.status_code == 200


@pytest.mark.django_db
def test_other_methods_are_refused(anybody):
    assert [getattr(anybody, method)(LOGIN).status_code for method in ("get", "put", "patch", "delete")] == [405] * 4


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("identifier", "index"),
    [("ana@example.com", "identity_user_email_unique"), ("ana", "identity_user_username_unique")],
)
def test_an_account_is_found_by_its_index(make_user, identifier, index):
    """Signing in costs the same with a million users."""
    field = "email" if "@" in identifier else "username"
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    plan = User.objects.known_by(field, identifier).explain()

    assert index in plan


@pytest.mark.django_db
def test_letters_that_only_look_alike_are_other_people(anybody, make_user):
    """`ſ` in upper case is S: compared so, one could shut the other out."""
    first = make_user(email="ſam@example.com", password="first person's words")
    second = make_user(email="sam@example.com", password="second person's words")

    answers = [
        anybody.post(LOGIN, {"username": "ſam@example.com", "password": "first person's words"}),
        anybody.post(LOGIN, {"username": "sam@example.com", "password": "second person's words"}),
    ]

    assert [answer.json().get("id") for answer in answers] == [first.pk, second.pk]
    assert User.objects.get_by_natural_key("SAM@example.com") == second


@pytest.mark.parametrize("change", [{"password": "md5$x$y"}, {"is_active": False}], ids=["new password", "blocked"])
def test_a_sign_in_overtaken_by_a_new_password_or_a_block_opens_nothing(committed, anybody, make_user, change):
    """Otherwise whoever knows the old password keeps a session that the change was meant to end."""
    user = make_user(email="ana@example.com")
    before = rows()
    asked = {"username": "ana@example.com", "password": PASSWORD}

    with in_background(lambda: anybody.post(LOGIN, asked)) as answer_of_sign_in:
        with transaction.atomic():
            User.objects.filter(pk=user.pk).update(**change)
            wait_until_one_waits_for_us()
        answer = answer_of_sign_in()

    assert (answer.status_code, answer.json()) == (401, BAD_CREDENTIALS)
    assert attempts() == [(user.pk, "", False, "Login Failed")]
    assert rows() == {**before, "LoginLog": 1}


@pytest.mark.django_db
@pytest.mark.parametrize("identifier", ["", "   ", "ana\x00@example.com"])
def test_what_can_be_nobodys_name_is_not_looked_for(identifier, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert signing_in.find_by_identifier(identifier) is None
