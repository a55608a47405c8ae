"""The second factor, from the first secret to the last recovery code (S2-B36, design.md section 3)."""

import re
from xml.etree import ElementTree

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from backend.audit.models import AuditLog, SecurityEvent
from backend.conftest import PASSWORD
from backend.identity.models import LoginLog, RecoveryCode, Session, SignInCounter, TotpDevice, User
from backend.identity.models.factors import _keys_of
from backend.identity.tests.apps import Phone, grant_of
from backend.identity.tests.attempts import DOORS, WRONG, attempt, fail
from backend.identity.tests.doors import bearing, notices_to, rows
from backend.tests.commits import in_parallel

TWO_FACTOR = "/api/auth/2fa/"
ENROL, CONFIRM, VERIFY = f"{TWO_FACTOR}enrol/", f"{TWO_FACTOR}confirm/", f"{TWO_FACTOR}verify/"
DISABLE, CODES = f"{TWO_FACTOR}disable/", f"{TWO_FACTOR}recovery-codes/"
REQUIRED = {
    "detail": "Send the code of your authenticator app, or a recovery code, as `otp`.",
    "code": "otp_required",
}
INVALID = {"detail": "The code is not valid, or was used before.", "code": "otp_invalid"}


@pytest.fixture
def phone(monkeypatch):
    return Phone(monkeypatch)


@pytest.fixture
def ana(make_user):
    return make_user(email="ana@example.com")


@pytest.fixture
def enrolled(ana, phone):
    phone.enrol(ana)
    return ana


def knock(door: str, otp: str | None = None, *, password: str = PASSWORD, device: str = ""):
    """Sign in as Ana, with a code or without."""
    url, field = DOORS[door]
    body = {field: "ana@example.com", "password": password, **({} if otp is None else {"otp": otp})}
    headers = {"HTTP_X_DEVICE_TOKEN": device} if device else {}
    return APIClient(raise_request_exception=False).post(url, body, **headers)


def refused(answer) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code")


# Enrolling


@pytest.mark.django_db
def test_from_the_first_secret_to_the_first_code(ana, client_of, phone, mailoutbox, django_capture_on_commit_callbacks):
    client = client_of(ana)
    begun = client.post(ENROL, {"password": PASSWORD})
    phone.scan(begun.json()["secret"])
    before = (client.get(TWO_FACTOR).json(), client.get("/api/profile/").json()["two_factor_enabled"])

    with django_capture_on_commit_callbacks(execute=True):
        done = client.post(CONFIRM, {"otp": phone.code()})

    assert (begun.status_code, done.status_code) == (201, 200)
    assert before == ({"enabled": False, "confirmed_at": None, "recovery_codes_left": 0}, False)
    after = client.get(TWO_FACTOR).json()
    assert (after["enabled"], after["recovery_codes_left"]) == (True, 10)
    assert client.get("/api/profile/").json()["two_factor_enabled"] is True
    codes = done.json()["recovery_codes"]
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", code) for code in codes)
    assert list(SecurityEvent.objects.values_list("event_type", "user_id")) == [("2FA_ENABLED", ana.pk)]
    assert AuditLog.objects.filter(action="two_factor.enabled", actor_id=ana.pk).count() == 1
    assert [notice["kind"] for notice in notices_to(ana.pk)] == ["two_factor.enabled"]
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [(["ana@example.com"], "Your second factor is on")]


@pytest.mark.django_db
def test_the_secret_comes_as_an_address_and_as_a_picture(ana, client_of):
    made = client_of(ana).post(ENROL, {"password": PASSWORD}).json()

    assert made["otpauth_uri"] == (
        f"otpauth://totp/Ease%3Aana@example.com?secret={made['secret']}&issuer=Ease&algorithm=SHA1&digits=6&period=30"
    )
    assert len(made["secret"]) == 32
    assert ElementTree.fromstring(made["qr_svg"]).tag.endswith("svg")


@pytest.mark.django_db
@pytest.mark.parametrize("body", [{}, {"password": ""}, {"password": WRONG}], ids=["none", "empty", "wrong"])
def test_a_stolen_token_enrols_nobody(ana, client_of, body):
    """Only the password does, and a wrong one counts as a failed sign-in."""
    answer = client_of(ana).post(ENROL, body)

    assert answer.status_code == (422 if body.get("password") else 400)
    assert TotpDevice.objects.count() == 0
    assert SignInCounter.objects.count() == (1 if body.get("password") else 0)


@pytest.mark.django_db
def test_guessing_the_password_here_locks_sign_in_too(ana, client_of):
    client = client_of(ana)

    answers = [client.post(ENROL, {"password": WRONG}) for _ in range(5)]

    assert [refused(answer) for answer in answers] == [(422, "bad_credentials")] * 5
    assert refused(client.post(ENROL, {"password": PASSWORD})) == (423, "locked")
    assert attempt("s2", "ana@example.com").status_code == 423
    assert TotpDevice.objects.count() == 0


@pytest.mark.django_db
def test_until_it_is_confirmed_nothing_changes(ana, client_of, phone):
    client = client_of(ana)
    phone.scan(client.post(ENROL, {"password": PASSWORD}).json()["secret"])

    wrong = client.post(CONFIRM, {"otp": phone.shown(steps=9)})

    assert refused(wrong) == (422, "otp_invalid")
    assert knock("s1").status_code == 200
    assert RecoveryCode.objects.count() == 0


@pytest.mark.django_db
def test_a_second_secret_makes_the_first_one_worthless(ana, client_of, phone):
    client = client_of(ana)
    phone.scan(client.post(ENROL, {"password": PASSWORD}).json()["secret"])
    client.post(ENROL, {"password": PASSWORD})

    assert refused(client.post(CONFIRM, {"otp": phone.code()})) == (422, "otp_invalid")
    assert TotpDevice.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("url", [ENROL, CONFIRM])
def test_who_has_enrolled_does_not_enrol_again(enrolled, client_of, phone, url):
    client = client_of(enrolled)
    before, device = rows(), TotpDevice.objects.values().get()

    answer = client.post(url, {"password": PASSWORD, "otp": phone.code()})

    assert refused(answer) == (409, "two_factor.enrolled")
    assert (TotpDevice.objects.values().get(), rows()) == (device, before)


@pytest.mark.django_db
@pytest.mark.parametrize("url", [CONFIRM, VERIFY, DISABLE, CODES])
def test_who_has_not_enrolled_has_nothing_to_do_here(ana, client_of, url):
    assert refused(client_of(ana).post(url, {"otp": "123456"})) == (409, "two_factor.not_enrolled")


@pytest.mark.django_db
def test_enrolling_ends_no_session(ana, client_of, phone):
    client, other = client_of(ana), client_of(ana)
    Session.objects.update(revoked_at=None, revoked_reason="")  # The customer's other session, had it been allowed.
    phone.scan(client.post(ENROL, {"password": PASSWORD}).json()["secret"])
    client.post(CONFIRM, {"otp": phone.code()})

    assert [each.get("/api/profile/").status_code for each in (client, other)] == [200, 200]


@pytest.mark.django_db
def test_nothing_readable_is_stored(ana, client_of, phone, capsys):
    """At rest the secret is sealed and bound to its person; recovery codes are hashes; no log line has either."""
    client = client_of(ana)
    secret = client.post(ENROL, {"password": PASSWORD}).json()["secret"]
    phone.scan(secret)
    codes = client.post(CONFIRM, {"otp": phone.code()}).json()["recovery_codes"]

    device = TotpDevice.objects.get()
    stored = bytes(device.sealed_secret) + str([*RecoveryCode.objects.values(), *AuditLog.objects.values()]).encode()
    printed = "".join(capsys.readouterr())
    assert device.secret() == phone.secret
    assert phone.secret not in stored
    for text in (secret, *codes, codes[0].replace("-", "")):
        assert text.encode() not in stored
        assert text not in printed


# Signing in


@pytest.mark.django_db
@pytest.mark.parametrize("door", DOORS)
def test_every_door_asks_whoever_enrolled(enrolled, phone, door):
    without, with_code = knock(door), knock(door, phone.code())

    assert (without.status_code, without.json()) == (401, REQUIRED)
    assert with_code.status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("door", DOORS)
def test_every_door_refuses_a_wrong_code(enrolled, phone, door):
    answer = knock(door, phone.shown(steps=5))

    assert (answer.status_code, answer.json()) == (401, INVALID)
    assert SignInCounter.objects.get().failures == 1
    assert LoginLog.objects.first().description == "Login Failed: wrong code"


@pytest.mark.django_db
@pytest.mark.parametrize("door", DOORS)
def test_a_wrong_password_is_told_nothing_about_codes(enrolled, phone, door):
    with_code, without = knock(door, phone.code(), password=WRONG), knock(door, password=WRONG)

    assert with_code.status_code == without.status_code == (401 if door == "s1" else 400)
    assert with_code.content == without.content
    assert TotpDevice.objects.get().last_step < int(phone.now) // 30


@pytest.mark.django_db
def test_a_missing_code_is_no_failure_and_no_success(enrolled, phone):
    """Whoever knows the password alone can neither lock the owner out nor clear the count of wrong codes."""
    knock("s1", "000000")
    sessions_before = Session.objects.count()

    [knock("s1") for _ in range(6)]

    assert SignInCounter.objects.get().failures == 1
    assert Session.objects.count() == sessions_before
    assert LoginLog.objects.filter(description="Login Failed: code needed").count() == 6


@pytest.mark.django_db
def test_guessing_codes_locks_as_guessing_passwords_does(enrolled, phone):
    answers = [knock("s1", f"00000{number}") for number in range(5)]
    late = knock("s2", phone.code())

    assert [refused(answer) for answer in answers] == [(401, "otp_invalid")] * 5
    assert late.status_code == 423
    assert SecurityEvent.objects.filter(event_type="ACCOUNT_LOCKED").count() == 1


@pytest.mark.django_db
def test_wrong_codes_and_wrong_passwords_count_together(enrolled, phone):
    fail("ana@example.com", 3)
    [knock("s1", "000000") for _ in range(2)]

    assert knock("s2", phone.code()).status_code == 423


@pytest.mark.django_db
def test_the_right_code_clears_the_count(enrolled, phone):
    [knock("s1", "000000") for _ in range(4)]
    knock("s1", phone.code())

    assert SignInCounter.objects.count() == 0


@pytest.mark.django_db
def test_a_known_device_needs_the_code_too(enrolled, phone):
    device = knock("s1", phone.code())["X-Device-Token"]

    assert refused(knock("s1", device=device)) == (401, "otp_required")


@pytest.mark.django_db
def test_a_used_code_is_refused(enrolled, phone):
    code = phone.code()

    assert knock("s1", code).status_code == 200
    assert refused(knock("s3", code)) == (401, "otp_invalid")


@pytest.mark.django_db
def test_a_code_before_the_last_one_is_refused(enrolled, phone):
    phone.now += 60
    earlier, code = phone.shown(steps=-1), phone.shown()

    assert knock("s1", code).status_code == 200
    assert refused(knock("s1", earlier)) == (401, "otp_invalid")


@pytest.mark.django_db
def test_the_code_that_confirmed_signs_nobody_in(enrolled, phone):
    assert refused(knock("s1", phone.shown())) == (401, "otp_invalid")


@pytest.mark.django_db
@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 200), (0, 200), (1, 200), (2, 401)])
def test_a_clock_may_be_half_a_minute_wrong(enrolled, phone, steps, status):
    phone.now += 300

    assert knock("s1", phone.shown(steps=steps)).status_code == status


@pytest.mark.django_db
@pytest.mark.parametrize("otp", ["12345", "1234567", "١٢٣٤٥٦", "abcdef", "-", "0x1234", "aaaa-aaaa-aaaa-aaaa", "😀"])
def test_what_is_no_code_is_refused(enrolled, otp):
    assert refused(knock("s1", otp)) == (401, "otp_invalid")


@pytest.mark.django_db
def test_spaces_do_not_matter(enrolled, phone):
    code = phone.code()

    assert knock("s1", f" {code[:3]} {code[3:]} ").status_code == 200


def test_the_same_code_from_two_connections_at_once_passes_once(committed, make_user, phone):
    phone.enrol(make_user(email="ana@example.com", is_staff=True))
    code = phone.code()

    answers = in_parallel(*[lambda: knock("s1", code)] * 4)

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    assert LoginLog.objects.filter(successful=True).count() == 1


@pytest.mark.django_db
def test_a_blocked_account_is_not_asked_for_a_code(enrolled):
    User.objects.filter(pk=enrolled.pk).update(is_active=False)

    assert refused(knock("s1")) == (403, "account_blocked")


# Recovery codes


@pytest.mark.django_db
def test_a_recovery_code_stands_in_for_the_app_once(enrolled, phone):
    code = phone.recovery_codes[3]

    first, again = knock("s1", code), knock("s1", code)

    assert (first.status_code, refused(again)) == (200, (401, "otp_invalid"))
    assert {"kind": "two_factor.recovery_code_used", "left": 9} in notices_to(enrolled.pk)
    assert AuditLog.objects.get(action="two_factor.recovery_code_used").facts == {"left": 9}


@pytest.mark.django_db
def test_case_and_dashes_of_a_recovery_code_do_not_matter(enrolled, phone):
    assert knock("s1", phone.recovery_codes[0].replace("-", " ").upper()).status_code == 200


def test_one_recovery_code_from_two_connections_at_once_passes_once(committed, make_user, phone):
    phone.enrol(make_user(email="ana@example.com", is_staff=True))

    answers = in_parallel(*[lambda: knock("s1", phone.recovery_codes[0])] * 3)

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]


@pytest.mark.django_db
def test_anothers_recovery_code_is_worth_nothing(enrolled, phone, make_user):
    foreign = phone.recovery_codes[0]
    phone.enrol(make_user())
    phone.scan("A" * 32)
    RecoveryCode.objects.filter(user=enrolled).delete()

    assert refused(knock("s1", foreign)) == (401, "otp_invalid")


@pytest.mark.django_db
def test_new_recovery_codes_take_a_step_up_and_replace_the_old(enrolled, client_of, phone):
    client, old = client_of(enrolled), phone.recovery_codes[0]
    refusal = client.post(CODES)
    token = grant_of(client, "two_factor.renew_recovery_codes", otp=phone.code()).json()["token"]

    answer = client.post(CODES, {"step_up_token": token})

    assert refused(refusal) == (403, "step_up_required")
    assert len(answer.json()["recovery_codes"]) == 10
    assert refused(knock("s1", old)) == (401, "otp_invalid")
    assert knock("s1", answer.json()["recovery_codes"][0]).status_code == 200
    assert AuditLog.objects.filter(action="two_factor.recovery_codes_renewed").count() == 1


# Checking and disabling


@pytest.mark.django_db
def test_checking_a_code_uses_it_up(enrolled, client_of, phone):
    client, code = client_of(enrolled), phone.code()

    answers = [client.post(VERIFY, {"otp": code}) for _ in range(2)]

    assert answers[0].json() == {"message": "The code is valid."}
    assert refused(answers[1]) == (422, "otp_invalid")


@pytest.mark.django_db
def test_disabling_takes_a_code(enrolled, client_of, phone, mailoutbox, django_capture_on_commit_callbacks):
    client = client_of(enrolled)
    by_password = grant_of(client, "two_factor.disable", password=PASSWORD)
    bare = client.post(DISABLE)
    still_on = client.get(TWO_FACTOR).json()["enabled"]
    token = grant_of(client, "two_factor.disable", otp=phone.code()).json()["token"]

    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(DISABLE, {"step_up_token": token})

    assert (refused(by_password), refused(bare), still_on) == ((422, "otp_required"), (403, "step_up_required"), True)
    assert (answer.status_code, client.get(TWO_FACTOR).json()["enabled"]) == (200, False)
    assert knock("s1").status_code == 200
    assert SecurityEvent.objects.filter(event_type="2FA_DISABLED", user_id=enrolled.pk).count() == 1
    assert AuditLog.objects.filter(action="two_factor.disabled").count() == 1
    assert "two_factor.disabled" in [notice["kind"] for notice in notices_to(enrolled.pk)]
    assert [mail.subject for mail in mailoutbox] == ["Your second factor is off"]
    assert (TotpDevice.objects.count(), RecoveryCode.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_who_lost_the_phone_disables_by_a_recovery_code(enrolled, client_of, phone):
    client = client_of(enrolled)
    token = grant_of(client, "two_factor.disable", otp=phone.recovery_codes[0]).json()["token"]

    assert client.post(DISABLE, {"step_up_token": token}).status_code == 200


@pytest.mark.django_db
def test_a_refused_step_up_is_no_attempt_at_what_is_forbidden(enrolled, client_of):
    client_of(enrolled).post(DISABLE)

    assert not SecurityEvent.objects.filter(event_type="UNAUTHORIZED_ACCESS").exists()


@pytest.mark.django_db
def test_the_erased_have_no_second_factor(enrolled, token_of, phone):
    client = bearing(token_of(enrolled))
    token = grant_of(client, "person.erase", otp=phone.code()).json()["token"]

    client.delete("/api/user/me/", HTTP_X_STEP_UP_TOKEN=token)

    assert (TotpDevice.objects.count(), RecoveryCode.objects.count()) == (0, 0)


# Keys


@pytest.mark.django_db
def test_a_secret_opens_for_its_own_person_only(enrolled, make_user, phone):
    """Swapping rows in the database moves nobody's app to somebody else."""
    phone.enrol(make_user())
    theirs = TotpDevice.objects.exclude(user=enrolled).get()
    TotpDevice.objects.filter(user=enrolled).update(sealed_secret=theirs.sealed_secret)

    assert knock("s1", phone.code()).status_code == 500


@pytest.mark.django_db
def test_turning_the_key_seals_anew_and_codes_stay_good(enrolled, phone, settings, capsys):
    old, new = settings.ENCRYPTION_KEY_OTP[0], "bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldy0="
    settings.ENCRYPTION_KEY_OTP = (new, old)

    call_command("turn_otp_keys")
    settings.ENCRYPTION_KEY_OTP = (new,)

    assert capsys.readouterr().out == "1 sealed by the newest key, 0 could not be opened\n"
    assert TotpDevice.objects.get().key_version == _keys_of((new,)).newest
    assert knock("s1", phone.code()).status_code == 200


@pytest.mark.django_db
def test_what_no_key_opens_is_counted_and_left(enrolled, settings, capsys):
    settings.ENCRYPTION_KEY_OTP = ("bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldy0=",)
    was = TotpDevice.objects.values().get()

    call_command("turn_otp_keys")

    assert capsys.readouterr().out.endswith("0 sealed by the newest key, 1 could not be opened\n")
    assert TotpDevice.objects.values().get() == was
