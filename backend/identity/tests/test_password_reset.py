"""Forgotten passwords: a link by mail, good once and for an hour."""

import re
from datetime import timedelta

import pytest
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from backend.audit.models import AuditLog, SecurityEvent
from backend.common.principal import Principal
from backend.conftest import PASSWORD
from backend.identity.models import PasswordReset, Session, SignInCounter, User
from backend.identity.principals import principal_of
from backend.identity.services import accounts, profiles, users
from backend.identity.tests.attempts import an_address, attempt, fail, shown
from backend.identity.tests.doors import ACCEPTED, REFUSED, rows, status_of
from backend.tests.commits import in_parallel

FORGOT = "/api/auth/password/forgot/"
RESET = "/api/auth/password/reset/"
NEW = "plum under the bridge"
ANSWER = {"message": "If there is an account with this address, a link to set a new password is on its way."}
WORTHLESS = {"detail": "This link is not valid any more. Ask for a new one.", "code": "link_not_valid"}


@pytest.fixture
def ana(make_user):
    return make_user(email="Ana@example.com", first_name="Ana")


@pytest.fixture
def ask(anybody, mailoutbox, django_capture_on_commit_callbacks):
    """Ask for a link; return the secret in the mail that came."""

    def asked(email: str = "ana@example.com") -> str:
        with django_capture_on_commit_callbacks(execute=True):
            anybody.post(FORGOT, {"email": email})
        return secret_in(mailoutbox[-1])

    return asked


def secret_in(mail) -> str:
    return re.search(r"^http://\S+\?token=(\S+)$", mail.body, re.MULTILINE).group(1)


def reset(client, secret: str, password: str = NEW):
    return client.post(RESET, {"token": secret, "new_password": password})


# Asking


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["ana@example.com", " ANA@Example.com "])
def test_a_link_goes_to_the_accounts_address(
    anybody, ana, mailoutbox, django_capture_on_commit_callbacks, settings, typed
):
    settings.PASSWORD_RESET_URL = "https://app.ease.example/reset/?token="
    before = rows()

    with django_capture_on_commit_callbacks(execute=True):
        answer = anybody.post(FORGOT, {"email": typed})

    (mail,) = mailoutbox
    assert (answer.status_code, answer.json()) == (202, ANSWER)
    assert (mail.to, mail.subject) == (["Ana@example.com"], "Set a new password")
    assert re.search(r"^https://app\.ease\.example/reset/\?token=[\w-]{43}$", mail.body, re.MULTILINE)
    event = SecurityEvent.objects.get()
    assert (event.event_type, event.user_id, event.severity) == ("PASSWORD_RESET", ana.pk, "LOW")
    assert rows() == {**before, "SecurityEvent": 1, "AuditLog": before["AuditLog"] + 1}
    recorded = AuditLog.objects.get(action="password_reset.requested")
    assert (recorded.actor_id, recorded.subject_id) == (None, ana.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("asked", ["nobody@example.com", "blocked@example.com", "ana_s", "not an address"])
def test_the_answer_is_the_same_for_everybody_and_no_mail_goes_out(
    anybody, ana, make_user, mailoutbox, django_capture_on_commit_callbacks, asked
):
    """E-S1-3's kind: what exists is not told. Not even a username is."""
    make_user(email="blocked@example.com", is_active=False)
    User.objects.filter(pk=ana.pk).update(username="ana_s")
    known = anybody.post(FORGOT, {"email": "ana@example.com"})
    before, links = rows(), PasswordReset.objects.count()

    with django_capture_on_commit_callbacks(execute=True):
        answer = anybody.post(FORGOT, {"email": asked})

    assert shown(answer) == shown(known)
    assert mailoutbox == []
    assert PasswordReset.objects.count() == links
    assert rows() == before


@pytest.mark.django_db
def test_asking_costs_the_same_whether_there_is_an_account_or_not(
    anybody, ana, mailoutbox, django_assert_num_queries, django_capture_on_commit_callbacks
):
    """E-S1-3: its time tells nothing either. The link is made and mailed by a job, after the answer."""
    links = PasswordReset.objects.count()
    asked = {}
    for email in ("ana@example.com", "nobody@example.com", "not an address"):
        with django_capture_on_commit_callbacks() as later, django_assert_num_queries(1):
            anybody.post(FORGOT, {"email": email})
        asked[email] = len(later)

    assert set(asked.values()) == {1}
    assert (mailoutbox, PasswordReset.objects.count()) == ([], links)


@pytest.mark.django_db
def test_a_mail_server_that_is_away_is_tried_again_and_nobody_is_told(
    anybody, ana, settings, mailoutbox, django_capture_on_commit_callbacks
):
    settings.EMAIL_BACKEND = "backend.identity.tests.test_password_reset.AwayOnce"
    AwayOnce.away = True

    with django_capture_on_commit_callbacks(execute=True):
        answer = anybody.post(FORGOT, {"email": ana.email})

    assert (answer.status_code, answer.json()) == (202, ANSWER)
    assert reset(anybody, secret_in(mailoutbox[0])).status_code == 200  # The link in the mail is the one that counts.
    assert len(mailoutbox) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"email": ["This field is required."]}),
        ({"email": ""}, {"email": ["This field may not be blank."]}),
        ({"email": ["ana@example.com"]}, {"email": ["Not a valid string."]}),
        ({"email": "a@b\x00"}, {"email": ["Null characters are not allowed."]}),
    ],
)
def test_a_malformed_question_is_400(anybody, body, errors):
    answer = anybody.post(FORGOT, body)

    assert (answer.status_code, answer.json()) == (400, errors)


@pytest.mark.django_db
def test_the_secret_is_not_stored(ana, ask):
    secret = ask()

    assert secret not in str(list(PasswordReset.objects.values()) + list(AuditLog.objects.values()))


@pytest.mark.django_db
def test_asking_changes_nothing_about_the_account(ana, ask, token_of):
    token = token_of(ana)

    ask()

    assert status_of(token) == ACCEPTED
    assert attempt("s1", "ana@example.com").status_code == 200


@pytest.mark.django_db
def test_one_address_can_ask_so_often_only(anybody, ana, settings, mailoutbox):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "password": (2, 60)}
    ip = an_address()

    answers = [anybody.post(FORGOT, {"email": "nobody@example.com"}, REMOTE_ADDR=ip) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[2].json()["error"] == "rate_limit_exceeded"


# Using


def test_a_link_sets_the_password_and_ends_every_session(committed, anybody, make_user, ask, token_of):
    """BUG-S1-10, BUG-S3-5."""
    agent = make_user("SUPPORT_AGENT", email="ana@example.com")
    tokens = [token_of(agent), token_of(agent)]
    accepted_before = [status_of(token) for token in tokens]
    secret = ask()

    answer = reset(anybody, secret)

    assert (answer.status_code, answer.json()) == (200, {"message": "The password was set. Sign in."})
    assert accepted_before == [ACCEPTED, ACCEPTED]
    assert [status_of(token) for token in tokens] == [REFUSED, REFUSED]
    assert set(Session.objects.values_list("revoked_reason", flat=True)) == {"password_changed"}
    audit = AuditLog.objects.get(action="user.password_reset")
    assert (audit.actor_id, audit.target_id) == (agent.pk, str(agent.pk))
    assert [attempt("s1", "ana@example.com", word).status_code for word in (PASSWORD, NEW)] == [401, 200]


@pytest.mark.django_db
def test_a_link_lifts_the_lock_of_the_account_and_of_its_devices(anybody, ana, ask):
    """Whoever reads the account's mail is no guesser. Only using it does: asking lifts nothing, nor does a refusal."""
    device = attempt("s1", ana.email)["X-Device-Token"]
    fail(ana.email, 5)
    fail(ana.email, 5, device=device)
    secret = ask()
    after_asking = [attempt("s1", ana.email, device=known).status_code for known in ("", device)]
    reset(anybody, secret, "12345678")
    after_a_refusal = attempt("s1", ana.email).status_code

    reset(anybody, secret)

    assert (after_asking, after_a_refusal) == ([401, 401], 401)
    assert SignInCounter.objects.count() == 0
    assert [attempt("s1", ana.email, NEW, device=known).status_code for known in ("", device)] == [200, 200]


@pytest.mark.django_db
def test_a_link_works_once(anybody, ana, ask):
    secret = ask()
    reset(anybody, secret)
    before = rows()

    answer = reset(anybody, secret, "another good password")

    assert (answer.status_code, answer.json()) == (422, WORTHLESS)
    assert User.objects.get().check_password(NEW)
    assert rows() == before


def test_of_two_uses_at_once_one_wins(committed, anybody, make_user, ask):
    """Under real concurrency."""
    user = make_user(email="ana@example.com")
    secret = ask()
    words = ["first good password", "second good password"]

    answers = in_parallel(*[lambda word=word: reset(anybody, secret, word) for word in words])

    assert sorted(answer.status_code for answer in answers) == [200, 422]
    winner = words[[answer.status_code for answer in answers].index(200)]
    user.refresh_from_db()
    assert user.check_password(winner)
    assert AuditLog.objects.filter(action="user.password_reset").count() == 1


def test_links_asked_for_at_once_leave_one(committed, anybody, make_user, mailoutbox):
    make_user(email="ana@example.com")

    answers = in_parallel(*[lambda: anybody.post(FORGOT, {"email": "ana@example.com"})] * 3)

    assert [answer.status_code for answer in answers] == [202] * 3
    assert PasswordReset.objects.count() == 1


@pytest.mark.django_db
def test_a_newer_link_makes_the_older_one_worthless(anybody, ana, ask):
    older, newer = ask(), ask()

    answers = [reset(anybody, older), reset(anybody, newer)]

    assert [answer.status_code for answer in answers] == [422, 200]


@pytest.mark.django_db
@pytest.mark.parametrize(("minutes", "status"), [(59, 200), (61, 422)])
def test_a_link_is_good_for_an_hour(anybody, ana, ask, minutes, status):
    secret = ask()
    link = PasswordReset.objects.get()
    assert timedelta(minutes=59) < link.expires_at - timezone.now() <= timedelta(hours=1)
    PasswordReset.objects.update(expires_at=link.expires_at - timedelta(minutes=minutes))

    assert reset(anybody, secret).status_code == status
    assert User.objects.get().check_password(NEW if status == 200 else PASSWORD)


@pytest.mark.django_db
@pytest.mark.parametrize("password", ["short", "password", "12345678901", "ana@example.com"])
def test_a_weak_password_is_refused_and_the_link_stays_good(anybody, ana, ask, password):
    """K-10."""
    secret = ask()
    before = rows()

    refused = reset(anybody, secret, password)

    assert (refused.status_code, list(refused.json())) == (400, ["new_password"])
    assert User.objects.get().check_password(PASSWORD)
    assert rows() == before
    assert reset(anybody, secret).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda who: User.objects.update(is_active=False), id="blocked"),
        pytest.param(
            lambda who: accounts.change_password(actor=who, current_password=PASSWORD, new_password="x" * 9 + "y"),
            id="new password",
        ),
        pytest.param(
            lambda who: profiles.update_profile(actor=who, changes={"email": "b@example.com"}), id="new e-mail"
        ),
        pytest.param(
            lambda who: users.update_user(
                actor=Principal(id=0, sid="", email="", first_name="", is_staff=True),
                user_id=who.id,
                changes={"email": "b@example.com"},
            ),
            id="new e-mail given by staff",
        ),
    ],
)
def test_a_link_ends_with_what_it_was_asked_for(anybody, ana, ask, change):
    """Whoever reads the old mailbox must not take over what its owner has secured since."""
    secret = ask()
    change(principal_of(ana))
    was = User.objects.get().password

    answer = reset(anybody, secret)

    assert (answer.status_code, answer.json()) == (422, WORTHLESS)
    assert User.objects.get().password == was


@pytest.mark.django_db
@pytest.mark.parametrize("secret", ["garbage", "ä", "x" * 200])
def test_a_made_up_link_is_422(anybody, ana, secret):
    before = rows()

    answer = reset(anybody, secret)

    assert (answer.status_code, answer.json()) == (422, WORTHLESS)
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "fields"),
    [({}, ["token", "new_password"]), ({"token": "x" * 201, "new_password": ""}, ["token", "new_password"])],
)
def test_a_malformed_reset_is_400(anybody, body, fields):
    answer = anybody.post(RESET, body)

    assert (answer.status_code, list(answer.json())) == (400, fields)


class AwayOnce(EmailBackend):
    """A mail server that does not answer at first."""

    away = True

    def send_messages(self, messages):
        if AwayOnce.away:
            AwayOnce.away = False
            raise ConnectionRefusedError("no mail server")
        return super().send_messages(messages)
