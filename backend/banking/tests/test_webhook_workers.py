"""Webhooks by real workers: several at once, one over a real broker, none where the broker is away."""

import threading
import time
from datetime import UTC, datetime

import pytest
from celery.contrib.testing.worker import start_worker
from django.db import connections

from backend.banking import tasks
from backend.banking.models import WebhookDelivery, WebhookEndpoint, WebhookMessage
from backend.banking.services.webhooks import delivering
from backend.banking.tests.partner_stage import Partner
from backend.banking.tests.receiver import HOOKS, listen, make_due, receiving
from backend.common import jobs
from backend.tests.commits import in_parallel

PATIENCE_S = 60


@pytest.fixture
def partner(committed, settings):
    settings.WEBHOOK_LOOPBACK, settings.JOBS_AT_ONCE = True, False
    found = Partner()
    found.customer("c-1", "5000.00")
    return found


@pytest.fixture(params=["worker", "threads"])
def hands(request, partner, settings):
    """Whoever does jobs: a Celery worker that hears of them from the broker, or threads of this process."""
    settings.USE_CELERY = request.param == "worker"
    if not settings.USE_CELERY:
        yield
        together = threading.Barrier(jobs.THREADS)
        for ended in [jobs._threads().submit(_let_go, together) for _ in range(jobs.THREADS)]:
            ended.result()
        return
    jobs.app.control.purge()
    with start_worker(jobs.app, perform_ping_check=False, loglevel="WARNING"):
        yield
    jobs.app.control.purge()


def _let_go(together):
    """In each of the threads: they outlive the test's database."""
    together.wait(PATIENCE_S)
    connections.close_all()


def until(is_so):
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def states():
    return sorted(WebhookDelivery.objects.values_list("state", "last_status"))


def test_a_job_sends_tries_again_and_stops_when_the_receiver_is_gone(partner, hands):
    """Build item 5 of issue 07, by the broker and by threads, to a receiver over HTTP: 500, then 204, then 410."""
    with receiving(status=500) as receiver:
        hook = listen(partner, receiver.url)
        partner.active_loan("l-1", "10.00")
        until(lambda: states() == [("pending", 500)])

        receiver.status = 204
        make_due()
        jobs.enqueue(tasks.deliver_webhooks)
        until(lambda: states() == [("delivered", 204)])

        receiver.status = 410
        partner.client.post(f"{HOOKS}{hook['id']}/test/")
        until(lambda: states() == [("cancelled", 410), ("delivered", 204)])

    assert receiver.kinds == ["loan.activated", "loan.activated", "webhook.test"]
    assert WebhookEndpoint.objects.get().disabled_reason == "gone"


def test_many_workers_send_each_message_once(partner):
    """SKIP LOCKED and a lease; `USE_CELERY` with its broker away runs the job here, and a late worker finds nothing
    (E-S4-12, BUG-S4-12)."""
    with receiving() as receiver:
        hook = listen(partner, receiver.url)
        WebhookEndpoint.objects.update(disabled_at=datetime.now(UTC), disabled_reason="by_hand")
        message_at = datetime.now(UTC)
        for _ in range(60):
            message = WebhookMessage.objects.create(bank=partner.bank, kind="x.y", body="{}", created_at=message_at)
            WebhookDelivery.objects.create(
                message=message, endpoint_id=hook["id"], due_at=message_at, created_at=message_at
            )
        WebhookEndpoint.objects.update(disabled_at=None, disabled_reason="")

        counts = in_parallel(*[delivering.deliver_due] * 4)

        assert sum(counts) == 60
        assert delivering.deliver_due() == 0
    ids = [headers["webhook-id"] for headers, _ in receiver.heard]
    assert (len(ids), len(set(ids))) == (60, 60)


def test_the_broker_is_away_and_the_webhook_still_goes_out_once(partner, settings):
    """E-S4-12, BUG-S4-12."""
    settings.USE_CELERY, settings.JOBS_AT_ONCE = True, True
    app, address = jobs.app, jobs.app.conf.broker_url
    app.conf.broker_url = app.conf.broker_write_url = "redis+socket:///nowhere/valkey.sock"
    app.amqp._producer_pool = None
    try:
        with receiving() as receiver:
            hook = listen(partner, receiver.url)
            partner.client.post(f"{HOOKS}{hook['id']}/test/")
            heard = len(receiver.heard)
            tasks.deliver_webhooks.apply()  # The publish arrived late, after all.
    finally:
        app.conf.broker_url = app.conf.broker_write_url = address
        app.amqp._producer_pool = None
    assert (heard, len(receiver.heard)) == (1, 1)
