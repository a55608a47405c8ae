"""Lists and details of alerts (S2-R10), for whom they are; BUG-S2-1, K-25."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.fraud.models import FraudAlert
from backend.fraud.tests.desks import ALERTS, REASON, act, state
from backend.fraud.tests.made import flagged, held

pytestmark = pytest.mark.django_db


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
