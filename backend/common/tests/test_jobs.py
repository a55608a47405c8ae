"""Jobs: after the commit, by a worker or in a thread of this process, and by the clock."""

import os
import subprocess
import sys
import time

import pytest
from django.db import transaction

from backend.common import jobs
from backend.common.tests.job_tasks import leave_tick, leave_trace, stumble, traces
from backend.tests.servers import database_url
from djangocrud.env import ROOT

PATIENCE_S = 60


def wait_for(name: str, count: int = 1) -> list[str]:
    deadline = time.monotonic() + PATIENCE_S
    while len(found := traces(name)) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def test_a_job_runs_after_the_commit_and_not_before(committed):
    with transaction.atomic():
        jobs.enqueue(leave_trace, name="committed")
        assert traces("committed") == []

    assert len(traces("committed")) == 1


def test_a_rollback_runs_nothing(committed):
    with pytest.raises(RuntimeError), transaction.atomic():
        jobs.enqueue(leave_trace, name="rolled back")
        raise RuntimeError

    assert traces("rolled back") == []


def test_a_job_that_fails_hurts_nobody_and_is_logged(committed, caplog):
    jobs.enqueue(stumble, name="x")

    assert "it went wrong" in caplog.text


def test_the_server_runs_jobs_in_threads_of_their_own(live, settings):
    """No answer waits for a job, and its time tells nothing of what the job does."""
    settings.JOBS_AT_ONCE = False

    with transaction.atomic():
        jobs.enqueue(leave_trace, name="thread")

    assert wait_for("thread")[0].startswith(f"{os.getpid()} job_")


def test_without_a_broker_the_job_still_runs(committed, settings):
    """E-S4-12."""
    settings.USE_CELERY = True
    app, address = jobs.app, jobs.app.conf.broker_url
    app.conf.broker_url = app.conf.broker_write_url = "redis+socket:///nowhere/valkey.sock"
    app.amqp._producer_pool = None
    try:
        jobs.enqueue(leave_trace, name="no broker")
    finally:
        app.conf.broker_url = app.conf.broker_write_url = address
        app.amqp._producer_pool = None

    assert len(traces("no broker")) == 1


def test_the_clock_runs_what_is_due_again_and_again(live):
    clock = jobs.Clock(lambda: [jobs.Periodic("tick", 0.05, leave_tick)])

    clock.start()
    found = wait_for("tick", 3)
    clock.stop()

    assert len(found) >= 3


def test_a_worker_runs_what_was_enqueued(live, live_database, settings, tmp_path):
    """`USE_CELERY`: a real worker process, over the real Valkey."""
    settings.USE_CELERY = True
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "djangocrud.settings_test",
        "DATABASE_URL": database_url(live_database),
        "REDIS_URL": " ".join(settings.REDIS_URLS),
    }
    command = [sys.executable, "-m", "celery", "-A", "djangocrud.celery", "worker", "--pool=solo", "--loglevel=WARNING"]
    command += ["--without-gossip", "--without-mingle", "-I", "backend.common.tests.job_tasks"]
    with (tmp_path / "worker.log").open("w") as log:
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        jobs.enqueue(leave_trace, name="worker")

        found = wait_for("worker")
    finally:
        worker.terminate()
        worker.wait(30)

    assert found, (tmp_path / "worker.log").read_text()[-2000:]
    assert found[0].split()[0] == str(worker.pid)
