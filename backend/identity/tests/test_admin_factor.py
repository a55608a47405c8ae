"""The admin site: the second factor, what staff do for people, Grappelli behind the door, the honeypot (K-39, K-40)."""

import json
import re

import pytest
from django.conf import settings as project
from django.test import Client

from backend.audit.models import AuditLog, SecurityEvent
from backend.common.models import RateLimit
from backend.common.ratelimit import Rule, limiter
from backend.conftest import PASSWORD
from backend.identity.models import RecoveryCode, Session, SignInCounter, TotpDevice, User
from backend.identity.tests.apps import Phone
from backend.identity.tests.attempts import WRONG, an_address, attempt, fail
from backend.identity.tests.doors import notices_to, rows

SITE = f"/{project.ADMIN_URL}/"
SIGN_IN, FACTOR = f"{SITE}login/", f"{SITE}two-factor/"


@pytest.fixture
def phone(monkeypatch):
    return Phone(monkeypatch)


@pytest.fixture
def chief(make_user):
    return make_user(email="chief@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def demanded(settings):
    settings.STAFF_TOTP_REQUIRED = True


@pytest.fixture
def desk(chief):
    client = Client()
    client.force_login(chief)
    return client


def enter(otp: str = "", password: str = PASSWORD):
    client = Client()
    form = {"username": "chief@example.com", "password": password, "otp": otp, "next": SITE}
    return client, client.post(SIGN_IN, form)


def is_inside(client) -> bool:
    return client.get(SITE).status_code == 200


def pressed(client, step: str, **fields: str):
    return client.post(FACTOR, {"step": step, **fields})


# At the door


@pytest.mark.django_db
def test_who_enrolled_needs_the_code_here_too(chief, phone):
    phone.enrol(chief)

    bare, asked = enter()
    wrong, refused = enter("000000")
    right, answer = enter(phone.code())

    assert "Enter the code of your authenticator app" in asked.text
    assert "The code is not valid, or was used before." in refused.text
    assert answer["Location"] == SITE
    assert [is_inside(client) for client in (bare, wrong, right)] == [False, False, True]


@pytest.mark.django_db
def test_a_wrong_password_hears_nothing_of_codes(chief, phone):
    phone.enrol(chief)

    _, answer = enter(phone.code(), password=WRONG)

    assert "Please enter the correct" in answer.text
    assert "authenticator app" not in re.findall(r'class="errornote">([^<]*)', answer.text)[0]


@pytest.mark.django_db
def test_wrong_codes_lock_here_too(chief, phone):
    phone.enrol(chief)
    [enter("000000") for _ in range(5)]

    client, _ = enter(phone.code())

    assert not is_inside(client)
    assert attempt("s2", "chief@example.com").status_code == 423


# Demanded of staff


@pytest.mark.django_db
def test_staff_without_an_app_are_led_to_enrol(chief, phone, demanded):
    client, answer = enter()
    led = client.get(answer["Location"], follow=True)
    scan = pressed(client, "password", password=PASSWORD)
    phone.scan(re.search(r'factor-secret">(\w+)', scan.text)[1])
    outside = is_inside(client)

    codes = pressed(client, "confirm", otp=phone.code())

    assert led.redirect_chain[-1][0].startswith(FACTOR)
    assert "Staff need a second factor here" in led.text
    assert "<svg" in scan.text
    assert len(re.findall(r"<li>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})</li>", codes.text)) == 10
    assert (outside, is_inside(client)) == (False, True)
    assert SecurityEvent.objects.filter(event_type="2FA_ENABLED", user_id=chief.pk).count() == 1
    assert is_inside(enter(phone.code())[0])


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["identity/user/", "audit/auditlog/", "password_change/", "jsi18n/"])
def test_without_it_no_page_opens(desk, demanded, path):
    assert desk.get(f"{SITE}{path}").status_code == 302


@pytest.mark.django_db
def test_a_session_from_before_shows_a_code_first(chief, phone, desk, demanded):
    phone.enrol(chief)
    before = is_inside(desk)

    wrong = pressed(desk, "verify", otp="000000", next=f"{SITE}identity/user/")
    answer = pressed(desk, "verify", otp=phone.code(), next=f"{SITE}identity/user/")

    assert (before, is_inside(desk)) == (False, True)
    assert "The code is not valid" in wrong.text
    assert answer["Location"] == f"{SITE}identity/user/"


@pytest.mark.django_db
def test_a_stolen_session_enrols_nobody(desk, demanded):
    answer = pressed(desk, "password", password=WRONG)

    assert "The password is incorrect." in answer.text
    assert (TotpDevice.objects.count(), SignInCounter.objects.count()) == (0, 1)


@pytest.mark.django_db
def test_nobody_is_led_to_another_site(chief, phone, desk, demanded):
    phone.enrol(chief)

    answer = pressed(desk, "verify", otp=phone.code(), next="https://evil.example/")

    assert answer["Location"] == SITE


@pytest.mark.django_db
def test_who_is_no_staff_has_no_page_here(make_user):
    client = Client()
    client.force_login(make_user())

    assert client.get(FACTOR)["Location"].startswith(SIGN_IN)


# Looking after it


@pytest.fixture
def inside(chief, phone):
    phone.enrol(chief)
    return enter(phone.code())[0]


@pytest.mark.django_db
def test_new_recovery_codes_and_switching_off_take_a_code(inside, chief, phone):
    old = RecoveryCode.objects.values_list("hash", flat=True).order_by("pk").first()
    refused = [pressed(inside, f"two_factor.{act}", otp="000000") for act in ("disable", "renew_recovery_codes")]
    still = (TotpDevice.objects.count(), RecoveryCode.objects.filter(hash=old).count())

    renewed = pressed(inside, "two_factor.renew_recovery_codes", otp=phone.code())
    gone = RecoveryCode.objects.filter(hash=old).count()
    pressed(inside, "two_factor.disable", otp=phone.code())

    assert ["The code is not valid" in answer.text for answer in refused] == [True, True]
    assert (still, gone, TotpDevice.objects.count()) == ((1, 1), 0, 0)
    assert "Your recovery codes" in renewed.text


@pytest.mark.django_db
def test_what_was_switched_off_opens_nothing_any_more(inside, chief, phone, demanded):
    pressed(inside, "two_factor.disable", otp=phone.code())

    assert not is_inside(inside)


@pytest.mark.django_db
def test_a_pressed_button_without_a_code_changes_nothing(inside, phone):
    before = rows()

    answers = [pressed(inside, step) for step in ("two_factor.disable", "verify", "confirm", "password", "nonsense")]

    assert {answer.status_code for answer in answers} == {200}
    assert rows() == before


# One's own password


@pytest.mark.django_db
def test_a_new_password_ends_the_sessions_of_the_doors(desk, chief):
    Session.objects.filter(pk=attempt("s1", "chief@example.com").json() and Session.objects.get().pk)
    words = "another quiet purple tractor"
    form = {"old_password": PASSWORD, "new_password1": words, "new_password2": words}

    answer = desk.post(f"{SITE}password_change/", form)

    chief.refresh_from_db()
    assert (answer.status_code, chief.check_password(words), is_inside(desk)) == (302, True, True)
    assert Session.objects.get().revoked_reason == "password_changed"
    assert AuditLog.objects.filter(action="user.password_changed", actor_id=chief.pk).count() == 1


# What staff do for people


def act(client, page: str, action: str, *pks):
    return client.post(f"{SITE}{page}/", {"action": action, "_selected_action": list(pks)}, follow=True)


@pytest.mark.django_db
def test_a_lock_is_lifted_here(desk, chief, make_user):
    ana = make_user(email="ana@example.com")
    fail("ana@example.com", 5)

    act(desk, "identity/user", "unlock", ana.pk)

    assert attempt("s2", "ana@example.com").status_code == 200
    assert AuditLog.objects.get(action="account.unlocked").actor_id == chief.pk


@pytest.mark.django_db
def test_a_lost_second_factor_is_switched_off_here_but_not_ones_own(desk, chief, make_user, phone):
    ana = make_user(email="ana@example.com")
    phone.enrol(chief)
    phone.enrol(ana)

    answer = act(desk, "identity/user", "switch_second_factor_off", ana.pk, chief.pk)

    assert list(TotpDevice.objects.values_list("user_id", flat=True)) == [chief.pk]
    assert "switched off with a code" in answer.text
    audit = AuditLog.objects.get(action="two_factor.disabled")
    assert (audit.actor_id, audit.target_id) == (chief.pk, str(ana.pk))
    assert "two_factor.disabled" in [notice["kind"] for notice in notices_to(ana.pk)]


@pytest.mark.django_db
def test_sessions_are_ended_here(desk, chief, make_user):
    ana = make_user(email="ana@example.com", is_staff=True)
    for _ in range(2):
        attempt("s1", "ana@example.com")
    first = Session.objects.order_by("created_at").first()

    act(desk, "identity/session", "end", first.pk)
    one = Session.objects.filter(revoked_at=None).count()
    act(desk, "identity/user", "sign_out_everywhere", ana.pk)

    assert (one, Session.objects.filter(revoked_at=None).count()) == (1, 0)
    assert set(Session.objects.values_list("revoked_reason", flat=True)) == {"ended_by_staff"}
    actions = set(AuditLog.objects.filter(actor_id=chief.pk).values_list("action", flat=True))
    assert {"session.ended_by_staff", "user.signed_out"} <= actions


@pytest.mark.django_db
def test_a_block_is_lifted_here(desk, chief):
    rule, identity = Rule("honeypot", 1, 60), f"ip:{an_address()}"
    for _ in range(2):
        limiter().hit(rule, identity)
    blocked = limiter().hit(rule, identity).allowed

    act(desk, "common/ratelimit", "lift", RateLimit.objects.get(identifier=identity).pk)

    assert (blocked, limiter().hit(rule, identity).allowed) == (False, True)
    assert AuditLog.objects.get(action="rate_limit.lifted").facts == {"rule": "honeypot", "of": "ip"}


@pytest.mark.django_db
def test_a_security_event_is_resolved_here_by_bank_admins_only(make_user):
    fail("nobody@example.com", 1)
    event = SecurityEvent.objects.get()
    states = []
    for role in ("AUDITOR", "BANK_ADMIN"):
        client = Client()
        client.force_login(make_user(role, is_staff=True))
        act(client, "audit/securityevent", "resolve", event.pk)
        event.refresh_from_db()
        states.append(event.resolved)

    assert states == [False, True]


@pytest.mark.django_db
def test_somebody_new_is_made_by_the_service(desk, chief):
    """S0-O8, S3-O12."""
    form = {"email": "Bela@Example.com", "name": "Bela Costa", "first_name": "Bela", "last_name": "Costa"}
    words = {"password1": "plum under the bridge", "password2": "plum under the bridge"}

    weak = desk.post(f"{SITE}identity/user/add/", {**form, "password1": "12345678", "password2": "12345678"})
    other = desk.post(f"{SITE}identity/user/add/", {**form, **words, "password2": "another"})
    answer = desk.post(f"{SITE}identity/user/add/", {**form, **words, "is_active": "on", "is_staff": "on"})

    bela = User.objects.get(email="Bela@example.com")
    assert ("too common" in weak.text, "The two passwords differ." in other.text) == (True, True)
    assert (answer.status_code, bela.name, bela.is_staff, bela.is_superuser) == (302, "Bela Costa", True, False)
    assert bela.check_password("plum under the bridge")
    assert AuditLog.objects.get(action="user.created").actor_id == chief.pk
    assert [held.role.name for held in bela.user_roles.all()] == ["SUPPORT_AGENT"]


@pytest.mark.django_db
def test_a_rule_change_is_announced_here(desk, make_user, django_capture_on_commit_callbacks):
    ana = make_user()
    form = {
        "key": "kyc.documents",
        "title": "Papers",
        "text": "x",
        "affects": "CUSTOMERS",
        "effective_on": "2999-01-01",
    }

    with django_capture_on_commit_callbacks(execute=True):
        desk.post(f"{SITE}identity/rulechange/add/", form)
    past = desk.post(f"{SITE}identity/rulechange/add/", {**form, "effective_on": "2020-01-01"}, follow=True)

    assert "rules.changed" in [notice["kind"] for notice in notices_to(ana.pk)]
    assert "A rule cannot count from a day that is over." in past.text


# Grappelli


@pytest.mark.django_db
def test_grappelli_leads_to_the_site_and_answers_only_whoever_sees_the_table(make_user, desk, chief):
    """K-40. As it comes, it answers any staff about any column of any table, and lets one become somebody else."""
    lookup = "/grappelli/lookup/related/"
    asked = {"object_id": chief.pk, "app_label": "identity", "model_name": "user"}
    agent = Client()
    agent.force_login(make_user("SUPPORT_AGENT", is_staff=True))

    assert Client().get("/grappelli/")["Location"] == SITE
    assert json.loads(desk.get(lookup, asked).content) == [
        {"value": str(chief.pk), "label": chief.email, "safe": False}
    ]
    narrowed = json.loads(desk.get(lookup, {**asked, "query_string": "password__startswith=no"}).content)
    assert narrowed[0]["label"] == chief.email
    assert [agent.get(lookup, asked).status_code, Client().get(lookup, asked).status_code] == [403, 302]
    assert desk.get(lookup, {**asked, "model_name": "passwordreset"}).status_code == 403
    assert desk.get(f"/grappelli/switch/user/{chief.pk}/?redirect=/").status_code == 404


# The honeypot

POT = f"/{project.ADMIN_HONEYPOT_URL}/"


@pytest.mark.django_db
def test_the_honeypot_looks_like_a_site_to_sign_in_on():
    client = Client()
    first = client.get(POT)
    page = client.get(first["Location"])

    assert first["Location"] == f"{POT}login/?next=%2Fadmin%2F"
    assert client.get(f"/{project.ADMIN_HONEYPOT_URL}")["Location"].startswith(f"{POT}login/")
    assert client.get(f"{POT}auth/user/1/change/")["Location"].startswith(f"{POT}login/?next=")
    assert ("Django administration" in page.text, 'name="csrfmiddlewaretoken"' in page.text) == (True, True)
    assert "Ease" not in page.text
    assert not SecurityEvent.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("path", [f"{POT}login/", POT, f"{POT}auth/user/add/"])
def test_a_try_is_kept_without_what_was_typed_and_lets_nobody_in(chief, path):
    """E-S4-15: with the right password, too."""
    client = Client(enforce_csrf_checks=True)

    answer = client.post(
        path,
        {"username": "Chief@example.com", "password": PASSWORD},
        REMOTE_ADDR="127.0.0.9",
        HTTP_USER_AGENT="sqlmap/1.8",
    )

    event = SecurityEvent.objects.get()
    assert (answer.status_code, "Please enter the correct username and password" in answer.text) == (200, True)
    assert (event.event_type, event.ip_address, event.user_agent) == ("SUSPICIOUS_ACTIVITY", "127.0.0.9", "sqlmap/1.8")
    assert (event.metadata["kind"], event.metadata["path"]) == ("honeypot", path)
    assert re.fullmatch(r"[0-9a-f]{16}", event.metadata["name_hash"])
    stored = str(SecurityEvent.objects.values().get()).lower()
    assert ("chief" in stored, PASSWORD in stored) == (False, False)
    assert "sessionid" not in client.cookies
    assert not is_inside(client)


@pytest.mark.django_db
def test_equal_names_are_recognised_and_odd_ones_break_nothing():
    client = Client()
    for name in ("root", "ROOT ", "admin", "\x00", "", "é" * 5000):
        assert client.post(f"{POT}login/", {"username": name, "password": "x"}).status_code == 200

    hashes = list(SecurityEvent.objects.order_by("id").values_list("metadata__name_hash", flat=True))
    assert hashes[0] == hashes[1] != hashes[2]
    assert hashes[4] == ""


@pytest.mark.django_db
def test_what_was_typed_is_shown_as_text():
    answer = Client().post(
        f"{POT}login/", {"username": '"><script>x</script>', "next": "javascript:x", "password": "x"}
    )

    assert "<script>x" not in answer.text


@pytest.mark.django_db
def test_a_flood_of_tries_is_bounded():
    client, ip = Client(), an_address()

    statuses = [client.post(f"{POT}login/", {"username": "x"}, REMOTE_ADDR=ip).status_code for _ in range(13)]

    assert statuses == [200] * 10 + [429] * 3
    kinds = list(SecurityEvent.objects.values_list("event_type", flat=True))
    assert (kinds.count("SUSPICIOUS_ACTIVITY"), kinds.count("RATE_LIMIT_EXCEEDED")) == (10, 1)
