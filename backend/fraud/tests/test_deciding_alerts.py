"""Held money released or rejected, by one person or two, or its time runs out (design.md section 6)."""

from decimal import Decimal

import pytest

from backend.audit.models import AuditDetail, AuditLog
from backend.common import hooks
from backend.common.errors import Conflict
from backend.fraud import services as fraud
from backend.fraud.tests.desks import DESKS, REASON, act, heard, kinds, state
from backend.fraud.tests.made import flagged, held

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("verdict", "status", "label"),
    [("release", "RELEASED", "FALSE_POSITIVE"), ("reject", "REJECTED", "TRUE_POSITIVE")],
)
def test_a_decision_is_told_to_banking_audited_and_kept_as_a_label(
    make_user, admin, desk, told, verdict, status, label
):
    """Design section 6. Deciding claims by itself."""
    user = make_user()
    alert = held(user, subject_id="t-7")

    body = act(desk, alert, "decide", verdict=verdict, **REASON).json()

    alert.refresh_from_db()
    assert (body["status"], alert.decided_by_id, alert.label, alert.reason) == (
        status,
        admin.pk,
        label,
        REASON["reason"],
    )
    assert told == [
        hooks.FraudDecision(
            alert_id=alert.alert_id,
            subject_kind="transfer",
            subject_id="t-7",
            verdict=verdict,
            is_held=True,
            by_id=admin.pk,
            reason=REASON["reason"],
        )
    ]
    row = AuditLog.objects.get(action=f"fraud.alert_{status.lower()}")
    assert (row.actor_id, row.subject_id) == (admin.pk, user.pk)
    assert AuditDetail.objects.get(pk=row.pk).values["new"] == {"reason": REASON["reason"]}
    last = {"kind": "fraud.decided", "alert_id": alert.alert_id, "status": status, "decided_by": admin.pk}
    assert [heard(one)[-1] for one in DESKS] == [last, last]


def test_what_is_decided_stays_decided(make_user, desk, colleague, told):
    alert = held(make_user())
    act(desk, alert, "decide", verdict="reject", **REASON)
    before = state()

    answers = [
        act(colleague, alert, "decide", verdict="release", **REASON),
        act(desk, alert, "decide", verdict="reject", **REASON),
        act(colleague, alert, "claim"),
    ]

    assert {(one.status_code, one.json()["code"], one.json()["status"]) for one in answers} == {
        (409, "fraud.alert_decided", "REJECTED")
    }
    assert (state(), len(told)) == (before, 1)


def test_what_banking_refuses_is_not_decided(make_user, desk, told):
    """A listener's domain error undoes everything: the alert stays open, nobody hears, nothing is audited."""
    alert = held(make_user())
    told.fault = Conflict("The account is closed.")
    before = state()

    answer = act(desk, alert, "decide", verdict="release", **REASON)

    assert (answer.status_code, answer.json()["detail"]) == (409, "The account is closed.")
    assert state() == before


@pytest.mark.parametrize(
    "body",
    [
        {"verdict": "release"},
        {"verdict": "release", "reason": "  "},
        {"verdict": "hold", "reason": "x"},
        {"reason": "x"},
        {"verdict": "release", "reason": 7},
    ],
)
def test_a_decision_without_verdict_or_reason_changes_nothing(make_user, desk, told, body):
    alert = held(make_user())
    before = state()

    assert act(desk, alert, "decide", **body).status_code == 400
    assert (state(), told) == (before, [])


def test_much_money_takes_two_people(make_user, admin, desk, colleague, told, settings):
    settings.FRAUD_SECOND_PERSON_FROM = Decimal("12000.00")
    alert = held(make_user())

    first = act(desk, alert, "decide", verdict="release", **REASON).json()
    again = act(desk, alert, "decide", verdict="release", **REASON)
    nothing_moved = list(told)
    second = act(colleague, alert, "decide", verdict="release", reason="I agree.").json()

    alert.refresh_from_db()
    assert (first["status"], again.status_code, again.json()["code"]) == (
        *("PROPOSED", 409),
        "fraud.second_person_needed",
    )
    assert (nothing_moved, second["status"], len(told)) == ([], "RELEASED", 1)
    assert (alert.proposed_by_id, alert.proposed_reason, alert.reason) == (admin.pk, REASON["reason"], "I agree.")
    assert kinds() == ["fraud.alert", "fraud.proposed", "fraud.decided"]
    assert AuditLog.objects.filter(action="fraud.decision_proposed", actor_id=admin.pk).count() == 1


def test_of_two_who_disagree_neither_decides_alone(make_user, desk, colleague, told, settings):
    settings.FRAUD_SECOND_PERSON_FROM = Decimal("12000.00")
    alert = held(make_user())

    answers = [
        act(desk, alert, "decide", verdict="release", **REASON).json()["status"],
        act(colleague, alert, "decide", verdict="reject", **REASON).json()["status"],
        act(desk, alert, "decide", verdict="reject", **REASON).json()["status"],
    ]

    assert answers == ["PROPOSED", "PROPOSED", "REJECTED"]
    assert [one.verdict for one in told] == ["reject"]


def test_little_money_and_money_that_has_moved_take_one(make_user, desk, told, settings):
    settings.FRAUD_SECOND_PERSON_FROM = Decimal("12000.01")
    small = act(desk, held(make_user()), "decide", verdict="release", **REASON).json()
    moved = act(desk, flagged(make_user()), "decide", verdict="reject", **REASON).json()

    assert (small["status"], moved["status"], [one.is_held for one in told]) == ("RELEASED", "REJECTED", [True, False])


def test_who_proposed_may_decide_the_contrary_when_one_is_enough_now(make_user, desk, settings):
    settings.FRAUD_SECOND_PERSON_FROM = Decimal("1.00")
    alert = held(make_user())
    act(desk, alert, "decide", verdict="release", **REASON)
    settings.FRAUD_SECOND_PERSON_FROM = Decimal("99999.00")

    assert act(desk, alert, "decide", verdict="reject", **REASON).json()["status"] == "REJECTED"


def test_time_runs_out_once_and_not_over_a_decision(make_user, desk, told):
    """A held transfer that nobody decides: banking asks, and voids it."""
    alert, decided = held(make_user(), subject_id="t-1"), held(make_user(), subject_id="t-2")
    flagged(make_user(), subject_id="t-3")
    act(desk, alert, "claim")
    act(desk, decided, "decide", verdict="release", **REASON)

    answers = [
        fraud.expire_alert(subject_kind="transfer", subject_id=one) for one in ("t-1", "t-1", "t-2", "t-3", "t-4")
    ]

    alert.refresh_from_db()
    assert answers == [True, False, False, False, False]
    assert (alert.status, alert.decided_by_id, alert.label, alert.claimed_by_id) == ("EXPIRED", None, "", None)
    assert heard()[-1] == {
        "kind": "fraud.decided",
        "alert_id": alert.alert_id,
        "status": "EXPIRED",
        "decided_by": None,
    }
    assert act(desk, alert, "decide", verdict="release", **REASON).json()["status"] == "EXPIRED"
    assert len(told) == 1
