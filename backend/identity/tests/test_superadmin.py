"""S1-R29 to S1-R34 and the hierarchy S1-B8 to S1-B10: `/api/superadmin/user/`."""

from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry

from backend.audit.models import AuditLog
from backend.conftest import PASSWORD
from backend.identity.models import LoginLog, Session, SignInCounter, User
from backend.identity.services import sessions
from backend.identity.tests.attempts import UNSIGNED, WRONG, attempt, events, fail
from backend.identity.tests.doors import ACCEPTED, REFUSED, bearing, notices_to, rows, status_of
from backend.tests.commits import in_parallel

USERS = "/api/superadmin/user/"
NEW = {"email": "new@example.com", "first_name": "Ned", "last_name": "New", "password": "plum under the bridge"}
NOT_YOURS = {"detail": "You may not manage this account.", "code": "user.not_yours"}
ONLY_SUPERUSERS = {"detail": "Only superusers make superusers.", "code": "user.not_yours"}
LAST = {
    "detail": "The last active superuser cannot be removed, blocked or demoted.",
    "code": "user.last_superuser",
}
UNKNOWN = {"detail": "There is no such user.", "code": "user.unknown"}


def one(user_id: int) -> str:
    return f"{USERS}{user_id}/"


def block(user_id: int) -> str:
    return f"{USERS}block/{user_id}/"


@pytest.fixture
def plain(make_user):
    return make_user(email="plain@example.com", first_name="Paula", last_name="Plain")


@pytest.fixture
def staff(make_user):
    return make_user(email="staff@example.com", is_staff=True)


@pytest.fixture
def chief(make_user):
    return make_user(email="chief@example.com", is_staff=True, is_superuser=True)


# Who may come in


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "tail"), [("get", ""), ("post", ""), ("get", "1/"), ("put", "1/"), ("delete", "1/"), ("put", "block/1/")]
)
def test_people_without_flags_are_refused_and_nobody_is_401(anybody, make_user, client_of, plain, method, tail):
    """S1-B7; E-ERR-3: the denial is kept."""
    agent = make_user("SUPPORT_AGENT", "BANK_ADMIN", "AUDITOR")
    client, before = client_of(agent), rows()

    signed = getattr(client, method)(USERS + tail, NEW)
    unsigned = getattr(anybody, method)(USERS + tail, NEW)

    assert (signed.status_code, signed.json()["code"]) == (403, "permission_denied")
    assert (unsigned.status_code, unsigned.json()) == (401, UNSIGNED)
    assert events() == [("UNAUTHORIZED_ACCESS", agent.pk)]
    assert rows() == {**before, "SecurityEvent": 1}


# The list


@pytest.mark.django_db
def test_staff_list_everybody(plain, staff, chief, client_of):
    """S1-R29, S1-B8, BUG-S1-26: nobody is hidden."""
    answer = client_of(staff).get(USERS)

    assert answer.status_code == 200
    assert [entry["id"] for entry in answer.json()] == [plain.pk, staff.pk, chief.pk]
    assert answer.json()[0] == {
        "id": plain.pk,
        "_id": plain.pk,
        "username": "plain@example.com",
        "email": "plain@example.com",
        "is_active": True,
        "is_staff": False,
        "is_superuser": False,
        "first_name": "Paula",
        "last_name": "Plain",
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param({"is_staff": "true"}, ["staff", "chief"], id="staff"),
        pytest.param({"is_staff": "False"}, ["plain", "former"], id="no staff"),
        pytest.param({"is_superuser": "true"}, ["chief"], id="superusers"),
        pytest.param({"is_active": "false"}, ["former"], id="blocked"),
        pytest.param({"is_active": "true", "is_staff": "false"}, ["plain"], id="two flags"),
        pytest.param({"start_date": "2026-03-02 00:00:00"}, ["former"], id="joined since, to now"),
        pytest.param({"end_date": "2026-03-01 10:00:00"}, ["plain", "staff", "chief"], id="joined until"),
        pytest.param(
            {"start_date": "2026-03-01 10:00:00", "end_date": "2026-03-01 10:00:00"},
            ["plain", "staff", "chief"],
            id="equal bounds",
        ),
    ],
)
def test_flags_and_the_day_of_joining_filter(plain, staff, chief, make_user, client_of, asked, found):
    """S1-R29, S1-B12."""
    former = make_user(email="former@example.com", is_active=False)
    User.objects.update(date_joined=datetime(2026, 3, 1, 10, tzinfo=UTC))
    User.objects.filter(pk=former.pk).update(date_joined=datetime(2026, 3, 2, 10, tzinfo=UTC))

    answer = client_of(staff).get(USERS, asked)

    assert answer.status_code == 200
    assert [entry["email"].partition("@")[0] for entry in answer.json()] == found


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "errors"),
    [
        ({"is_staff": "maybe"}, {"is_staff": ["Say true or false."]}),
        ({"start_date": "2026-03-02"}, {"start_date": ["Write it as YYYY-MM-DD HH:MM:SS."]}),
        ({"end_date": "\x00"}, {"end_date": ["Write it as YYYY-MM-DD HH:MM:SS."]}),
        ({"start_date": "2999-01-01 00:00:00"}, {"start_date": ["The start is after the end."]}),
        (
            {"start_date": "2026-03-02 00:00:00", "end_date": "2026-03-01 00:00:00"},
            {"start_date": ["The start is after the end."]},
        ),
    ],
)
def test_a_malformed_filter_is_400(staff, client_of, asked, errors):
    """S1-R29, E-S1-9."""
    answer = client_of(staff).get(USERS, asked)

    assert (answer.status_code, answer.json()) == (400, errors)


# Making accounts


@pytest.mark.django_db
def test_staff_make_a_plain_account_that_signs_in(staff, client_of):
    """S1-R30, S1-B8, BUG-S1-23, BUG-S1-24: active, and the answer holds no token."""
    answer = client_of(staff).post(USERS, NEW)

    made = User.objects.get(email="new@example.com")
    assert (answer.status_code, answer.json()) == (
        202,
        {
            "id": made.pk,
            "_id": made.pk,
            "username": "new@example.com",
            "email": "new@example.com",
            "is_active": True,
            "is_staff": False,
            "is_superuser": False,
            "first_name": "Ned",
            "last_name": "New",
        },
    )
    assert list(made.user_roles.values_list("role__name", "assigned_by")) == [("CUSTOMER", staff.pk)]
    audit = AuditLog.objects.get(action="user.created")
    assert (audit.actor_id, audit.target_id, audit.facts) == (staff.pk, str(made.pk), {"is_staff": False})
    assert attempt("s1", "new@example.com", NEW["password"]).status_code == 200


@pytest.mark.django_db
def test_a_new_staff_account_is_a_support_agent(staff, client_of):
    """S1-B8; design.md section 3."""
    answer = client_of(staff).post(USERS, {**NEW, "is_staff": True})

    made = User.objects.get(email="new@example.com")
    assert (answer.status_code, answer.json()["is_staff"]) == (202, True)
    assert list(made.user_roles.values_list("role__name", flat=True)) == ["SUPPORT_AGENT"]


@pytest.mark.django_db
def test_staff_make_no_superusers(staff, client_of):
    """S1-R30, S1-B8."""
    client, before = client_of(staff), rows()

    answer = client.post(USERS, {**NEW, "is_superuser": True})

    assert (answer.status_code, answer.json()) == (403, ONLY_SUPERUSERS)
    assert events() == [("UNAUTHORIZED_ACCESS", staff.pk)]
    assert rows() == {**before, "SecurityEvent": 1}


@pytest.mark.django_db
def test_a_superuser_who_is_staff_makes_superusers(chief, client_of):
    """S1-B9, E-S1-13, BUG-S1-22."""
    answer = client_of(chief).post(USERS, {**NEW, "is_staff": True, "is_superuser": True, "is_active": False})

    body = answer.json()
    assert answer.status_code == 202
    assert (body["is_superuser"], body["is_staff"], body["is_active"]) == (True, True, False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        pytest.param({"email": "PLAIN@example.com"}, {"email": ["A user with this email already exists."]}, id="taken"),
        pytest.param({"email": "x"}, {"email": ["Enter a valid e-mail address."]}, id="no address"),
        pytest.param({"password": "password"}, {"password": ["This password is too common."]}, id="common password"),
        pytest.param({"first_name": ""}, {"first_name": ["This field may not be blank."]}, id="blank name"),
        pytest.param({"is_staff": "maybe"}, {"is_staff": ["Must be a valid boolean."]}, id="no switch"),
    ],
)
def test_an_unfit_account_is_400_and_leaves_nothing(plain, staff, client_of, changes, errors):
    """S1-R30, BUG-S1-24."""
    client, before = client_of(staff), rows()

    answer = client.post(USERS, {**NEW, **changes})

    assert (answer.status_code, answer.json()) == (400, errors)
    assert rows() == before


# Reading and changing


@pytest.mark.django_db
@pytest.mark.parametrize("other", ["plain", "staff", "chief"])
def test_a_superuser_reads_everybody(request, chief, client_of, other):
    """S1-R31, S1-B10."""
    user = request.getfixturevalue(other)

    answer = client_of(chief).get(one(user.pk))

    assert (answer.status_code, answer.json()["email"]) == (200, user.email)


@pytest.mark.django_db
@pytest.mark.parametrize("other", ["colleague", "self", "chief"])
@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("get", one, None),
        ("put", one, {"first_name": "Eve"}),
        ("delete", one, None),
        ("put", block, {}),
        ("put", block, {"is_active": True}),
    ],
    ids=["read", "change", "delete", "block", "unblock"],
)
def test_staff_touch_neither_staff_nor_superusers(make_user, staff, chief, client_of, other, method, address, body):
    """S1-B10, E-S1-12: not even themselves."""
    user = {"self": staff, "chief": chief, "colleague": make_user(is_staff=True)}[other]
    client = client_of(staff)
    before, was = rows(), User.objects.values().get(pk=user.pk)

    answer = getattr(client, method)(address(user.pk), body)

    assert (answer.status_code, answer.json()["code"]) == (403, "user.not_yours")
    assert User.objects.values().get(pk=user.pk) == was
    assert events() == [("UNAUTHORIZED_ACCESS", staff.pk)]
    assert rows() == {**before, "SecurityEvent": 1}


@pytest.mark.django_db
@pytest.mark.parametrize("user_id", [10**6, 10**18 * 9, 10**30])
@pytest.mark.parametrize(("method", "address"), [("get", one), ("put", one), ("delete", one), ("put", block)])
def test_somebody_unknown_is_404(staff, client_of, method, address, user_id):
    """S1-R31 to S1-R34."""
    client, before = client_of(staff), rows()
    client.raise_request_exception = False

    answer = getattr(client, method)(address(user_id), {"first_name": "Eve"})

    assert (answer.status_code, answer.json()) == (404, UNKNOWN)
    assert rows() == before


@pytest.mark.django_db
def test_staff_change_any_subset_of_a_plain_account(plain, staff, client_of):
    """S1-R32: the username follows the e-mail."""
    answer = client_of(staff).put(one(plain.pk), {"email": " Other@EXAMPLE.com ", "last_name": "Plane"})

    assert (answer.status_code, answer.json()) == (200, {"detail": "The account was updated."})
    plain.refresh_from_db()
    assert (plain.email, plain.username) == ("Other@example.com", "Other@example.com")
    assert (plain.first_name, plain.last_name) == ("Paula", "Plane")
    audit = AuditLog.objects.get(action="user.changed")
    assert (audit.actor_id, audit.target_id) == (staff.pk, str(plain.pk))
    assert audit.facts == {"fields": ["email", "last_name", "username"]}


@pytest.mark.django_db
def test_staff_promote_nobody_to_superuser(plain, staff, client_of):
    """E-S1-12, BUG-S1-21."""
    client, before = client_of(staff), rows()

    answer = client.put(one(plain.pk), {"first_name": "Eve", "is_superuser": True})

    assert (answer.status_code, answer.json()) == (403, ONLY_SUPERUSERS)
    plain.refresh_from_db()
    assert (plain.first_name, plain.is_superuser) == ("Paula", False)
    assert rows() == {**before, "SecurityEvent": 1}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"email": "STAFF@example.com"}, {"email": ["A user with this email already exists."]}),
        ({"email": "x"}, {"email": ["Enter a valid e-mail address."]}),
        ({"is_active": None}, {"is_active": ["This field may not be null."]}),
        ({"last_name": "x" * 151}, {"last_name": ["Ensure this field has no more than 150 characters."]}),
    ],
    ids=["taken", "no address", "null", "too long"],
)
def test_an_unfit_change_is_400_and_changes_nothing(plain, staff, client_of, body, errors):
    """S1-R32."""
    client = client_of(staff)
    before, was = rows(), User.objects.values().get(pk=plain.pk)

    answer = client.put(one(plain.pk), {"first_name": "Eve", **body})

    assert (answer.status_code, answer.json()) == (400, errors)
    assert User.objects.values().get(pk=plain.pk) == was
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["password", "kyc_status", "customer_id", "username"])
def test_other_fields_are_not_changed_here(plain, staff, client_of, field):
    """S1-R32."""
    client, was = client_of(staff), User.objects.values().get(pk=plain.pk)

    client.put(one(plain.pk), {field: "7"})

    assert User.objects.values().get(pk=plain.pk)[field] == was[field]


def test_a_new_flag_counts_at_the_next_request(committed, plain, chief, client_of, token_of):
    """design.md section 3: and no session ends."""
    client = bearing(token_of(plain))
    before = client.get(USERS).status_code

    client_of(chief).put(one(plain.pk), {"is_staff": True})

    assert (before, client.get(USERS).status_code) == (403, 200)


# Blocking


def test_blocking_ends_every_session(committed, plain, staff, client_of, token_of):
    """S1-R34, E-S1-20, BUG-S1-25: with an empty body."""
    token = token_of(plain)
    accepted_before = status_of(token)

    answer = client_of(staff).put(block(plain.pk), {})

    assert accepted_before == ACCEPTED
    assert (answer.status_code, answer.json()) == (202, {"detail": "The account was blocked."})
    assert status_of(token) == REFUSED
    assert [notice["reason"] for notice in notices_to(plain.pk)] == ["blocked"]
    assert attempt("s1", "plain@example.com").status_code == 403
    facts = AuditLog.objects.get(action="user.changed").facts
    assert facts == {"fields": ["is_active"], "is_active": False}


@pytest.mark.django_db
def test_unblocking_lets_in_again(make_user, staff, client_of):
    """S1-R34, E-S1-20."""
    user = make_user(email="ana@example.com", is_active=False)

    answer = client_of(staff).put(block(user.pk), {"is_active": True})

    assert (answer.status_code, answer.json()) == (202, {"detail": "The account was unblocked."})
    assert attempt("s1", "ana@example.com").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("is_blocked_too", [True, False], ids=["blocked and locked", "locked only"])
def test_unblocking_lifts_locks_too(plain, staff, client_of, is_blocked_too):
    """K-20: the administrator's route clears both, the account's lock and that of its known devices."""
    device = attempt("s1", "plain@example.com")["X-Device-Token"]
    fail("plain@example.com", 5)
    fail("plain@example.com", 5, device=device)
    User.objects.filter(pk=plain.pk).update(is_active=not is_blocked_too)
    locked = [attempt("s1", "plain@example.com", device=known).status_code for known in ("", device)]

    client_of(staff).put(block(plain.pk), {"is_active": True})

    assert locked == [401, 401]
    assert SignInCounter.objects.count() == 0
    assert [attempt("s1", "plain@example.com", device=known).status_code for known in ("", device)] == [200, 200]


@pytest.mark.django_db
def test_a_malformed_block_is_400(plain, staff, client_of):
    """S1-R34."""
    client, before = client_of(staff), rows()

    answer = client.put(block(plain.pk), {"is_active": "maybe"})

    assert (answer.status_code, answer.json()) == (400, {"is_active": ["Must be a valid boolean."]})
    assert rows() == before


# The last superuser


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "body"),
    [(one, {"is_superuser": False}), (one, {"is_active": False}), (block, {})],
    ids=["demote", "deactivate", "block"],
)
def test_the_last_superuser_stays(chief, make_user, client_of, address, body):
    """BUG-S1-6: a blocked one does not count."""
    make_user(is_superuser=True, is_active=False)
    client, before = client_of(chief), rows()

    answer = client.put(address(chief.pk), body)

    assert (answer.status_code, answer.json()) == (400, LAST)
    chief.refresh_from_db()
    assert (chief.is_superuser, chief.is_active) == (True, True)
    assert Session.objects.filter(user=chief, revoked_at=None).exists()
    assert rows() == before


@pytest.mark.django_db
def test_one_of_two_superusers_may_go(chief, make_user, client_of):
    other = make_user(is_superuser=True)

    assert client_of(chief).put(one(other.pk), {"is_superuser": False}).status_code == 200
    other.refresh_from_db()
    assert other.is_superuser is False


def test_two_superusers_who_demote_each_other_leave_one(committed, make_user, client_of):
    """BUG-S1-6, under real concurrency: neither a deadlock nor nobody left."""
    first, second = (make_user(is_superuser=True) for _ in range(2))
    clients = client_of(first), client_of(second)

    answers = in_parallel(
        lambda: clients[0].put(one(second.pk), {"is_superuser": False}),
        lambda: clients[1].put(one(first.pk), {"is_superuser": False}),
    )

    assert User.objects.filter(is_superuser=True).count() == 1
    assert sorted(answer.status_code for answer in answers)[0] == 200
    assert sorted(answer.status_code for answer in answers)[1] in {400, 403}


# Deleting


@pytest.mark.django_db
def test_staff_delete_a_plain_account_without_history(plain, staff, client_of):
    """S1-R33."""
    answer = client_of(staff).delete(one(plain.pk))

    assert (answer.status_code, answer.content) == (204, b"")
    assert not User.objects.filter(pk=plain.pk).exists()
    audit = AuditLog.objects.get(action="user.deleted")
    assert (audit.actor_id, audit.target_id) == (staff.pk, str(plain.pk))


@pytest.mark.django_db
def test_what_the_deleted_did_stays_under_their_number(plain, chief, client_of, anybody):
    """BUG-S1-27: neither the log of sign-ins nor the sessions go with an account."""
    attempt("s1", plain.email)
    attempt("s1", plain.email, WRONG)
    number, (entry, _) = plain.pk, LoginLog.objects.filter(user=plain).order_by("at")

    answer = client_of(chief).delete(one(plain.pk))

    assert answer.status_code == 204
    assert list(LoginLog.objects.order_by("at").values_list("user_id", "successful")) == [
        (number, True),
        (number, False),
    ]
    ended = Session.objects.get(user_id=number)
    assert (ended.revoked_reason, ended.revoked_at is None) == ("deleted", False)
    shown = client_of(chief).get(f"/api/users/loginLog/{entry.pk}/").json()
    assert (shown["user"], shown["successful"]) == (number, True)


@pytest.mark.django_db
def test_what_somebody_did_on_the_admin_site_keeps_their_account(plain, chief, client_of):
    LogEntry.objects.log_actions(plain.pk, [chief], CHANGE)

    answer = client_of(chief).delete(one(plain.pk))

    assert answer.status_code == 409
    assert LogEntry.objects.count() == 1


def test_the_tokens_of_the_deleted_are_refused(committed, plain, staff, client_of, token_of):
    token = token_of(plain)
    accepted_before = status_of(token)

    client_of(staff).delete(one(plain.pk))

    assert (accepted_before, status_of(token)) == (ACCEPTED, REFUSED)


@pytest.mark.django_db
def test_nobody_deletes_themselves_here(chief, make_user, client_of):
    """BUG-S1-27."""
    make_user(is_superuser=True)
    client, before = client_of(chief), rows()

    answer = client.delete(one(chief.pk))

    assert (answer.status_code, answer.json()) == (
        403,
        {"detail": "Nobody deletes their own account here.", "code": "user.not_yours"},
    )
    assert rows() == {**before, "SecurityEvent": 1}


@pytest.mark.django_db
def test_an_account_with_a_history_stays(plain, staff, client_of):
    """BUG-S1-27: chats are not deleted along."""
    apps.get_model("support", "Chat").objects.create(customer=plain)
    sessions.open_session(user=plain, door="s1")
    client, before = client_of(staff), rows()

    answer = client.delete(one(plain.pk))

    assert (answer.status_code, answer.json()) == (
        409,
        {"detail": "This account has a history that must stay; block it instead.", "code": "conflict"},
    )
    assert Session.objects.filter(user=plain, revoked_at=None).count() == 1
    assert rows() == before


@pytest.mark.django_db
def test_passwords_are_never_shown(staff, plain, client_of):
    answer = client_of(staff).get(one(plain.pk))

    assert PASSWORD not in answer.text
    assert "password" not in answer.json()
