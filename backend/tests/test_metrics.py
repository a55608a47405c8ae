"""`/metrics`: who may read it, what it tells, and that alert rules speak of what is told."""

import asyncio
import re
import urllib.request
from pathlib import Path

import pytest
import yaml
from django.db import ProgrammingError
from prometheus_client.parser import text_string_to_metric_families

from backend.common import metrics
from backend.support.tests.factories import make_talk
from backend.support.tests.wire import wire
from bench.client import call
from djangocrud import asgi

DOCS = Path(__file__).resolve().parents[1] / "docs"
OF_PROMETHEUS = {"up"}


def _told(text):
    """Return samples by name and labels."""
    families = text_string_to_metric_families(text)
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def _scraped(server):
    with urllib.request.urlopen(f"{server.base_url}/metrics", timeout=30) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        return answer.read().decode()


def test_a_process_tells_of_requests_sockets_commits_and_of_what_the_database_says(live, make_user):
    talk = make_talk(make_user)
    route = (("method", "GET"), ("route", "api/chats/<uuid:chat_id>/messages/"), ("status", "200"))

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana:
            await ana.array()
            await ana.say("hello")
            await ana.get("message")
            return await asyncio.to_thread(_scraped, live)

    before = _told(_scraped(live))
    call(live.base_url, "GET", f"/api/chats/{talk.id}/messages/", token=talk.customer_token)
    text = asyncio.run(play())
    after = _told(text)

    def grown(name, *labels):
        return after[name, labels] - before.get((name, labels), 0)

    assert grown("ease_http_answers_total", *route) == 1
    assert grown("ease_http_seconds_count", ("pool", "web")) == 1
    assert grown("ease_sockets_opened_total") == 1
    assert grown("ease_messages_committed_total") == 1
    assert grown("ease_events_rung_total") >= 1
    assert after["ease_sockets_open", (("kind", "ChatSocket"),)] >= 1
    assert abs(after["ease_database_clock_offset_seconds", ()]) < 2
    assert {after["ease_source_answers", (("source", name),)] for name in ("database", "redis", "audit", "ledger")} == {
        1
    }
    assert str(talk.id) not in text


@pytest.fixture
def ask(settings):
    """Ask this process's own page, as the server would, with settings of the test's."""

    def ask(token="", **values):
        for name, value in values.items():
            setattr(settings, name, value)
        headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
        return asyncio.run(asgi.http._pages["/metrics"]({"headers": headers, "path": "/metrics"}))

    metrics.forget_asked()
    yield ask
    metrics.forget_asked()


@pytest.mark.parametrize(
    ("configured", "opened", "shown", "status"),
    [
        ("", True, "", 200),  # development
        ("", False, "", 404),  # production without a token: there is no such page
        ("", False, "guess", 404),
        ("a-token-of-the-operators", False, "", 401),
        ("a-token-of-the-operators", False, "a-token-of-the-operator", 401),
        ("a-token-of-the-operators", False, "a-token-of-the-operators", 200),
    ],
)
def test_who_may_read_it(ask, db, configured, opened, shown, status):
    answer = ask(shown, METRICS_TOKEN=configured, METRICS_OPEN=opened)

    assert answer.status == status
    assert (b"ease_http_answers" in answer.body) == (status == 200)


def test_a_source_that_fails_says_so_and_hides_nothing_else(db, monkeypatch):
    def fails():
        raise ProgrammingError("no such table, with somebody's name")

    monkeypatch.setitem(metrics._asked, "audit", fails)
    metrics.forget_asked()
    try:
        told = {sample.name: sample.value for family in metrics.now_asked() for sample in family.samples}
        answers = {
            sample.labels["source"]: sample.value
            for family in metrics.now_asked()
            for sample in family.samples
            if sample.name == "ease_source_answers"
        }
    finally:
        metrics.forget_asked()

    assert answers == {"database": 1, "redis": 1, "audit": 0, "ledger": 1, "assistant": 1}
    assert "ease_database_connections" in told


def test_asking_often_costs_the_database_no_more_than_once(db, django_assert_max_num_queries):
    metrics.forget_asked()
    metrics.now_asked()
    with django_assert_max_num_queries(0):
        metrics.now_asked()
    metrics.forget_asked()


def test_every_metric_in_the_alert_rules_and_in_the_document_is_told(live):
    call(live.base_url, "GET", "/api/chats/")
    names = {name for name, _ in _told(_scraped(live))} | _without_samples(_scraped(live))
    # These are told when there is something to tell.
    names |= {"ease_queue_depth", "ease_jobs_total", "ease_sockets_closed_total"}
    names |= {"ease_audit_check_age_seconds", "ease_ledger_check_age_seconds"}
    rules = [rule for group in yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
    said = (DOCS / "watching.md").read_text()

    for rule in rules:
        named = set(re.findall(r"\b(?:ease|process)_\w+|\bup\b", rule["expr"]))
        assert named, rule["alert"]
        assert named <= names | OF_PROMETHEUS, (rule["alert"], named - names)
        assert f"#### {rule['alert']}\n" in said
        assert rule["annotations"]["runbook"] == f"watching.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}
    for name in re.findall(r"^\| `(ease_\w+?)(?:_\*)?[`{]", said, re.MULTILINE):
        assert any(told.startswith(name) for told in names), name


def _without_samples(text):
    """Return the names of families that have nothing to tell yet."""
    return {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
