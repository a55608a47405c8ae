"""Locking out whoever guesses, and nobody else (S2-B24, K-20, K-22, E-AUTH-3, E-RATE-1; design.md section 3)."""

from datetime import timedelta

import pytest
from django.core import signing
from django.utils import timezone

from backend.audit.models import SecurityEvent
from backend.conftest import PASSWORD
from backend.identity.models import LoginLog, Session, SignInCounter, User
from backend.identity.services import locks, signing_in
from backend.identity.tests.attempts import (
    DOORS,
    LINE,
    WRONG,
    an_address,
    attempt,
    browser,
    events,
    fail,
    log_lines,
    shown,
)
from backend.identity.tests.doors import rows
from backend.tests.commits import in_parallel

ANA = "ana@example.com"
# What each door says to wrong credentials, and to those of a locked account.
REFUSALS = {
    "s0": (400, {"non_field_errors": [LINE]}),
    "s1": (401, {"detail": LINE, "code": "bad_credentials"}),
    "s2": (400, {"detail": LINE, "code": "bad_credentials", "non_field_errors": [LINE]}),
    "s3": (400, {"non_field_errors": [LINE]}),
}
LOCKED = {**REFUSALS, "s2": (423, {"detail": "Locked after too many failures.", "code": "locked"})}
DOOR = pytest.mark.parametrize("door", list(DOORS))


@pytest.fixture
def ana(make_user):
    return make_user(email=ANA)


def counters() -> dict[str, int]:
    """Failures by kind of counter."""
    return {row.key.partition(":")[0]: row.failures for row in SignInCounter.objects.all()}


def let_the_lock_run_out() -> None:
    SignInCounter.objects.filter(locked_until__isnull=False).update(locked_until=timezone.now() - timedelta(seconds=1))


def device_of(answer) -> str:
    return answer["X-Device-Token"]


# Five in a row


@pytest.mark.django_db
@DOOR
def test_the_fifth_failure_locks_and_the_right_password_is_refused(ana, door):
    """S2-B24, K-22: on every door."""
    failures = fail(ANA, 5, door=door)

    refused = attempt(door, ANA)

    assert [(answer.status_code, answer.json()) for answer in failures] == [REFUSALS[door]] * 5
    assert (refused.status_code, refused.json()) == LOCKED[door]
    assert "device" not in refused.cookies
    assert Session.objects.count() == 0
    lock = SignInCounter.objects.get()
    assert timedelta(minutes=29) < lock.locked_until - timezone.now() <= timedelta(minutes=30)


@pytest.mark.django_db
@DOOR
def test_four_failures_do_not_lock_and_success_resets_the_count(ana, door):
    """S2-B24: in a row."""
    fail(ANA, 4, door=door)
    first = attempt(door, ANA)
    count_after_success = SignInCounter.objects.count()
    fail(ANA, 4, door=door)
    second = attempt(door, ANA)

    assert [first.status_code, second.status_code] == [200, 200]
    assert count_after_success == 0


@pytest.mark.django_db
@DOOR
def test_unknown_names_lock_with_the_very_same_answers(ana, door):
    """E-S1-3: what exists is not told, by no answer of seven, and no header."""
    known = [*fail(ANA, 6, door=door), attempt(door, ANA)]
    unknown = [*fail("nobody@example.com", 6, door=door), attempt(door, "nobody@example.com")]

    assert [shown(answer) for answer in known] == [shown(answer) for answer in unknown]
    assert counters() == {"user": 7, "name": 7}


@pytest.mark.django_db
@pytest.mark.parametrize("door", ["s0", "s1", "s3"])
def test_a_locked_account_answers_like_a_wrong_password(ana, make_user, door):
    """K-22: S2 alone says so."""
    make_user(email="bob@example.com")
    fail(ANA, 5)

    locked, wrong = attempt(door, ANA), attempt(door, "bob@example.com", WRONG)

    assert shown(locked) == shown(wrong)


@pytest.mark.django_db
def test_what_somebody_typed_is_not_stored():
    fail("secret-name@example.com", 1)

    (key,) = SignInCounter.objects.values_list("key", flat=True)
    assert key.startswith("name:")
    assert "secret" not in key
    assert "secret" not in str(list(SecurityEvent.objects.values()) + list(LoginLog.objects.values()))


@pytest.mark.django_db
def test_a_name_counts_as_one_however_it_is_spelt(ana):
    """E-S1-1: neither case nor door nor username against e-mail gives more tries."""
    User.objects.update(username="ana_s")
    typed = [("s0", ANA), ("s1", "ANA@example.com"), ("s2", "ana_s"), ("s3", f" {ANA} "), ("s2", "Ana_S")]

    [attempt(door, name, WRONG) for door, name in typed]

    assert counters() == {"user": 5}
    assert attempt("s1", ANA).status_code == 401


@pytest.mark.django_db
def test_an_unknown_name_counts_as_one_however_it_is_spelt():
    [attempt("s1", name, WRONG) for name in ("nobody", "NOBODY", " nobody ")]

    assert counters() == {"name": 3}


@pytest.mark.django_db
def test_the_lock_of_one_account_is_nobody_elses(ana, make_user):
    make_user(email="bob@example.com")

    fail(ANA, 5)

    assert attempt("s1", "bob@example.com").status_code == 200


@pytest.mark.django_db
def test_a_malformed_attempt_is_not_counted(ana, anybody):
    anybody.post("/api/users/login/", {"username": ANA})

    assert counters() == {}


# The end of a lock


@pytest.mark.django_db
def test_when_the_lock_has_run_out_the_right_password_opens(ana):
    fail(ANA, 5)
    let_the_lock_run_out()

    assert attempt("s1", ANA).status_code == 200
    assert counters() == {}


@pytest.mark.django_db
def test_when_the_lock_has_run_out_the_count_starts_anew(ana):
    """BUG-S2-18. Otherwise one slip after half an hour would lock for another."""
    fail(ANA, 7)
    let_the_lock_run_out()

    fail(ANA, 4)

    assert counters() == {"user": 4}
    assert attempt("s1", ANA).status_code == 200


@pytest.mark.django_db
def test_five_more_failures_lock_again(ana):
    fail(ANA, 5)
    let_the_lock_run_out()

    fail(ANA, 5)

    assert attempt("s1", ANA).status_code == 401
    assert [kind for kind, _ in events()].count("ACCOUNT_LOCKED") == 2


@pytest.mark.django_db
def test_attempts_while_locked_do_not_prolong_the_lock(ana):
    fail(ANA, 5)
    until = SignInCounter.objects.get().locked_until

    fail(ANA, 6)

    assert SignInCounter.objects.get().locked_until == until


# What staff see


@pytest.mark.django_db
def test_each_failure_and_the_lock_are_security_events(ana):
    """S2-B24, BUG-S1-1."""
    fail(ANA, 6)

    assert events() == [
        *[("FAILED_LOGIN", ana.pk)] * 5,
        ("ACCOUNT_LOCKED", ana.pk),
        ("FAILED_LOGIN", ana.pk),
    ]
    counted = SecurityEvent.objects.filter(event_type="FAILED_LOGIN").order_by("id")
    assert [event.metadata["failures_in_a_row"] for event in counted] == [1, 2, 3, 4, 5, 6]
    assert SecurityEvent.objects.get(event_type="ACCOUNT_LOCKED").severity == "HIGH"


@pytest.mark.django_db
def test_the_lock_of_an_unknown_name_concerns_nobody():
    fail("nobody@example.com", 5)

    assert events() == [*[("FAILED_LOGIN", None)] * 5, ("ACCOUNT_LOCKED", None)]


@pytest.mark.django_db
def test_an_attack_from_several_addresses_is_flagged(ana):
    """E-RATE-1: they share the account's counter."""
    addresses = [an_address() for _ in range(5)]

    [attempt("s1", ANA, WRONG, ip=ip) for ip in addresses]

    assert events()[-2:] == [("ACCOUNT_LOCKED", ana.pk), ("SUSPICIOUS_ACTIVITY", ana.pk)]
    flag = SecurityEvent.objects.get(event_type="SUSPICIOUS_ACTIVITY")
    assert (flag.severity, flag.metadata) == ("HIGH", {"kind": "many_addresses", "addresses": 5})
    assert attempt("s1", ANA, ip=an_address()).status_code == 401


@pytest.mark.django_db
def test_an_attack_from_one_address_is_not(ana):
    fail(ANA, 5, ip=an_address())

    assert "SUSPICIOUS_ACTIVITY" not in dict(events())


@pytest.mark.django_db
def test_one_address_that_fails_too_often_is_stopped(ana, settings):
    """E-RATE-1: per address as well as per account, whatever names it tries."""
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "sign_in": (3, 60)}
    ip = an_address()
    [attempt("s1", f"{number}@example.com", WRONG, ip=ip) for number in range(4)]
    before = rows()

    stopped = attempt("s1", ANA, ip=ip)

    body = stopped.json()
    assert (stopped.status_code, body["error"], body["code"]) == (429, "rate_limit_exceeded", "throttled")
    assert 0 < body["retry_after"] <= 61
    assert stopped["Retry-After"] == str(body["retry_after"])
    assert rows() == before
    assert attempt("s1", ANA, ip=an_address()).status_code == 200


@pytest.mark.django_db
def test_right_passwords_do_not_count_for_the_address(ana, settings):
    """design.md section 8: sign-in counts failures only."""
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "sign_in": (2, 60)}
    ip = an_address()

    assert [attempt("s1", ANA, ip=ip).status_code for _ in range(5)] == [200] * 5


def test_failures_at_the_same_moment_are_all_counted(committed, ana):
    """BUG-S2-18. E-AUTH-3: the counter stays exact, and one lock is one alarm."""
    answers = in_parallel(*[lambda: attempt("s1", ANA, WRONG)] * 8)

    assert [answer.status_code for answer in answers] == [401] * 8
    assert counters() == {"user": 8}
    kinds = [kind for kind, _ in events()]
    assert (kinds.count("FAILED_LOGIN"), kinds.count("ACCOUNT_LOCKED")) == (8, 1)
    assert LoginLog.objects.filter(successful=False).count() == 8
    assert attempt("s1", ANA).status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize(("door", "status"), [("s1", 401), ("s2", 423)])
def test_a_lock_that_comes_while_the_password_is_checked_still_counts(ana, monkeypatch, door, status):
    """E-AUTH-3. A hash takes a quarter of a second: guesses sent at once would all be checked before the fifth counts.

    The right one among them opens nothing.
    """
    check = signing_in.check_password

    def while_others_guess(password, encoded):
        monkeypatch.setattr(signing_in, "check_password", check)
        fail(ANA, 5)
        return check(password, encoded)

    monkeypatch.setattr(signing_in, "check_password", while_others_guess)
    answer = attempt(door, ANA)

    assert answer.status_code == status
    assert "X-Device-Token" not in answer
    assert Session.objects.count() == 0
    assert counters() == {"user": 5}
    assert [successful for _, successful, _ in log_lines()] == [False] * 6


# Blocked, and locked


@pytest.mark.django_db
def test_a_locked_account_that_is_blocked_too_tells_neither(make_user):
    """K-22: the block is told after the right password, and a lock refuses that as well."""
    make_user(email=ANA, is_active=False)
    blocked = attempt("s1", ANA)
    fail(ANA, 5)

    locked = attempt("s1", ANA)

    assert (blocked.status_code, blocked.json()["code"]) == (403, "account_blocked")
    assert (locked.status_code, locked.json()) == REFUSALS["s1"]


@pytest.mark.django_db
def test_a_lock_never_switches_the_account_off(ana):
    """E-S1-2 is superseded by this. K-20: a stranger's guesses leave nothing for good (S1-B4 is superseded)."""
    fail(ANA, 10)

    ana.refresh_from_db()
    assert ana.is_active is True


@pytest.mark.django_db
def test_a_lock_leaves_open_sessions_alone(ana, client_of):
    client = client_of(ana)

    fail(ANA, 5)

    assert client.get("/api/profile/").status_code == 200


# Known devices


@pytest.mark.django_db
@DOOR
def test_a_device_that_signed_in_before_passes_the_accounts_lock(ana, door):
    """design.md section 3: a stranger cannot lock the owner out, on no door."""
    device = device_of(attempt(door, ANA))
    fail(ANA, 5)

    answers = [attempt(door, ANA), attempt(door, ANA, device=device)]

    assert [answer.status_code for answer in answers] == [LOCKED[door][0], 200]
    assert SignInCounter.objects.get().key == f"user:{ana.pk}"


@pytest.mark.django_db
def test_a_browser_is_known_by_its_cookie(ana):
    client = browser()
    first = client.post("/api/login/", {"email": ANA, "password": PASSWORD})
    fail(ANA, 5)

    second = client.post("/api/login/", {"email": ANA, "password": PASSWORD})

    assert first.cookies["device"]["max-age"] == 30 * 24 * 3600
    assert first.cookies["device"].value == device_of(first)
    assert second.status_code == 200


@pytest.mark.django_db
def test_a_known_device_has_a_counter_of_its_own(ana):
    """Five there, too: whoever stole the device gets no more tries, and locks nobody else."""
    device = device_of(attempt("s1", ANA))

    fail(ANA, 5, device=device)

    assert counters() == {"device": 5}
    assert [attempt("s1", ANA, device=known).status_code for known in (device, "")] == [401, 200]


@pytest.mark.django_db
def test_a_device_keeps_its_counter_when_its_token_is_renewed(ana):
    first = device_of(attempt("s1", ANA))
    second = device_of(attempt("s1", ANA, device=first))
    fail(ANA, 4, device=first)

    fail(ANA, 1, device=second)

    assert counters() == {"device": 5}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "token",
    [
        pytest.param(lambda ana, bob: device_of(attempt("s1", bob.email)), id="another user's"),
        pytest.param(lambda ana, bob: device_of(attempt("s1", ana.email))[:-1] + "_", id="altered"),
        pytest.param(lambda ana, bob: signing.dumps({"u": ana.pk, "d": "x"}, salt="other"), id="signed for else"),
        pytest.param(
            lambda ana, bob: signing.dumps({"u": ana.pk, "d": "x"}, key="another key", salt=locks.DEVICE_SALT),
            id="signed with another key",
        ),
        pytest.param(lambda ana, bob: "garbage", id="garbage"),
        pytest.param(lambda ana, bob: ":::", id="colons"),
        pytest.param(lambda ana, bob: "x" * 5000, id="very long"),
    ],
)
def test_a_device_token_that_is_not_ones_own_is_worth_nothing(ana, make_user, token):
    """design.md section 3."""
    given = token(ana, make_user(email="bob@example.com"))
    fail(ANA, 5, device=given)

    answer = attempt("s1", ANA, device=given)

    assert answer.status_code == 401
    assert counters() == {"user": 6}


@pytest.mark.django_db
@pytest.mark.parametrize(("days", "status"), [(29, 200), (31, 401)])
def test_a_device_is_known_for_thirty_days(ana, monkeypatch, days, status):
    """design.md section 3."""
    now = signing.time.time()
    with monkeypatch.context() as then:
        then.setattr(signing.time, "time", lambda: now - days * 24 * 3600)
        device = locks.new_device_token(ana, "")
    fail(ANA, 5)

    assert attempt("s1", ANA, device=device).status_code == status


@pytest.mark.django_db
def test_neither_address_nor_agent_makes_a_device_known(ana):
    """design.md section 3."""
    attempt("s1", ANA)
    fail(ANA, 5, ip="127.0.0.2")

    assert attempt("s1", ANA).status_code == 401
