"""Assessing inside a transfer: what is stored, who hears of it, what it costs (design.md section 6)."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import orjson
import pytest
import redis
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from backend.audit.models import AuditLog
from backend.common import request_context
from backend.common.errors import Unavailable
from backend.common.unit_of_work import unit_of_work
from backend.fraud import services as fraud
from backend.fraud.facts import canonical, freeze
from backend.fraud.models import Assessment, FraudAlert, RuleSet, Snooze
from backend.fraud.tests.desks import DESKS, heard
from backend.fraud.tests.made import assess, facts, held
from backend.identity.models import Session
from backend.identity.services import sessions

pytestmark = pytest.mark.django_db


def test_every_verdict_is_stored_with_what_it_rests_on(make_user):
    user = make_user()
    given = facts(user_id=user.pk)

    found = fraud.assess(facts=given, subject_kind="transfer", subject_id="t-1")

    row = Assessment.objects.get()
    assert (found.score, found.hold, found.alert, found.alert_id, found.hold_until) == (0, False, False, None, None)
    assert found.assessment == row
    assert (row.subject_kind, row.subject_id, row.user_id, row.rule_set.version, row.engine) == (
        *("transfer", "t-1", user.pk, 1, 1),
    )
    bands = {"alert": 50, "high": 75, "hold": 80}
    assert row.inputs == canonical({"facts": freeze(given), "bands": bands, "snoozed": []})
    assert row.verdict == '{"alert":false,"engine":1,"hold":false,"reasons":[],"score":0,"severity":""}'
    assert (FraudAlert.objects.count(), heard()) == (0, [])


def test_a_hold_opens_an_alert_of_which_both_desks_hear(make_user):
    """S2-M9, S2-R10, BUG-S2-25: one durable notice for each desk, in the transaction that made the alert."""
    user = make_user()
    before = datetime.now(UTC)

    found = assess(user, amount=Decimal("12000.00"), subject_id="t-2")

    alert = FraudAlert.objects.get()
    assert (found.hold, found.alert, found.severity, found.codes) == (
        *(True, True, "HIGH"),
        ("transfer_amount", "hour_amount", "unusual_amount"),
    )
    assert (alert.alert_type, alert.status, alert.risk_score, alert.is_held, alert.amount) == (
        *("SUSPICIOUS_TRANSACTION", "OPEN", 100, True, Decimal("12000.00")),
    )
    assert alert.hold_until == found.hold_until
    assert timedelta(hours=23, minutes=59) < alert.hold_until - before < timedelta(hours=24, minutes=1)
    notice = {
        "kind": "fraud.alert",
        "alert_id": alert.alert_id,
        "alert_type": "SUSPICIOUS_TRANSACTION",
        "severity": "HIGH",
        "status": "OPEN",
        "title": "Transfer of 12000.00 USD held",
        "risk_score": 100,
        "is_held": True,
        "is_escalated": False,
        "created_at": alert.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }
    assert [heard(desk) for desk in DESKS] == [[notice], [notice]]
    audited = AuditLog.objects.get(action="fraud.alert_opened")
    assert (audited.subject_id, audited.target_id, audited.actor_id) == (user.pk, str(alert.pk), None)


def test_a_transfer_that_fails_leaves_no_verdict_no_alert_and_no_notice(make_user):
    user = make_user()
    with pytest.raises(ZeroDivisionError), unit_of_work():
        assess(user, amount=Decimal("12000.00"))
        _ = 1 / 0

    assert (Assessment.objects.count(), FraudAlert.objects.count(), heard()) == (0, 0, [])
    assert not AuditLog.objects.filter(action="fraud.alert_opened").exists()


def test_it_takes_two_queries_and_asks_redis_nothing(make_user, monkeypatch):
    """Section 6: with Redis away the database answers, since nothing else is asked."""
    user, said = make_user(), []
    monkeypatch.setattr(
        redis.connection.AbstractConnection, "send_packed_command", lambda *given, **_: said.append(given)
    )
    assess(user)  # Rules are read once for each process.

    with CaptureQueriesContext(connection) as asked:
        assess(user)
    alone = list(said)
    with CaptureQueriesContext(connection) as asked_for_alert:
        assess(user, amount=Decimal("12000.00"))

    sql = [one["sql"] for one in asked if "SAVEPOINT" not in one["sql"]]
    assert (len(sql), sql[1].split(" (")[0], alone) == (2, "INSERT INTO fraud_assessment", [])
    assert len([one for one in asked_for_alert if "fraud_" in one["sql"]]) == 3


def test_a_snoozed_rule_is_silent_for_whom_it_was_snoozed_and_speaks_again(make_user):
    ana, bela, admin = make_user(), make_user(), make_user("BANK_ADMIN")
    soon, gone = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) + timedelta(hours=2)
    Snooze.objects.create(rule="hour_count", user=ana, reason="x", created_by=admin, until=soon)
    Snooze.objects.create(rule="hour_count", account_id="other", reason="x", created_by=admin, until=soon)
    ended = Snooze.objects.create(rule="hour_count", reason="x", created_by=admin, until=soon)
    Snooze.objects.filter(pk=ended.pk).update(ended_at=datetime.now(UTC))
    Snooze.objects.create(rule="transfer_amount", reason="x", created_by=admin, until=gone)
    Snooze.objects.filter(until=gone).update(created_at=gone - timedelta(days=1), until=gone - timedelta(hours=3))

    scores = [
        assess(who, count_1h=12, **more).score for who, more in ((ana, {}), (bela, {}), (bela, {"account_id": "other"}))
    ]

    assert scores == [0, 50, 0]
    assert orjson.loads(Assessment.objects.filter(user=ana).get().inputs)["snoozed"] == ["hour_count"]
    assert assess(bela, amount=Decimal("12000.00")).hold


def test_settings_say_where_the_bands_begin(settings):
    settings.FRAUD_ALERT_FROM, settings.FRAUD_HOLD_FROM = 20, 101

    found = assess(amount=Decimal("12000.00"))

    assert (found.alert, found.hold, found.score) == (True, False, 100)
    assert FraudAlert.objects.get().is_held is False


def test_without_rules_nothing_passes():
    """A transfer that nobody can judge does not move money."""
    RuleSet.objects.filter(version=1).update(state="RETIRED", retired_at=datetime.now(UTC))

    with pytest.raises(Unavailable):
        assess()

    assert Assessment.objects.count() == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE fraud_assessment SET verdict = '{}'",
        "UPDATE fraud_ruleset SET rules = '{}' WHERE version = 1",
        "UPDATE fraud_ruleset SET state = 'DRAFT' WHERE version = 1",
        "DELETE FROM fraud_ruleset WHERE version = 1",
        "UPDATE fraud_fraudalert SET decided_by_id = user_id, decided_at = now(), status = 'RELEASED'",
        "UPDATE fraud_fraudalert SET claimed_by_id = user_id, claimed_until = now()",
        "UPDATE fraud_fraudalert SET status = 'REJECTED'",
        "UPDATE fraud_fraudalert SET risk_score = 101",
        "INSERT INTO fraud_ruleset (version, state, rules, note, revision, created_at, changed_at, published_at)"
        " VALUES (9, 'PUBLISHED', '{}', '', 1, now(), now(), now())",
    ],
)
def test_the_database_keeps_what_judged_and_was_judged(make_user, statement):
    """Around Python: frozen verdicts and versions, one version in force, nobody decides about themselves."""
    held(make_user())

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_subject_has_one_alert(make_user):
    held(make_user(), subject_id="t-1")

    with pytest.raises(IntegrityError):
        held(make_user(), subject_id="t-1")


def test_whereabouts_tell_since_when_device_and_address_are_known(make_user):
    user, other = make_user(), make_user()
    seen = {"ip": "192.0.2.7", "user_agent": "Ease/3 iOS"}
    long_ago, lately = datetime.now(UTC) - timedelta(days=40), datetime.now(UTC) - timedelta(days=1)

    def signed_in(who, at, **changes):
        with request_context.entered(request_context.RequestContext(**{**seen, **changes})):
            pair = sessions.open_session(user=who, door="s1", platform="iOS")
        Session.objects.filter(pk=pair.sid).update(created_at=at)
        return pair.sid

    signed_in(user, long_ago)
    signed_in(other, long_ago - timedelta(days=1), ip="198.51.100.9")
    sid = signed_in(user, lately, ip="198.51.100.9")
    new = signed_in(user, lately, user_agent="curl")

    assert fraud.whereabouts(user_id=user.pk, sid=sid, ip="198.51.100.9") == fraud.Whereabouts(long_ago, lately)
    assert fraud.whereabouts(user_id=user.pk, sid=new, ip="203.0.113.1") == fraud.Whereabouts(lately, None)
    assert fraud.whereabouts(user_id=user.pk, sid=str(uuid.uuid4()), ip=None) == fraud.Whereabouts(None, None)
