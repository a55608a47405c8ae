"""Changing a rule, and telling those whom it affects, each once (E-COMP-3)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from backend.audit.models import AuditLog
from backend.identity.models import RuleChange, RuleNotice
from backend.identity.principals import principal_of
from backend.identity.services import rules
from backend.identity.tests.doors import notices_to, rows
from backend.tests.commits import in_parallel

NOTICES = "/api/profile/notices/"
TODAY = datetime.now(UTC).date()
SOON = TODAY + timedelta(days=14)


def announce(**more):
    facts = {"key": "kyc.documents", "title": "Papers", "text": "Photos must be in colour.", "affects": "EVERYBODY"}
    return rules.announce(**{"actor": None, "effective_on": SOON, **facts, **more})


@pytest.fixture
def run_jobs(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.mark.django_db
def test_who_is_affected_is_told_once_and_acknowledges(make_user, client_of, mailoutbox, run_jobs):
    ana = make_user(email="ana@example.com")
    with run_jobs():
        change = announce()
        rules.tell_batch(change_id=change.pk)

    client = client_of(ana)
    (notice,) = client.get(NOTICES).json()["results"]
    done = client.post(f"{NOTICES}{notice['id']}/acknowledge/").json()
    again = client.post(f"{NOTICES}{notice['id']}/acknowledge/").json()

    told = {"kind": "rules.changed", "change_id": change.pk, "title": "Papers", "effective_on": SOON.isoformat()}
    assert [one for one in notices_to(ana.pk) if one["kind"] == "rules.changed"] == [told]
    assert [(mail.to, mail.subject, f"counts from {SOON}" in mail.body) for mail in mailoutbox] == [
        (["ana@example.com"], "Papers", True)
    ]
    assert (notice["rule"], notice["version"], notice["text"]) == ("kyc.documents", 1, "Photos must be in colour.")
    assert (notice["acknowledged_at"], done["acknowledged_at"] is not None, again) == (None, True, done)
    assert AuditLog.objects.filter(action="rule.acknowledged", actor_id=ana.pk).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("affects", "wanted"),
    [
        ("EVERYBODY", {"customer", "verified", "staff"}),
        ("CUSTOMERS", {"customer", "verified"}),
        ("UNVERIFIED", {"customer"}),
        ("STAFF", {"staff"}),
    ],
)
def test_only_those_whom_it_affects_are_told(make_user, run_jobs, affects, wanted):
    people = {
        "customer": make_user(),
        "verified": make_user(kyc_status="APPROVED"),
        "staff": make_user("SUPPORT_AGENT", is_staff=True),
        "blocked": make_user(is_active=False),
    }

    with run_jobs():
        announce(affects=affects)

    told = set(RuleNotice.objects.values_list("user_id", flat=True))
    assert {name for name, user in people.items() if user.pk in told} == wanted
    assert RuleChange.objects.get().told_at is not None


@pytest.mark.django_db
def test_telling_goes_on_batch_by_batch(make_user, monkeypatch, run_jobs):
    people = {make_user().pk for _ in range(5)}
    monkeypatch.setattr(rules, "BATCH", 2)

    with run_jobs():
        change = announce()
    rules.tell_batch(change_id=change.pk)

    assert sorted(RuleNotice.objects.values_list("user_id", flat=True)) == sorted(people)


def test_two_jobs_at_once_tell_nobody_twice(committed, make_user, settings):
    settings.JOBS_AT_ONCE = True
    people = [make_user() for _ in range(3)]
    change = RuleChange.objects.create(key="x", version=1, title="x", text="x", effective_on=SOON)

    in_parallel(*[lambda: rules.tell_batch(change_id=change.pk)] * 3)

    assert RuleNotice.objects.count() == 3
    assert [len([n for n in notices_to(user.pk) if n["kind"] == "rules.changed"]) for user in people] == [1, 1, 1]


@pytest.mark.django_db
def test_a_telling_that_was_lost_is_found(make_user):
    change = announce()
    RuleChange.objects.update(announced_at=datetime.now(UTC) - timedelta(hours=1))

    assert rules.unfinished() == [change.pk]


@pytest.mark.django_db
def test_a_mail_that_is_not_taken_stops_nobody_elses(make_user, run_jobs, monkeypatch, mailoutbox):
    make_user(email="bad@example.com")
    make_user(email="good@example.com")

    def send(subject, text, sender, to, **more):
        if to == ["bad@example.com"]:
            raise OSError("refused")
        mailoutbox.append(to)

    monkeypatch.setattr("backend.identity.tasks.send_mail", send)
    with run_jobs():
        announce()

    assert mailoutbox == [["good@example.com"]]
    assert list(RuleNotice.objects.filter(mailed_at=None).values_list("user__email", flat=True)) == ["bad@example.com"]


@pytest.mark.django_db
def test_a_version_counts_from_its_day_on():
    announce(effective_on=TODAY)
    announce(effective_on=SOON)

    days = [TODAY - timedelta(days=1), TODAY, SOON - timedelta(days=1), SOON]
    assert [rules.version_in_force("kyc.documents", day) for day in days] == [0, 1, 1, 2]
    assert (rules.version_in_force("kyc.documents"), rules.version_in_force("other")) == (1, 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "odd",
    [{"effective_on": TODAY - timedelta(days=1)}, {"affects": "NOBODY"}, {"effective_on": SOON - timedelta(days=1)}],
    ids=["a day that is over", "an unknown group", "before the version that is announced"],
)
def test_what_cannot_be_is_refused(odd):
    announce()
    before = rows()

    with pytest.raises(rules.RuleChangeRefused):
        announce(**odd)

    assert (RuleChange.objects.count(), rows()) == (1, before)


@pytest.mark.django_db
def test_only_superusers_announce(make_user):
    with pytest.raises(rules.Forbidden):
        announce(actor=principal_of(make_user(is_staff=True)))
    assert RuleChange.objects.count() == 0

    change = announce(actor=principal_of(make_user(is_superuser=True)))
    assert AuditLog.objects.get(action="rule.announced").facts["version"] == change.version == 1


@pytest.mark.django_db
def test_anothers_notice_is_not_there(make_user, client_of, run_jobs):
    make_user()
    with run_jobs():
        announce()
    notice = RuleNotice.objects.get()
    before = rows()

    answer = client_of(make_user()).post(f"{NOTICES}{notice.pk}/acknowledge/")

    notice.refresh_from_db()
    assert (answer.status_code, notice.acknowledged_at) == (404, None)
    assert not AuditLog.objects.filter(action="rule.acknowledged").exists()
    assert rows()["SecurityEvent"] == before["SecurityEvent"]


@pytest.mark.django_db
def test_the_list_of_notices_costs_the_same_for_many(make_user, client_of, run_jobs, django_assert_num_queries):
    client = client_of(make_user())
    client.get(NOTICES)
    with run_jobs():
        [announce() for _ in range(6)]

    with django_assert_num_queries(2):
        assert client.get(NOTICES).json()["count"] == 6


@pytest.mark.django_db
def test_a_command_announces(tmp_path, capsys):
    words = tmp_path / "words.txt"
    words.write_text("Photos must be in colour.\n")
    facts = ["--title", "Papers", "--text", str(words), "--affects", "CUSTOMERS"]

    call_command("announce_rules", "kyc.documents", *facts, "--effective-on", SOON.isoformat())

    change = RuleChange.objects.get()
    assert (change.text, change.affects, change.announced_by) == ("Photos must be in colour.", "CUSTOMERS", None)
    assert capsys.readouterr().out == f"kyc.documents version 1 counts from {SOON} on\n"
    with pytest.raises(CommandError, match="a day that is over"):
        call_command("announce_rules", "kyc.documents", *facts, "--effective-on", "2020-01-01")
