"""Logs: one stream, one line an event, and no credential in it (BUG-S1-37)."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog

from backend.common.logs import HIDDEN, hide_secrets, logging_config
from backend.common.request_context import RequestContext, entered

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /ws/support/chat/7/?token=abc.def&after=3", "GET /ws/support/chat/7/?token=[hidden]&after=3"),
        ("GET /ws/?ticket=abc", "GET /ws/?ticket=[hidden]"),
        ("POST /api/x/?otp=123456", "POST /api/x/?otp=[hidden]"),
        ("GET /?TOKEN=abc", "GET /?TOKEN=[hidden]"),
        ("password=hunter2 host=db", "password=[hidden] host=db"),
        ("refused: Authorization: Bearer abcdefgh12345", "refused: Authorization: Bearer [hidden]"),
        ("Token 0123456789abcdef0123456789abcdef01234567", "Token [hidden]"),
        ("Api-Key AbCdEfGh.12345678", "Api-Key [hidden]"),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "Authorization: Basic [hidden]"),
        (f"could not read {JWT} at all", "could not read [hidden] at all"),
        ("postgresql://ease:hunter2@db:5432/ease", "postgresql://ease:[hidden]@db:5432/ease"),
        ("redis://:hunter2@cache:6379/0", "redis://:[hidden]@cache:6379/0"),
        ("nobody is called ana.maria+x@bank.example here", "nobody is called [hidden] here"),
        ("Key (ssn)=(123-45-6789) already exists.", "Key (ssn)=([hidden]) already exists."),
        ("two: ?token=a and ?key=b", "two: ?token=[hidden] and ?key=[hidden]"),
        ("http://localhost:8000/api/ answered 200", "http://localhost:8000/api/ answered 200"),
        ("the token expired; basic validation passed", "the token expired; basic validation passed"),
    ],
)
def test_credentials_in_texts_are_hidden(text, shown):
    assert hide_secrets(None, "info", {"event": text}) == {"event": shown}


@pytest.mark.parametrize(
    "name", ["password", "new_password", "Authorization", "set_cookie", "api_key", "apiKey", "ssn", "otp", "ws_ticket"]
)
def test_fields_named_after_credentials_are_hidden(name):
    assert hide_secrets(None, "info", {name: "hunter2"}) == {name: HIDDEN}
    assert hide_secrets(None, "info", {name: {"deep": "hunter2"}}) == {name: HIDDEN}


def test_credentials_deep_in_a_value_are_hidden():
    event = {"facts": {"device": {"push_token": "abc"}, "tried": ["?ticket=abc", 7]}, "at": ("a@b.example",)}

    assert hide_secrets(None, "info", event) == {
        "facts": {"device": {"push_token": HIDDEN}, "tried": ["?ticket=[hidden]", 7]},
        "at": [HIDDEN],
    }


def test_what_is_no_credential_is_left_alone():
    event = {"event": "done", "count": 3, "has_token": True, "rows": [1], "fault": None}

    assert hide_secrets(None, "info", dict(event)) == event


@contextmanager
def logging_as_in_production() -> Iterator[None]:
    """For one block: the handlers hold the standard error of this moment, so they are put back as they were."""
    root = logging.getLogger()
    before = list(root.handlers)
    logging_config(level="INFO", human=False)
    try:
        yield
    finally:
        root.handlers[:] = before


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_production_logs_one_json_object_a_line_for_both_kinds_of_loggers(capsys):
    with logging_as_in_production(), entered(RequestContext(request_id="abc")):
        structlog.get_logger("ours").info("thing.done", count=2, password="hunter2")
        logging.getLogger("theirs").warning("%s tried ?token=%s", "somebody", "secret")

    ours, theirs = lines_of(capsys)
    assert {name: ours[name] for name in ("event", "level", "logger", "request_id", "count", "password")} == {
        "event": "thing.done",
        "level": "info",
        "logger": "ours",
        "request_id": "abc",
        "count": 2,
        "password": HIDDEN,
    }
    assert str(ours["timestamp"]).endswith("Z")
    assert (theirs["event"], theirs["level"]) == ("somebody tried ?token=[hidden]", "warning")


def test_a_fault_in_the_log_keeps_its_traceback_and_loses_its_secrets(capsys):
    with logging_as_in_production():
        try:
            raise ValueError("cannot reach postgresql://ease:hunter2@db/ease")
        except ValueError:
            logging.getLogger("theirs").exception("failed")

    (line,) = lines_of(capsys)
    assert "Traceback" in str(line["exception"])
    assert "ValueError: cannot reach postgresql://ease:[hidden]@db/ease" in str(line["exception"])


def test_what_is_below_the_level_is_not_logged(capsys):
    with logging_as_in_production():
        structlog.get_logger("ours").debug("detail")
        logging.getLogger("django.request").warning("Not Found: /x/")

    assert lines_of(capsys) == []
