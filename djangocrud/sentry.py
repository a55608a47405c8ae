"""Unexpected faults, told to Sentry where `SENTRY_DSN` says so: what and where, never whose (backend/common/alerts.py).

The library's own ways of looking (requests, variables, breadcrumbs, sessions, traces) are all off. What is sent is made
here, of a log record with a stack trace: the exception's type, the frames of the trace, the reference number.
"""

import logging
from typing import Any

import sentry_sdk

from backend.common import alerts

OURS = ("backend/", "djangocrud/", "ml/")


class Reporter(logging.Handler):
    """Hands each fault in the log to Sentry's own thread. Never waits, never raises."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)

    def emit(self, record: logging.LogRecord) -> None:
        fault, trace = alerts.fault_in(record), alerts.trace_of(record)
        if fault is not None and trace is not None:
            sentry_sdk.capture_event(_event(record, fault, trace))


def report_to(dsn: str, *, environment: str) -> Reporter:
    """Watch the log from now on."""
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        default_integrations=False,
        auto_enabling_integrations=False,
        include_local_variables=False,
        include_source_context=False,
        attach_stacktrace=False,
        auto_session_tracking=False,
        max_breadcrumbs=0,
        send_client_reports=False,
        server_name="",
    )
    reporter = Reporter()
    logging.getLogger().addHandler(reporter)
    return reporter


def _event(record: logging.LogRecord, fault: alerts.Fault, trace: str) -> Any:
    frames = [
        {
            "filename": frame["file"],
            "function": frame["function"],
            "lineno": int(frame["line"]),
            "in_app": any(f"/{folder}" in frame["file"] for folder in OURS),
        }
        for frame in alerts.frames_of(trace)
    ]
    return {
        "level": "error",
        "logger": record.name,
        "exception": {"values": [{"type": fault.kind, "stacktrace": {"frames": frames}}]},
        "fingerprint": [fault.kind, fault.place],
        "tags": {"reference": alerts.reference_of(record)},
    }
