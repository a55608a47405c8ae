"""E-ERR-5: a fault that nobody expected is logged with its trace, answered generically, and mailed to `ADMINS`."""

import logging
import uuid

import pytest
import structlog
from django.core import mail
from rest_framework.test import APIClient

from backend.common import alerts, jobs, tasks
from backend.common.fastcache import FastCache, fastcache

ADMIN = "ops@ease.example"


@pytest.fixture
def alarm(settings, monkeypatch):
    """An alarm that watches the log, with somebody to tell; its jobs run at once, and no other test's counts."""
    settings.ADMINS = [("", ADMIN)]
    settings.LAYER_PREFIX = f"{settings.LAYER_PREFIX}:{uuid.uuid4().hex}"
    fastcache.cache_clear()
    monkeypatch.setattr(jobs, "submit", jobs._run)
    before = list(logging.getLogger().handlers)
    alerts.install()
    alerts.install()  # Only once, however often a process sets itself up.
    (found,) = [handler for handler in logging.getLogger().handlers if handler not in before]
    yield found
    logging.getLogger().removeHandler(found)
    fastcache.cache_clear()


@pytest.mark.urls("backend.common.tests.routes")
def test_a_crash_is_logged_answered_and_mailed(alarm, caplog):
    """E-ERR-4, E-ERR-5."""
    answer = APIClient(raise_request_exception=False).get("/raise/crash/")

    body = answer.json()
    assert (answer.status_code, sorted(body)) == (500, ["code", "detail", "reference"])
    assert "try again" in body["detail"]
    assert "secret inside" in caplog.text  # The log has it all.
    (told,) = mail.outbox
    assert (told.to, told.subject[:25]) == ([ADMIN], "[Ease] ZeroDivisionError ")
    assert f"Reference: {body['reference']}" in told.body
    assert "backend/common/tests/routes.py" in told.body


@pytest.mark.urls("backend.common.tests.routes")
def test_the_mail_says_nothing_of_what_the_fault_said(alarm):
    """A fault may quote somebody's data: a duplicate key names the key."""
    APIClient(raise_request_exception=False).get("/raise/crash/?ssn=123-45-6789")

    (told,) = mail.outbox
    assert "secret inside" not in told.subject + told.body
    assert "123-45-6789" not in told.subject + told.body


@pytest.mark.urls("backend.common.tests.routes")
def test_a_fault_is_mailed_once_in_a_while(alarm):
    client = APIClient(raise_request_exception=False)

    for _ in range(3):
        client.get("/raise/crash/")

    assert len(mail.outbox) == 1


def fail_at(place):
    try:
        {"here": lambda: 1 / 0, "there": lambda: int("x")}[place]()
    except (ZeroDivisionError, ValueError):
        structlog.get_logger(f"test.{place}").exception("it.failed", request_id="r-7")


def test_another_fault_has_a_mail_of_its_own_and_sockets_and_jobs_have_too(alarm):
    """Whatever is logged with a trace, by whichever logger."""
    fail_at("here")
    fail_at("there")

    assert [told.subject.split()[1] for told in mail.outbox] == ["ZeroDivisionError", "ValueError"]
    assert all("Reference: r-7" in told.body for told in mail.outbox)


def test_another_process_does_not_repeat_it(alarm):
    other = alerts.Alarm()
    logging.getLogger().addHandler(other)
    try:
        fail_at("here")
    finally:
        logging.getLogger().removeHandler(other)

    assert len(mail.outbox) == 1


def test_after_a_while_it_is_mailed_again(alarm, settings, monkeypatch):
    fail_at("here")
    settings.ALERT_EVERY_S = 1
    monkeypatch.setattr(alerts.time, "monotonic", lambda: 1e9)
    tasks.fastcache().delete([f"fault-told:{fault.kind}:{fault.place}" for fault in alarm._told])

    fail_at("here")

    assert len(mail.outbox) == 2


def test_the_memory_is_bounded(alarm, monkeypatch):
    monkeypatch.setattr(alerts, "FAULTS_MAX", 1)

    fail_at("here")
    fail_at("there")

    assert len(alarm._told) == 1


def test_an_error_without_a_trace_is_for_the_log_only(alarm):
    structlog.get_logger("test").error("it.failed")
    logging.getLogger("test").error("it failed")
    logging.getLogger("test").warning("it failed", exc_info=ValueError("x"))

    assert mail.outbox == []


def test_without_redis_each_process_tells_by_itself(alarm, monkeypatch):
    away = FastCache("redis://127.0.0.1:1/0", prefix="x:", key=b"x")
    monkeypatch.setattr(tasks, "fastcache", lambda: away)

    fail_at("here")
    fail_at("here")

    assert len(mail.outbox) == 1


def test_a_mail_server_that_is_away_does_not_call_for_more_mail(alarm, settings, monkeypatch):
    settings.EMAIL_BACKEND = "backend.common.tests.test_alerts.NoServer"
    NoServer.tries = 0

    fail_at("here")
    fail_at("here")

    assert NoServer.tries == 1 + tasks.MAIL_RETRIES["max_retries"]
    assert len(alarm._told) == 1


def test_nobody_to_tell_means_no_alarm(settings):
    settings.ADMINS = []
    before = list(logging.getLogger().handlers)

    alerts.install()

    assert logging.getLogger().handlers == before


class NoServer:
    tries = 0

    def __init__(self, **options):
        pass

    def send_messages(self, messages):
        NoServer.tries += 1
        raise ConnectionRefusedError("no mail server")
