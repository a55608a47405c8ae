"""Several people, several connections, one alert (issue 09: two admins claim one alert: one gets it)."""

import threading
import time
from functools import partial

import pytest

from backend.audit import services as audit
from backend.common import hooks
from backend.common.unit_of_work import unit_of_work
from backend.fraud import services as fraud
from backend.fraud.errors import AlertClaimed, AlertDecided
from backend.fraud.models import FraudAlert, RuleSet
from backend.fraud.services import dryruns, reviews, rulesets
from backend.fraud.tests.made import assess, held
from backend.identity.principals import principal_of
from backend.identity.tests.doors import Event
from backend.tests.commits import in_background, in_parallel, wait_until_one_waits_for_us


@pytest.fixture
def admins(committed, make_user):
    return [principal_of(make_user("BANK_ADMIN", first_name=name)) for name in ("Ada", "Ben")]


@pytest.fixture
def told(monkeypatch):
    heard: list[hooks.FraudDecision] = []
    monkeypatch.setattr(hooks.fraud_decided, "_listeners", [heard.append])
    return heard


def test_of_two_who_claim_at_once_one_gets_it_and_the_other_hears_who(admins, make_user):
    for _ in range(5):
        alert = held(make_user())
        found = in_parallel(*(partial(reviews.claim, actor=one, alert_id=alert.alert_id) for one in admins))

        refused = [one for one in found if isinstance(one, AlertClaimed)]
        (mine,) = [one for one in found if isinstance(one, FraudAlert)]
        assert [one.extra["reviewer_id"] for one in refused] == [mine.claimed_by_id]


def test_of_two_who_decide_at_once_one_does(admins, make_user, told):
    for number in range(5):
        alert = held(make_user())
        found = in_parallel(
            partial(reviews.decide, actor=admins[0], alert_id=alert.alert_id, verdict="release", reason="x"),
            partial(reviews.decide, actor=admins[1], alert_id=alert.alert_id, verdict="reject", reason="x"),
        )

        alert.refresh_from_db()
        (refused,) = [one for one in found if isinstance(one, AlertDecided)]
        assert (refused.extra["status"], len(told)) == (alert.status, number + 1)
        assert Event.objects.filter(kind="fraud.decided", payload__alert_id=alert.alert_id).count() == 2


def test_time_that_runs_out_while_somebody_decides_waits_and_leaves_it(admins, make_user, monkeypatch):
    """A decision and the time-out of one hold: one of them moves the money."""
    alert = held(make_user(), subject_id="t-1")
    deciding = threading.Event()

    def slowly(decision: hooks.FraudDecision) -> None:
        deciding.set()
        wait_until_one_waits_for_us()

    monkeypatch.setattr(hooks.fraud_decided, "_listeners", [slowly])
    with in_background(
        lambda: reviews.decide(actor=admins[0], alert_id=alert.alert_id, verdict="release", reason="x")
    ) as decided:
        assert deciding.wait(20)
        expired = fraud.expire_alert(subject_kind="transfer", subject_id="t-1")

        assert (expired, decided().status) == (False, "RELEASED")


def test_a_signal_does_not_wait_for_whoever_decides(admins, make_user, monkeypatch):
    """A sign-in must not hang on a reviewer's transaction, nor the two lock each other out."""
    user = make_user()

    def signal() -> None:
        with unit_of_work():
            audit.raise_security_event(
                event_type="SUSPICIOUS_ACTIVITY", user_id=user.pk, description="x", metadata={"kind": "refresh_reuse"}
            )

    signal()
    alert = FraudAlert.objects.get()
    with unit_of_work(), in_background(signal) as done:
        FraudAlert.objects.select_for_update().get(pk=alert.pk)
        took = time.monotonic()
        assert done() is None
        assert time.monotonic() - took < 5

    signal()
    alert.refresh_from_db()
    assert (FraudAlert.objects.count(), alert.repeats in (1, 2)) == (1, True)


def test_one_signal_many_times_at_once_is_one_alert(admins, make_user):
    user = make_user()

    def signal() -> None:
        with unit_of_work():
            audit.raise_security_event(
                event_type="SUSPICIOUS_ACTIVITY", user_id=user.pk, description="x", metadata={"kind": "refresh_reuse"}
            )

    assert in_parallel(*[signal] * 6) == [None] * 6
    assert (FraudAlert.objects.count(), Event.objects.filter(kind="fraud.alert").count()) == (1, 2)


def test_of_two_who_publish_at_once_both_versions_get_their_turn(admins, make_user):
    writer = principal_of(make_user("BANK_ADMIN"))
    drafts = in_parallel(*[lambda: rulesets.draft_rules(actor=writer, rules=None, based_on=None, note="")] * 2)
    assert sorted(one.version for one in drafts) == [2, 3]

    in_parallel(
        *(
            lambda actor=actor, draft=draft: rulesets.publish(actor=actor, version=draft.version, revision=1)
            for actor, draft in zip(admins, drafts, strict=True)
        )
    )

    assert RuleSet.objects.filter(state="PUBLISHED").count() == 1
    assert RuleSet.objects.exclude(published_at=None).count() == 3


def test_a_dry_run_that_two_jobs_step_counts_everything_once(admins, monkeypatch):
    monkeypatch.setattr(dryruns, "STEP", 3)
    for _ in range(10):
        assess()
    monkeypatch.setattr(dryruns.jobs, "enqueue", lambda *_, **__: None)
    run = dryruns.start_dry_run(actor=admins[0], version=1)

    def step() -> None:
        while dryruns.step(dry_run_id=run.pk):
            time.sleep(0)

    in_parallel(step, step, step)
    while dryruns.step(dry_run_id=run.pk):
        time.sleep(0)

    run.refresh_from_db()
    assert (run.state, run.counts["seen"], run.counts["unchanged"]) == ("DONE", 10, 10)
