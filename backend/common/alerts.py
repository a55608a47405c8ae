"""Unexpected faults reach the administrators by mail (E-ERR-5): what, where and under which reference, nothing else.

A log record with a stack trace is a fault that nobody expected, wherever it happened: in a request, on a socket, in a
job. What the exception says may quote somebody's data (a duplicate key names the key), so it stays in the log; the
mail names its type and its place in the code. At most one mail for each fault and `ALERT_EVERY_S`, however often it
happens and on however many processes.
"""

import logging
import re
import time
import traceback
from dataclasses import asdict, dataclass

import structlog
from django.conf import settings

from backend.common import jobs, tasks

FAULTS_MAX = 1000
# The frames of a formatted trace, and its last line: `package.Type: what it says`.
_FRAME = re.compile(r'^  File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>.+)$', re.MULTILINE)
_LAST_LINE = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*)(:|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong, as far as it may be told: the exception's type, and where it was raised."""

    kind: str
    place: str


class Alarm(logging.Handler):
    """Hands each new fault in the log to a thread that mails it. Never waits, never raises."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self._told: dict[Fault, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        fault = fault_in(record)
        if fault is None or is_about_alerts(record) or self._was_told(fault):
            return
        # By a thread of this process in any case: not after commit, for what fails is rolled back, and not through
        # the broker, which may be what failed.
        jobs.submit(tasks.mail_fault, {**asdict(fault), "reference": reference_of(record)})

    def _was_told(self, fault: Fault) -> bool:
        now = time.monotonic()
        told_at = self._told.get(fault)
        if told_at is not None and now - told_at < settings.ALERT_EVERY_S:
            return True
        if len(self._told) >= FAULTS_MAX:
            self._told.clear()
        self._told[fault] = now
        return False


def install() -> None:
    """Watch the log, where there is somebody to tell."""
    root = logging.getLogger()
    if settings.ADMINS and not any(isinstance(handler, Alarm) for handler in root.handlers):
        root.addHandler(Alarm())


def fault_in(record: logging.LogRecord) -> Fault | None:
    """Return the fault that a record tells of; None where it has no stack trace."""
    text = trace_of(record)
    if text is None:
        return None
    frames = list(_FRAME.finditer(text))
    rest = text[frames[-1].end() :] if frames else text
    kind = _LAST_LINE.search(rest)
    place = "{file}:{line} in {function}".format(**frames[-1].groupdict()) if frames else "an unknown place"
    return Fault(kind["kind"] if kind else "an unnamed fault", place)


def trace_of(record: logging.LogRecord) -> str | None:
    if record.exc_info and record.exc_info[1] is not None:
        return "".join(traceback.format_exception(record.exc_info[1]))
    if isinstance(record.msg, dict) and "exception" in record.msg:  # structlog has written the trace already.
        return str(record.msg["exception"])
    return None


def frames_of(trace: str) -> list[dict[str, str]]:
    """Return file, line and function of each frame, the one that was called last at the end."""
    return [frame.groupdict() for frame in _FRAME.finditer(trace)]


def is_about_alerts(record: logging.LogRecord) -> bool:
    """Whether it says that such a mail could not be sent: it would call for the next one."""
    by_us = record.msg.get("job") if isinstance(record.msg, dict) else None
    by_celery = getattr(record, "data", None)
    return tasks.mail_fault.name in (by_us, by_celery.get("name") if isinstance(by_celery, dict) else None)


def reference_of(record: logging.LogRecord) -> str:
    told = record.msg if isinstance(record.msg, dict) else structlog.contextvars.get_contextvars()
    return str(told.get("request_id", ""))
