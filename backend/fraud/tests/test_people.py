"""What alerts mean for the person they are about: risk profile, export, erasure, and how long things are kept."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.audit.models import AuditLog
from backend.common import hooks
from backend.fraud import tasks
from backend.fraud.models import AlertNote, Assessment, DryRun, FraudAlert, Snooze
from backend.fraud.services import dryruns, retention, reviews, snoozes
from backend.fraud.services.profiles import profile_of
from backend.fraud.tests.made import assess, flagged, held, unfreeze
from backend.identity.errors import ErasureBlocked
from backend.identity.principals import principal_of
from backend.identity.services import erasures

pytestmark = pytest.mark.django_db
CLEAN = {"confirmed": 0, "grave_open": 0, "recent": 0}


@pytest.fixture
def admin(make_user):
    return principal_of(make_user("BANK_ADMIN"))


@pytest.fixture
def run_jobs(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.mark.parametrize(
    ("facts", "kyc_status", "expected"),
    [
        (CLEAN, "INCOMPLETE", "LOW"),
        (CLEAN, "APPROVED", "LOW"),
        (CLEAN, "REJECTED", "MEDIUM"),
        (CLEAN, "EXPIRED", "MEDIUM"),
        ({**CLEAN, "recent": 2}, "APPROVED", "LOW"),
        ({**CLEAN, "recent": 3}, "APPROVED", "MEDIUM"),
        ({**CLEAN, "grave_open": 1}, "APPROVED", "MEDIUM"),
        ({**CLEAN, "confirmed": 1}, "APPROVED", "HIGH"),
    ],
)
def test_a_risk_profile_follows_from_alerts_and_verification(facts, kyc_status, expected):
    """S2-B11: new people are LOW."""
    assert profile_of(facts, kyc_status=kyc_status) == expected


def test_a_decision_moves_the_profile_and_its_correction_moves_it_back(make_user, admin, run_jobs):
    user = make_user()
    alert = held(user)
    with run_jobs():
        reviews.decide(actor=admin, alert_id=alert.alert_id, verdict="reject", reason="Stolen card.")
    user.refresh_from_db()
    after_fraud = user.risk_profile
    with run_jobs():
        reviews.set_label(actor=admin, alert_id=alert.alert_id, label="FALSE_POSITIVE", reason="It was theirs.")

    user.refresh_from_db()
    rows = AuditLog.objects.filter(action="user.risk_changed", subject_id=user.pk).order_by("id")
    assert (after_fraud, user.risk_profile) == ("HIGH", "LOW")
    assert [(row.facts["old"], row.facts["new"]) for row in rows] == [("LOW", "HIGH"), ("HIGH", "LOW")]


def test_the_sweep_derives_whom_time_or_verification_has_moved_and_nobody_else(make_user):
    open_one, rejected, long_ago, clean = (make_user() for _ in range(4))
    held(open_one)
    type(rejected).objects.filter(pk=rejected.pk).update(kyc_status="REJECTED")
    type(long_ago).objects.filter(pk=long_ago.pk).update(risk_profile="HIGH")

    tasks.refresh_profiles()
    tasks.refresh_profiles()

    for user in (open_one, rejected, long_ago, clean):
        user.refresh_from_db()
    assert [one.risk_profile for one in (open_one, rejected, long_ago, clean)] == ["MEDIUM", "MEDIUM", "LOW", "LOW"]
    assert AuditLog.objects.filter(action="user.risk_changed").count() == 3


def test_an_export_tells_what_was_judged_but_warns_nobody(make_user, admin):
    user, exported = make_user(), {}
    waiting, decided = held(user), flagged(user)
    assess(user)
    reviews.decide(actor=admin, alert_id=decided.alert_id, verdict="release", reason="x")
    reviews.add_note(actor=admin, alert_id=decided.alert_id, text="Called.")

    hooks.person_exported(hooks.Export(user.pk, lambda name, rows: exported.update({name: list(rows)})))
    mine = dict(exported)
    hooks.person_exported(hooks.Export(admin.id, lambda name, rows: exported.update({name: list(rows)})))

    assert [one["alert_id"] for one in mine["fraud/alerts.json"]] == [decided.alert_id]
    assert [one["score"] for one in mine["fraud/assessments.json"]] == [50, 0]
    assert (mine["fraud/notes.json"], [one["text"] for one in exported["fraud/notes.json"]]) == ([], ["Called."])
    assert waiting.alert_id not in str(mine["fraud/alerts.json"])


def test_whose_money_waits_cannot_leave_and_afterwards_words_go_and_verdicts_stay(make_user, admin):
    """E-COMP-4."""
    user = make_user()
    alert = held(user)
    snoozes.snooze(
        actor=admin,
        rule="night",
        reason="Ana works by night",
        until=datetime.now(UTC) + timedelta(days=1),
        user_id=user.pk,
    )
    reviews.add_note(actor=admin, alert_id=alert.alert_id, text="Ana Silva called.")
    with pytest.raises(ErasureBlocked) as blocked:
        erasures.erase_self(actor=principal_of(user))
    reviews.decide(actor=admin, alert_id=alert.alert_id, verdict="reject", reason="Ana says so.")

    erasures.erase_self(actor=principal_of(user))

    alert.refresh_from_db()
    assert blocked.value.extra["reasons"] == ["A transfer of yours is still being checked."]
    assert (alert.status, alert.reason, AlertNote.objects.get().text, Snooze.objects.get().reason) == (
        *("REJECTED", "[erased]"),
        *("[erased]", "[erased]"),
    )
    assert Assessment.objects.filter(user=user).count() == 1


def test_what_is_kept_long_enough_goes_and_the_rest_stays(make_user, admin, settings):
    old = datetime.now(UTC) - timedelta(days=settings.FRAUD_KEPT_DAYS + 1)
    decided, waiting, young = flagged(make_user()), flagged(make_user()), flagged(make_user())
    for alert in (decided, young):
        reviews.decide(actor=admin, alert_id=alert.alert_id, verdict="release", reason="x")
    quiet, lately = assess().assessment, assess().assessment
    dryruns.start_dry_run(actor=admin, version=1)
    FraudAlert.objects.exclude(pk=young.pk).update(created_at=old)
    DryRun.objects.update(asked_at=datetime.now(UTC) - timedelta(days=91))
    unfreeze()
    Assessment.objects.exclude(pk__in=[lately.pk, young.assessment_id]).update(at=old)

    deleted = retention.prune()

    assert set(FraudAlert.objects.all()) == {waiting, young}
    assert set(Assessment.objects.values_list("pk", flat=True)) == {
        *(waiting.assessment_id, young.assessment_id),
        lately.pk,
    }
    assert (deleted, Assessment.objects.filter(pk=quiet.pk).exists(), retention.prune()) == (4, False, 0)
