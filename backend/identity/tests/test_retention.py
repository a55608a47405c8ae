"""What is over is forgotten by the clock, and what is not stays (design.md section 8; BUG-S1-8: never purged)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from backend.common import jobs
from backend.common import tasks as common_tasks
from backend.common.models import RateLimit
from backend.identity import tasks
from backend.identity.models import LoginLog, PasswordReset, Session, SignInCounter, SocketTicket
from backend.identity.services import retention, sessions

NOW = datetime.now(UTC)
pytestmark = pytest.mark.django_db


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


@pytest.fixture
def some(make_user):
    """Of everything that is pruned one that is over for 40 days, and one that is not."""
    user = make_user()
    for number, days in enumerate((40, 1)):
        sid = sessions.open_session(user=user, door="s1").sid
        Session.objects.filter(pk=sid).update(expires_at=days_ago(days))
        SocketTicket.objects.create(hash=str(number), session_id=sid, token_expires_at=NOW, expires_at=days_ago(days))
        PasswordReset.objects.create(user=user, hash=str(number), expires_at=days_ago(days), used_at=NOW)
        SignInCounter.objects.create(key=str(number), failures=1, updated_at=days_ago(days))
        LoginLog.objects.filter(pk=LoginLog.objects.create(user=user, description="x").pk).update(at=days_ago(days))


def counted() -> dict[str, int]:
    kept = (Session, SocketTicket, PasswordReset, SignInCounter, LoginLog)
    return {model.__name__: model.objects.count() for model in kept}


def test_what_is_over_for_long_is_deleted_and_the_rest_stays(some, settings):
    settings.SESSIONS_KEPT_DAYS, settings.LOGIN_LOGS_KEPT_DAYS = 30, 30

    tasks.prune()

    assert counted() == dict.fromkeys(counted(), 1)
    assert Session.objects.get().expires_at == days_ago(1)
    tasks.prune()  # Twice does no harm.
    assert counted() == dict.fromkeys(counted(), 1)


def test_the_log_of_sign_ins_has_a_time_of_its_own(some, settings):
    settings.SESSIONS_KEPT_DAYS, settings.LOGIN_LOGS_KEPT_DAYS = 30, 365

    tasks.prune()

    assert counted() == {**dict.fromkeys(counted(), 1), "LoginLog": 2}


def test_it_goes_in_steps(some, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 1)

    assert retention.prune(keep_days=2, keep_logs_days=2) == 5
    assert retention.prune(keep_days=2, keep_logs_days=2) == 0


def test_by_hand_one_says_what_is_kept(some, capsys):
    call_command("prune_sessions", keep_days=30, keep_logs_days=30)

    assert capsys.readouterr().out == "5 rows deleted\n"
    assert counted() == dict.fromkeys(counted(), 1)


def test_counts_and_blocks_are_forgotten_when_no_strike_counts_any_more():
    """S2-M6. A strike counts for a day (E-RATE-4)."""
    for number, days in enumerate((3, 1.5, -1)):
        window = {"window_start": days_ago(days + 1), "window_end": days_ago(days)}
        RateLimit.objects.create(identifier=str(number), endpoint="test", **window)

    common_tasks.forget_old_limits()

    assert set(RateLimit.objects.values_list("identifier", flat=True)) == {"1", "2"}


def test_the_clock_runs_both_daily():
    by_the_clock = {entry.name: entry.seconds for entry in jobs.periodic()}

    assert by_the_clock["identity.prune"] == by_the_clock["common.forget_old_limits"] == 24 * 3600
