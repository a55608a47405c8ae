"""Work that need not happen before the answer: mail, exports, imports, and what runs by the clock.

A job is a Celery task (`@shared_task`) that takes ids, reads again, and may run twice: a broker may deliver twice, and
a process may die between doing the work and saying so. With `USE_CELERY` workers run it. Without, or while the broker
is away (E-S4-12), this process does, in threads of its own, so that no answer waits for a mail server and none tells
by its time what was done.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import structlog
from celery import Celery, Task
from django.conf import settings
from django.db import close_old_connections, transaction
from kombu.exceptions import OperationalError as BrokerAway

log = structlog.get_logger(__name__)

# Named here, so that tasks have their application in every process: web, worker, command.
app = Celery("ease", set_as_current=True)
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")

THREADS = 2
# A broker that is away must not hold a request up: one try, and the job runs here instead.
ONE_TRY = {"max_retries": 0, "interval_start": 0}


@dataclass(frozen=True, slots=True)
class Periodic:
    """A task that runs every so many seconds, without arguments."""

    name: str
    seconds: float
    task: Task


_periodic: dict[str, Periodic] = {}
# What this process has run, by outcome. Two threads write: a lost count is worth less than a lock.
ran: Counter[str] = Counter()


def enqueue(task: Task, **kwargs: Any) -> None:
    """Have the task run after the caller's transaction commits; at once where there is none. A rollback runs nothing.

    `kwargs` are plain JSON values. Never raises for a broker that is away.
    """
    transaction.on_commit(lambda: _hand_over(task, kwargs))


def published(task: Task, **kwargs: Any) -> bool:
    """Hand the task to the broker now and return True; False, and nothing is run here, where it is away.

    For callers who have another way. After a False it may be in the queue all the same (the answer was lost), so both
    ways must stand each other. Only with `USE_CELERY`, and after the commit of what the task reads.
    """
    try:
        task.apply_async(kwargs=kwargs, retry=True, retry_policy=ONE_TRY)
    except (BrokerAway, OSError) as fault:
        log.warning("job.broker_away", job=task.name, fault=type(fault).__name__)
        return False
    return True


def every(seconds: float, task: Task) -> None:
    """Have the task run by the clock (called in `AppConfig.ready()`). It may run in several processes at once."""
    _periodic[task.name] = Periodic(task.name, seconds, task)


def periodic() -> list[Periodic]:
    """Return what runs by the clock, in a stable order."""
    return [_periodic[name] for name in sorted(_periodic)]


def _hand_over(task: Task, kwargs: dict[str, Any]) -> None:
    if settings.USE_CELERY and published(task, **kwargs):
        return
    if settings.JOBS_AT_ONCE:
        _run(task, kwargs)
    else:
        submit(task, kwargs)


def waiting() -> int:
    """Return how many jobs wait for a thread of this process."""
    return _threads()._work_queue.qsize()


def submit(task: Task, kwargs: dict[str, Any]) -> "Future[None]":
    """Run the task in a thread of this process; the end of the process waits for it."""
    return _threads().submit(_run_in_thread, task, kwargs)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="job")


def _run_in_thread(task: Task, kwargs: dict[str, Any]) -> None:
    close_old_connections()  # A connection that died while the thread was idle is replaced.
    _run(task, kwargs)


def _run(task: Task, kwargs: dict[str, Any]) -> None:
    """Run as a worker would, retries included. What fails is logged: nobody waits for the outcome."""
    started = time.monotonic()
    outcome = task.apply(kwargs=kwargs)
    ran["failed" if outcome.failed() else "done"] += 1
    if outcome.failed():
        log.error("job.failed", job=task.name, fault=type(outcome.result).__name__, exc_info=outcome.result)
    else:
        say = log.debug if task.name in _periodic else log.info  # What runs every two seconds would drown the rest.
        say("job.done", job=task.name, seconds=round(time.monotonic() - started, 3))


class Clock:
    """Runs periodic tasks in this process, each no more than once at a time. With Celery, beat does this instead."""

    def __init__(self, tasks: Callable[[], list[Periodic]] = periodic) -> None:
        self._tasks = tasks
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._tick_on, name="job-clock", daemon=True)

    def start(self) -> None:
        logging.getLogger("celery.app.trace").setLevel(logging.WARNING)  # Every success; here jobs log their own.
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def _tick_on(self) -> None:
        due = {entry.name: time.monotonic() + entry.seconds for entry in self._tasks()}
        running: dict[str, Future[None]] = {}
        while not self._stopped.wait(_until_next(due)):
            for entry in self._tasks():
                now = time.monotonic()
                if now < due.setdefault(entry.name, now + entry.seconds):
                    continue
                due[entry.name] = now + entry.seconds
                if entry.name not in running or running[entry.name].done():
                    running[entry.name] = submit(entry.task, {})


def _until_next(due: dict[str, float]) -> float:
    return max(0.05, min([*due.values(), time.monotonic() + 60]) - time.monotonic())


def stop_threads() -> None:
    """Let running jobs end; what still waits is dropped, which periodic sweeps make good."""
    _threads().shutdown(wait=True, cancel_futures=True)
