"""What bank admins do with alerts beside deciding: claims, labels, notes; and what nobody takes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.audit.models import AuditLog
from backend.fraud import tasks
from backend.fraud.models import AlertNote, FraudAlert
from backend.fraud.tests.desks import ALERTS, REASON, act, heard, state
from backend.fraud.tests.made import flagged, held
from backend.identity.services import roles

pytestmark = pytest.mark.django_db


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
