"""What leaves the house when something fails: what and where, and nothing that anybody said."""

import gzip
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import sentry_sdk
import structlog

from backend.common.request_context import RequestContext, entered
from djangocrud.sentry import report_to


@pytest.fixture
def received():
    """A Sentry of our own, on a real port; what it was sent, opened."""
    bodies = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bodies.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            """Nothing to say."""

    with HTTPServer(("127.0.0.1", 0), Sink) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        reporter = report_to(f"http://key@127.0.0.1:{server.server_port}/1", environment="test")
        try:
            yield bodies
        finally:
            logging.getLogger().removeHandler(reporter)
            sentry_sdk.init()
            server.shutdown()


def _fail(somebody):
    raise ValueError(f"duplicate key: {somebody}")


def test_a_fault_is_told_without_what_it_said_and_whose_it_was(received):
    log = structlog.get_logger("ours")
    with entered(RequestContext(request_id="ref-1", ip="192.0.2.7", user_agent="Ana's phone")):
        try:
            _fail("ana@bank.example 123-45-6789")
        except ValueError:
            log.exception("thing.failed", customer="Ana Maria", session_id="s-1")
        log.error("no.trace", customer="Ana Maria")
    sentry_sdk.flush(10)

    (body,) = received
    event = json.loads(body.split(b"\n")[2])
    (fault,) = event["exception"]["values"]
    frame = fault["stacktrace"]["frames"][-1]
    assert (fault["type"], fault.get("value")) == ("ValueError", None)
    assert (frame["function"], frame["in_app"]) == ("_fail", True)
    assert event["tags"]["reference"] == "ref-1"
    for word in (b"ana", b"Ana", b"123-45", b"192.0.2.7", b"duplicate", b"s-1", b"thing.failed"):
        assert word not in body.replace(b"traceanalysis", b""), word
    assert {"user", "request", "breadcrumbs", "modules", "extra"} & event.keys() <= {"extra", "breadcrumbs"}
