"""Signals from elsewhere become alerts through the hook, and a flood of them no flood of rows (BUG-S2-28)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as product
from rest_framework.test import APIClient

from backend.audit import services as audit
from backend.audit.models import SecurityEvent
from backend.fraud.models import FraudAlert
from backend.fraud.services import signals
from backend.fraud.tests.desks import DESKS, heard, kinds
from backend.identity.services import sessions
from backend.identity.tests.doors import REFRESH

pytestmark = pytest.mark.django_db


def signal(user_id: int | None, kind: str = "refresh_reuse", event_type: str = "SUSPICIOUS_ACTIVITY") -> None:
    metadata = {"kind": kind} if kind else {}
    audit.raise_security_event(event_type=event_type, user_id=user_id, description="x", metadata=metadata)


def test_a_refresh_token_used_twice_is_an_alert_to_both_desks(make_user):
    """Through the door, as it happens."""
    user, client = make_user(), APIClient()
    pair = sessions.open_session(user=user, door="s1")
    first = client.post(REFRESH, {"refresh": pair.refresh}).json()["refresh"]
    client.post(REFRESH, {"refresh": first})

    client.post(REFRESH, {"refresh": pair.refresh})

    alert = FraudAlert.objects.get()
    assert (alert.alert_type, alert.severity, alert.user_id, alert.is_held) == ("REFRESH_REUSE", "HIGH", user.pk, False)
    assert (alert.amount, alert.subject_id, alert.assessment_id) == (None, "", None)
    assert [[one["alert_id"] for one in heard(desk)] for desk in DESKS] == [[alert.alert_id]] * 2


def test_the_honeypot_is_one_alert_however_many_come(settings):
    settings.RATE_LIMIT_EXEMPT = ["127.0.0.0/8"]
    client = APIClient()

    for number in range(6):
        client.post(
            f"/{product.ADMIN_HONEYPOT_URL}/login/", {"username": f"root{number}"}, REMOTE_ADDR=f"127.0.0.{number + 1}"
        )

    alert = FraudAlert.objects.get()
    assert (alert.alert_type, alert.severity, alert.repeats, alert.user_id) == ("HONEYPOT", "MEDIUM", 5, None)
    assert (SecurityEvent.objects.count(), kinds()) == (6, ["fraud.alert"])


def test_malicious_files_and_many_addresses_are_signals(make_user):
    one, other = make_user(), make_user()

    signal(one.pk, "", "MALICIOUS_FILE")
    signal(other.pk, "many_addresses")

    found = dict(FraudAlert.objects.values_list("user_id", "alert_type"))
    assert found == {one.pk: "MALICIOUS_FILE", other.pk: "MANY_ADDRESSES"}


@pytest.mark.parametrize(
    ("kind", "event_type"),
    [("", "FAILED_LOGIN"), ("", "UNAUTHORIZED_ACCESS"), ("", "SUSPICIOUS_ACTIVITY"), ("else", "SUSPICIOUS_ACTIVITY")],
)
def test_other_events_are_not(make_user, kind, event_type):
    """BUG-S2-28: not everything that is noted is an alarm."""
    signal(make_user().pk, kind, event_type)

    assert (FraudAlert.objects.count(), heard()) == (0, [])


def test_equal_signals_about_one_person_are_one_alert_for_a_while(make_user):
    user, other = make_user(), make_user()
    for _ in range(4):
        signal(user.pk)
    signal(user.pk, "many_addresses")
    signal(other.pk)

    alert = FraudAlert.objects.get(user=user, alert_type="REFRESH_REUSE")
    assert (FraudAlert.objects.count(), alert.repeats, len(heard())) == (3, 3, 3)
    assert alert.last_seen_at > alert.created_at

    # The window is over.
    FraudAlert.objects.filter(pk=alert.pk).update(dedup_key="REFRESH_REUSE:1:0")
    signal(user.pk)
    assert FraudAlert.objects.filter(user=user, alert_type="REFRESH_REUSE").count() == 2


def test_a_wave_over_many_people_is_some_alerts_and_one_for_all_others(make_user, monkeypatch):
    monkeypatch.setattr(signals, "PERSONS_MAX", 3)
    for _ in range(8):
        signal(make_user().pk)

    whom = list(FraudAlert.objects.order_by("pk").values_list("user_id", "repeats"))
    assert len(whom) == 4
    assert whom[-1] == (None, 4)
    assert len(heard()) == 4


def test_an_earlier_wave_does_not_count(make_user, monkeypatch):
    monkeypatch.setattr(signals, "PERSONS_MAX", 2)
    for _ in range(2):
        signal(make_user().pk)
    FraudAlert.objects.update(created_at=datetime.now(UTC) - timedelta(hours=3))

    user = make_user()
    signal(user.pk)

    assert FraudAlert.objects.filter(user=user).count() == 1
