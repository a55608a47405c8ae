"""The admin site: sign-in behind the same locks, and roles, flags and keys through the services (K-39, S1-B10)."""

import pytest
from django.conf import settings
from django.test import Client
from rest_framework_api_key.models import APIKey

from backend.audit.models import AuditLog
from backend.conftest import PASSWORD
from backend.identity.models import KeyGrant, LoginLog, Role, Session, SignInCounter, User, UserRole
from backend.identity.permissions import usable_key
from backend.identity.services import roles
from backend.identity.tests.attempts import WRONG, attempt, events, fail
from backend.identity.tests.doors import ACCEPTED, REFUSED, bearing, rows, status_of

SITE = f"/{settings.ADMIN_URL}/"
SIGN_IN = f"{SITE}login/"
EVENTS = "/api/admin/security-events/"


@pytest.fixture
def chief(make_user):
    return make_user(email="chief@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def desk(chief):
    client = Client()
    client.force_login(chief)
    return client


def enter(email: str, password: str = PASSWORD, **cookies: str):
    client = Client()
    client.cookies.load(cookies)
    answer = client.post(SIGN_IN, {"username": email, "password": password, "next": SITE})
    return client, answer


def is_inside(client) -> bool:
    return client.get(SITE).status_code == 200


def page(model: str, tail: str) -> str:
    return f"{SITE}identity/{model}/{tail}"


# Signing in


@pytest.mark.django_db
def test_staff_get_in_and_that_is_logged(make_user):
    """S1-B3, S2-B24: and the count is cleared."""
    user = make_user(email="staff@example.com", is_staff=True)
    fail("staff@example.com", 4)

    client, answer = enter("STAFF@example.com")

    assert (answer.status_code, answer["Location"]) == (302, SITE)
    assert is_inside(client)
    log = LoginLog.objects.order_by("-at").first()
    assert (log.user_id, log.platform_os, log.successful) == (user.pk, "admin site", True)
    assert SignInCounter.objects.count() == 0
    assert AuditLog.objects.get(action="session.opened").facts == {"door": "admin"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("flags", "password"),
    [
        pytest.param({"is_staff": True}, WRONG, id="wrong password"),
        pytest.param({}, PASSWORD, id="not staff"),
        pytest.param({"is_staff": True, "is_active": False}, PASSWORD, id="blocked"),
        pytest.param({"is_superuser": True}, PASSWORD, id="superuser without the staff flag"),
    ],
)
def test_nobody_else_gets_in_and_all_hear_the_same(make_user, flags, password):
    user = make_user(email="ana@example.com", **flags)

    client, answer = enter("ana@example.com", password)

    assert answer.status_code == 200
    assert "Please enter the correct email and password for a staff account." in answer.text
    assert not is_inside(client)
    assert list(LoginLog.objects.values_list("user_id", "platform_os", "successful")) == [
        (user.pk, "admin site", False)
    ]
    assert not AuditLog.objects.filter(action="session.opened").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["staff@example.com", "nobody@example.com"])
def test_five_failures_lock_this_door_too(make_user, email):
    """S2-B24."""
    make_user(email="staff@example.com", is_staff=True)
    [enter(email, WRONG) for _ in range(5)]

    client, answer = enter(email)

    assert answer.status_code == 200
    assert not is_inside(client)
    assert [kind for kind, _ in events()].count("ACCOUNT_LOCKED") == 1
    assert attempt("s1", email).status_code == 401


@pytest.mark.django_db
def test_failures_at_other_doors_count_here(make_user):
    make_user(email="staff@example.com", is_staff=True)
    fail("staff@example.com", 5)

    assert not is_inside(enter("staff@example.com")[0])


@pytest.mark.django_db
def test_a_known_device_passes_here_too(make_user):
    make_user(email="staff@example.com", is_staff=True)
    device = attempt("s0", "staff@example.com").cookies["device"].value
    fail("staff@example.com", 5)

    assert is_inside(enter("staff@example.com", device=device)[0])


@pytest.mark.django_db
def test_blocking_ends_what_is_open_here(make_user):
    user = make_user(email="staff@example.com", is_staff=True)
    client, _ = enter("staff@example.com")
    before = is_inside(client)

    User.objects.filter(pk=user.pk).update(is_active=False)

    assert (before, is_inside(client)) == (True, False)


@pytest.mark.django_db
def test_staff_alone_sees_nobodys_data_here(make_user):
    """design.md section 3."""
    client = Client()
    client.force_login(make_user(is_staff=True))

    models = ["user", "role", "userrole", "session", "loginlog"]
    assert [client.get(page(model, "")).status_code for model in models] == [403] * 5


@pytest.mark.django_db
def test_every_page_opens_for_a_superuser(desk, make_user):
    attempt("s1", make_user(email="ana@example.com").email)
    models = ["user", "role", "userrole", "session", "loginlog"]

    lists = [desk.get(page(model, "")).status_code for model in models]
    forms = [
        desk.get(page("user", f"{User.objects.first().pk}/change/")).status_code,
        desk.get(page("role", f"{Role.objects.first().pk}/change/")).status_code,
        desk.get(page("userrole", f"{UserRole.objects.first().pk}/change/")).status_code,
        desk.get(page("userrole", "add/")).status_code,
        desk.get(page("session", f"{Session.objects.first().pk}/change/")).status_code,
        desk.get(page("loginlog", f"{LoginLog.objects.first().pk}/change/")).status_code,
        desk.get(f"{SITE}rest_framework_api_key/apikey/").status_code,
        desk.get(f"{SITE}rest_framework_api_key/apikey/add/").status_code,
    ]

    assert (lists, forms) == ([200] * 5, [200] * 8)


# Roles


def test_a_role_given_here_is_audited_and_counts_at_once(committed, desk, chief, make_user, token_of):
    """S2-M3: who gave it, and when."""
    ana = make_user()
    client = bearing(token_of(ana))
    before = client.get(EVENTS).status_code

    answer = desk.post(
        page("userrole", "add/"), {"user": ana.pk, "role": Role.objects.get(name="AUDITOR").pk, "is_active": "on"}
    )

    assert answer.status_code == 302
    assert (before, client.get(EVENTS).status_code) == (403, 200)
    held = UserRole.objects.get(user=ana, role__name="AUDITOR")
    assert (held.assigned_by, held.is_active) == (chief, True)
    audit = AuditLog.objects.get(action="role.assigned", facts={"role": "AUDITOR"})
    assert (audit.actor_id, audit.target_id) == (chief.pk, str(ana.pk))


def test_a_role_withdrawn_here_is_audited_and_gone_at_once(committed, desk, chief, make_user, token_of):
    """E-ADM-4: and no session ends."""
    ana = make_user("AUDITOR")
    client = bearing(token_of(ana))
    before = client.get(EVENTS).status_code

    answer = desk.post(page("userrole", f"{UserRole.objects.get(user=ana).pk}/change/"), {})

    assert answer.status_code == 302
    assert (before, client.get(EVENTS).status_code, client.get("/api/profile/").status_code) == (200, 403, 200)
    assert UserRole.objects.get(user=ana).is_active is False
    audit = AuditLog.objects.get(action="role.withdrawn")
    assert (audit.actor_id, audit.target_id, audit.facts) == (chief.pk, str(ana.pk), {"role": "AUDITOR"})


def test_a_role_given_again_is_switched_on(committed, desk, chief, make_user):
    ana = make_user("AUDITOR")
    roles.withdraw_role(user=ana, name="AUDITOR", withdrawn_by=None)
    held = UserRole.objects.get(user=ana)

    answer = desk.post(page("userrole", f"{held.pk}/change/"), {"is_active": "on"})

    held.refresh_from_db()
    assert (answer.status_code, held.is_active, held.assigned_by) == (302, True, chief)


@pytest.mark.django_db
def test_a_role_is_not_given_twice(desk, make_user):
    ana = make_user("AUDITOR")
    before = rows()

    answer = desk.post(page("userrole", "add/"), {"user": ana.pk, "role": UserRole.objects.get(user=ana).role_id})

    assert (answer.status_code, "already exists" in answer.text) == (200, True)
    assert rows() == before


def test_a_role_switched_off_here_counts_for_nobody(committed, desk, chief, make_user, token_of):
    ana = make_user("AUDITOR")
    client, role = bearing(token_of(ana)), Role.objects.get(name="AUDITOR")
    before = client.get(EVENTS).status_code

    answer = desk.post(
        page("role", f"{role.pk}/change/"), {"name": role.name, "description": "x", "permissions": '["view"]'}
    )

    role.refresh_from_db()
    assert (answer.status_code, role.is_active, role.permissions) == (302, False, ["view"])
    assert (before, client.get(EVENTS).status_code) == (200, 403)
    audit = AuditLog.objects.get(action="role.changed")
    assert (audit.actor_id, audit.target_id) == (chief.pk, str(role.pk))
    assert "is_active" in audit.facts["fields"]


@pytest.mark.django_db
@pytest.mark.parametrize("model", ["user", "role", "userrole", "session", "loginlog"])
def test_nothing_is_deleted_here(desk, make_user, model):
    attempt("s1", make_user(email="ana@example.com").email)
    kinds = {"user": User, "role": Role, "userrole": UserRole, "session": Session, "loginlog": LoginLog}
    before = rows()

    answers = [
        desk.post(page(model, f"{kinds[model].objects.first().pk}/delete/"), {"post": "yes"}),
        desk.post(
            page(model, ""), {"action": "delete_selected", "_selected_action": [kinds[model].objects.first().pk]}
        ),
    ]

    assert answers[0].status_code == 403
    assert rows() == before


# People


def form_of(user, **changes):
    values = {name: getattr(user, name) for name in ("email", "first_name", "last_name")}
    flags = {name: "on" for name in ("is_active", "is_staff", "is_superuser") if getattr(user, name)}
    return {name: value for name, value in {**values, **flags, **changes}.items() if value is not None}


def test_blocking_somebody_here_ends_their_sessions(committed, desk, chief, make_user, token_of):
    """design.md section 3: as from the super-admin desk."""
    ana = make_user()
    token = token_of(ana)
    before = status_of(token)

    answer = desk.post(page("user", f"{ana.pk}/change/"), form_of(ana, is_active=None))

    assert answer.status_code == 302
    assert (before, status_of(token)) == (ACCEPTED, REFUSED)
    audit = AuditLog.objects.get(action="user.changed")
    assert (audit.actor_id, audit.facts) == (chief.pk, {"fields": ["is_active"], "is_active": False})


@pytest.mark.django_db
def test_a_new_e_mail_given_here_is_the_username_too(desk, make_user):
    """S1-R32: otherwise the table's own rule is broken."""
    ana = make_user(email="ana@example.com")

    answer = desk.post(page("user", f"{ana.pk}/change/"), form_of(ana, email="anna@example.com"))

    ana.refresh_from_db()
    assert (answer.status_code, ana.email, ana.username) == (302, "anna@example.com", "anna@example.com")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes", [{"email": "CHIEF@example.com"}, {"email": "x"}], ids=["another's address", "no address"]
)
def test_an_unfit_address_is_refused_here(desk, make_user, changes):
    ana = make_user(email="ana@example.com")
    before = rows()

    answer = desk.post(page("user", f"{ana.pk}/change/"), form_of(ana, **changes), follow=True)

    ana.refresh_from_db()
    assert answer.status_code == 200
    assert (ana.email, rows()) == ("ana@example.com", before)


@pytest.mark.django_db
@pytest.mark.parametrize("changes", [{"is_superuser": None}, {"is_active": None}], ids=["demote", "block"])
def test_the_last_superuser_stays(desk, chief, changes):
    """BUG-S1-6."""
    before = rows()

    answer = desk.post(page("user", f"{chief.pk}/change/"), form_of(chief, **changes), follow=True)

    chief.refresh_from_db()
    assert (chief.is_superuser, chief.is_active) == (True, True)
    assert "The last active superuser cannot be removed, blocked or demoted." in answer.text
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    "field", ["kyc_status", "risk_profile", "username", "customer_id", "password", "is_account_verified"]
)
def test_what_has_rules_of_its_own_is_not_changed_here(desk, make_user, field):
    ana = make_user(email="ana@example.com")
    was = User.objects.values(field).get(pk=ana.pk)

    desk.post(page("user", f"{ana.pk}/change/"), form_of(ana, **{field: "APPROVED"}))

    assert User.objects.values(field).get(pk=ana.pk) == was


# Keys


def key_form(**changes):
    grants = {"grant-TOTAL_FORMS": "1", "grant-INITIAL_FORMS": "0", "grant-MIN_NUM_FORMS": "0"}
    return {"name": "Partner", "expiry_date_0": "", "expiry_date_1": "", **grants, **changes}


@pytest.mark.django_db
def test_a_key_made_here_is_shown_once_and_audited(desk, chief):
    answer = desk.post(
        f"{SITE}rest_framework_api_key/apikey/add/", key_form(**{"grant-0-scopes": '["partner"]'}), follow=True
    )

    key = APIKey.objects.get()
    (message,) = [str(each) for each in answer.context["messages"] if str(each).startswith("The API key for")]
    secret = next(word for word in message.split() if word.startswith(key.prefix)).removesuffix(".")
    assert usable_key(secret) == key
    assert KeyGrant.objects.get().scopes == ["partner"]
    audit = AuditLog.objects.get(action="api_key.created")
    assert (audit.actor_id, audit.facts["prefix"]) == (chief.pk, key.prefix)
    assert secret not in desk.get(f"{SITE}rest_framework_api_key/apikey/").text


@pytest.mark.django_db
@pytest.mark.parametrize("scopes", ['"partner"', "{}", "7", "[1]", "partner"])
def test_scopes_that_are_no_list_of_words_are_refused_here(desk, scopes):
    before = rows()

    answer = desk.post(f"{SITE}rest_framework_api_key/apikey/add/", key_form(**{"grant-0-scopes": scopes}))

    assert answer.status_code == 200
    assert not APIKey.objects.exists()
    assert rows() == before
