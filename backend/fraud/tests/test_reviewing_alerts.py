"""Reviewing alerts: S2-R10 and what bank admins do with them; BUG-S2-1, K-25."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.audit.models import AuditDetail, AuditLog
from backend.common import hooks
from backend.common.errors import Conflict
from backend.fraud import services as fraud
from backend.fraud import tasks
from backend.fraud.models import AlertNote, FraudAlert
from backend.fraud.tests.desks import DESKS, heard, kinds
from backend.fraud.tests.made import flagged, held
from backend.identity.services import roles
from backend.identity.tests.doors import Event

pytestmark = pytest.mark.django_db
ALERTS = "/api/fraud-alerts/"
REASON = {"reason": "They confirmed it by phone."}


@pytest.fixture
def admin(make_user):
    return make_user("BANK_ADMIN", first_name="Ada")


@pytest.fixture
def desk(admin, client_of):
    return client_of(admin)


@pytest.fixture
def colleague(make_user, client_of):
    return client_of(make_user("BANK_ADMIN", first_name="Ben"))


@pytest.fixture
def told(monkeypatch):
    """What banking hears of decisions; `told.fault` is what it answers with."""

    class Told(list):
        fault = None

        def hear(self, decision):
            self.append(decision)
            if self.fault is not None:
                raise self.fault

    heard_of = Told()
    monkeypatch.setattr(hooks.fraud_decided, "_listeners", [heard_of.hear])
    return heard_of


def act(client, alert, what, **body):
    return client.post(f"{ALERTS}{alert.alert_id}/{what}/", body)


def state() -> tuple:
    return (list(FraudAlert.objects.order_by("pk").values()), AuditLog.objects.count(), Event.objects.count())


# Reading


def test_the_list_has_the_sample_shape_newest_first(make_user, desk):
    """S2-R10: count and results with the documented fields."""
    first, second = flagged(make_user()), held(make_user())

    page = desk.get(ALERTS).json()

    assert page["count"] == 2
    assert [one["alert_id"] for one in page["results"]] == [second.alert_id, first.alert_id]
    names = ("alert_id", "alert_type", "severity", "status", "title", "description", "risk_score", "created_at")
    sample = {name: page["results"][1][name] for name in names}
    assert sample == {
        "alert_id": first.alert_id,
        "alert_type": "SUSPICIOUS_TRANSACTION",
        "severity": "MEDIUM",
        "status": "OPEN",
        "title": "Transfer of 40.00 USD to be looked at",
        "description": "13 transfers within an hour, above 10.",
        "risk_score": 50,
        "created_at": first.created_at.isoformat().replace("+00:00", "Z"),
    }
    assert sample["alert_id"][:5] == "ALERT"


def test_filters_narrow_the_list(make_user, desk, admin):
    user = make_user()
    medium, high, mine, lent, decided = flagged(user), held(make_user()), *(flagged(make_user()) for _ in range(3))
    now, before = datetime.now(UTC), datetime.now(UTC) - timedelta(minutes=1)
    FraudAlert.objects.filter(pk=mine.pk).update(claimed_by=admin, claimed_until=now + timedelta(minutes=5))
    FraudAlert.objects.filter(pk=lent.pk).update(claimed_by=make_user("BANK_ADMIN"), claimed_until=before)
    FraudAlert.objects.filter(pk=medium.pk).update(created_at=now - timedelta(days=3))
    act(desk, decided, "decide", verdict="reject", **REASON)

    def found(**asked):
        return {one["alert_id"] for one in desk.get(ALERTS, asked).json()["results"]}

    def ids(*alerts):
        return {one.alert_id for one in alerts}

    assert found(severity="HIGH") == ids(high)
    assert found(status="REJECTED") == found(label="TRUE_POSITIVE") == ids(decided)
    assert found(is_held="true") == found(score_min=75) == ids(high)
    assert found(is_held="false", status="OPEN") == ids(medium, mine, lent)
    assert found(assigned="me") == ids(mine)
    assert found(assigned="nobody") == ids(medium, high, lent)
    assert found(user_id=user.pk) == ids(medium)
    assert found(until=(now - timedelta(days=1)).isoformat()) == ids(medium)
    assert medium.alert_id not in found(
        since=(now - timedelta(days=1)).isoformat(), alert_type="SUSPICIOUS_TRANSACTION"
    )
    assert found(alert_type="HONEYPOT") == set()


@pytest.mark.parametrize(
    "asked", [{"status": "NEW"}, {"score_min": "101"}, {"user_id": "x"}, {"since": "yesterday"}, {"page": "0"}]
)
def test_a_filter_that_is_none_is_refused(desk, asked):
    assert desk.get(ALERTS, asked).status_code == 400


def test_lists_cost_the_same_for_many_and_cursors_show_each_once(make_user, desk):
    for _ in range(3):
        held(make_user())
    with CaptureQueriesContext(connection) as few:
        desk.get(ALERTS)
    for _ in range(12):
        held(make_user())
    with CaptureQueriesContext(connection) as many:
        desk.get(ALERTS)

    seen, cursor = [], ""
    while cursor is not None:
        page = desk.get(ALERTS, {"cursor": cursor, "page_size": 4}).json()
        seen += [one["alert_id"] for one in page["results"]]
        cursor = page["next"]
    newest_first = list(FraudAlert.objects.order_by("-pk").values_list("alert_id", flat=True))
    assert (len(few), len(seen), seen) == (len(many), 15, newest_first)


def test_detail_shows_what_the_verdict_rests_on(make_user, desk):
    user = make_user()
    alert = held(user)

    with CaptureQueriesContext(connection) as asked:
        body = desk.get(f"{ALERTS}{alert.alert_id}/").json()

    assert (body["customer"]["customer_id"], body["customer"]["risk_profile"]) == (user.customer_id, "LOW")
    assert (body["assessment"]["rules_version"], body["assessment"]["score"]) == (1, 100)
    assert body["assessment"]["facts"]["amount"] == "12000.00"
    assert body["assessment"]["reasons"][0] == {
        "code": "transfer_amount",
        "points": 80,
        "snoozed": False,
        "words": "This transfer is 12000.00 USD, above 10000.00 USD.",
    }
    assert len(asked) <= 3


def test_nobody_sees_or_reviews_what_is_about_themselves(make_user, admin, desk):
    """BUG-S2-16, for fraud."""
    alert = held(admin)
    held(make_user())
    before = state()

    listed = desk.get(ALERTS).json()["count"]
    answers = [
        desk.get(f"{ALERTS}{alert.alert_id}/"),
        act(desk, alert, "claim"),
        act(desk, alert, "decide", verdict="release", **REASON),
        act(desk, alert, "notes", text="All is well."),
        desk.put(f"{ALERTS}{alert.alert_id}/label/", {"label": "FALSE_POSITIVE", **REASON}),
    ]

    assert listed == 1
    assert [answer.status_code for answer in answers] == [404, 403, 403, 403, 403]
    assert {answer.json()["code"] for answer in answers[1:]} == {"fraud.own_alert"}
    assert state() == before


# Claims


def test_a_claim_is_one_persons_for_a_while(make_user, admin, desk, colleague):
    alert = held(make_user())

    mine = act(desk, alert, "claim").json()
    before = state()
    refused = [act(colleague, alert, "claim"), act(colleague, alert, "decide", verdict="release", **REASON)]
    unchanged = state() == before
    longer = act(desk, alert, "claim").json()

    assert mine["claimed_by_id"] == admin.pk
    assert [one.status_code for one in refused] == [409, 409]
    body = refused[0].json()
    assert (body["code"], body["reviewer_id"], body["reviewer"]) == ("fraud.alert_claimed", admin.pk, "Ada")
    assert (body["claimed_until"], unchanged) == (mine["claimed_until"], True)
    assert longer["claimed_until"] > mine["claimed_until"]
    assert AuditLog.objects.filter(action="fraud.alert_claimed").count() == 1
    assert [one["claimed_by"] for one in heard() if one["kind"] == "fraud.claimed"] == [admin.pk, admin.pk]


def test_a_claim_that_has_run_out_is_anybodys(make_user, desk, colleague):
    alert = held(make_user())
    act(desk, alert, "claim")
    FraudAlert.objects.update(claimed_until=datetime.now(UTC) - timedelta(seconds=1))

    taken = act(colleague, alert, "claim")

    assert (taken.status_code, act(desk, alert, "claim").status_code) == (200, 409)


def test_a_claim_is_given_back(make_user, admin, desk, colleague):
    alert = held(make_user())
    act(desk, alert, "claim")

    refused = colleague.delete(f"{ALERTS}{alert.alert_id}/claim/")
    given = desk.delete(f"{ALERTS}{alert.alert_id}/claim/")
    again = desk.delete(f"{ALERTS}{alert.alert_id}/claim/")

    assert [one.status_code for one in (refused, given, again)] == [409, 204, 204]
    assert AuditLog.objects.filter(action="fraud.alert_returned").count() == 1
    assert heard()[-1] == {
        "kind": "fraud.claimed",
        "alert_id": alert.alert_id,
        "claimed_by": None,
        "claimed_until": None,
    }
    assert act(colleague, alert, "claim").status_code == 200


def test_who_reviews_no_more_has_no_alerts(make_user, admin, desk, settings):
    """E-ADM-2, E-ADM-4, for fraud: claims go back, what was proposed does not count any more."""
    settings.FRAUD_SECOND_PERSON_FROM = Decimal("1.00")
    claimed, proposed = held(make_user()), held(make_user())
    act(desk, claimed, "claim")
    act(desk, proposed, "decide", verdict="release", **REASON)

    roles.withdraw_role(user=admin, name="BANK_ADMIN", withdrawn_by=None)

    claimed.refresh_from_db()
    proposed.refresh_from_db()
    assert (claimed.claimed_by_id, proposed.status, proposed.proposed_by_id) == (None, "OPEN", None)
    assert AuditLog.objects.filter(action="fraud.alert_returned", target_id=str(claimed.pk)).count() == 1


# Decisions


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


# Labels, notes


def test_a_label_is_corrected_with_a_reason(make_user, desk):
    alert = flagged(make_user())
    address = f"{ALERTS}{alert.alert_id}/label/"
    early = desk.put(address, {"label": "TRUE_POSITIVE", **REASON})
    act(desk, alert, "decide", verdict="release", **REASON)

    answers = [
        desk.put(address, {"label": "TRUE_POSITIVE", "reason": " "}),
        desk.put(address, {"label": "TRUE_POSITIVE", "reason": "Charged back."}),
        desk.put(address, {"label": "TRUE_POSITIVE", "reason": "Charged back."}),
    ]

    alert.refresh_from_db()
    assert (early.status_code, early.json()["code"]) == (409, "fraud.alert_undecided")
    assert [one.status_code for one in answers] == [400, 200, 200]
    assert (alert.label, alert.status) == ("TRUE_POSITIVE", "RELEASED")
    assert AuditLog.objects.get(action="fraud.alert_labelled").facts == {
        "old": "FALSE_POSITIVE",
        "new": "TRUE_POSITIVE",
    }


def test_notes_are_for_reviewers_newest_first_and_auditors_read(make_user, admin, desk, client_of):
    alert = held(make_user())
    for text in ("Called.", "Called back."):
        assert act(desk, alert, "notes", text=text).status_code == 201

    auditor = client_of(make_user("AUDITOR"))
    with CaptureQueriesContext(connection) as asked:
        found = auditor.get(f"{ALERTS}{alert.alert_id}/notes/").json()

    assert [(one["text"], one["author"], one["author_id"]) for one in found] == [
        ("Called back.", "Ada", admin.pk),
        ("Called.", "Ada", admin.pk),
    ]
    assert (act(auditor, alert, "notes", text="x").status_code, AlertNote.objects.count()) == (403, 2)
    assert len(asked) <= 3


# Escalation


def test_what_nobody_takes_is_told_again_once_and_graver(make_user, admin, desk, settings):
    old = datetime.now(UTC) - timedelta(minutes=settings.FRAUD_ESCALATE_MINUTES + 1)
    left, grave, claimed, fresh, decided = (
        flagged(make_user()),
        held(make_user()),
        *(flagged(make_user()) for _ in "abc"),
    )
    FraudAlert.objects.exclude(pk=fresh.pk).update(created_at=old)
    act(desk, claimed, "claim")
    act(desk, decided, "decide", verdict="release", **REASON)

    tasks.escalate()
    tasks.escalate()

    now = dict(FraudAlert.objects.values_list("pk", "severity"))
    assert [now[one.pk] for one in (left, grave, claimed, fresh)] == ["HIGH", "CRITICAL", "MEDIUM", "MEDIUM"]
    again = [one for one in heard() if one["kind"] == "fraud.alert" and one["is_escalated"]]
    assert {(one["alert_id"], one["severity"]) for one in again} == {
        (left.alert_id, "HIGH"),
        (grave.alert_id, "CRITICAL"),
    }
    assert (len(again), AuditLog.objects.filter(action="fraud.alert_escalated").count()) == (2, 2)

    FraudAlert.objects.filter(pk=claimed.pk).update(claimed_until=old)
    tasks.escalate()
    claimed.refresh_from_db()
    assert claimed.severity == "HIGH"
