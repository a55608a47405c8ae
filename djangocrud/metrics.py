"""`/metrics`: what this process counts and what its database says, as Prometheus reads it (design.md section 9).

Each process answers for itself, so each is scraped at its own address, not through the balancer. Beside the pools that
serve people, in a thread of its own.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from hmac import compare_digest
from typing import Any

from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from backend.common import metrics
from backend.common.pool import PoolBusy, PoolTimeout, ThreadPool
from djangocrud.handler import Tally
from djangocrud.serving import lifecycle
from djangocrud.serving.answers import Answer, json_answer

NOT_FOUND = json_answer(404, {"detail": "Not found.", "code": "not_found"})
REFUSED = json_answer(401, {"detail": "The metrics' token is needed.", "code": "not_authenticated"})

# What the kernel says of this process: CPU, memory, descriptors, start. One object, which remembers nothing.
_process = ProcessCollector(registry=CollectorRegistry())


def metrics_page(pool: ThreadPool) -> Callable[[Mapping[str, Any]], Awaitable[Answer]]:
    """Return the page; `pool` is where the database is asked."""

    async def page(scope: Mapping[str, Any]) -> Answer:
        if not settings.METRICS_TOKEN and not settings.METRICS_OPEN:
            return NOT_FOUND
        if settings.METRICS_TOKEN and not _shows_token(scope):
            return REFUSED
        try:
            asked = await pool.run(metrics.now_asked)
        except (PoolBusy, PoolTimeout):
            asked = []
        body = generate_latest(_Told([*metrics.now_counted(), *asked, *_process.collect()]))
        headers = [(b"Content-Type", CONTENT_TYPE_LATEST.encode()), (b"Content-Length", b"%d" % len(body))]
        return Answer(200, [*headers, (b"Cache-Control", b"no-store")], body)

    return page


def http_families(tally: Tally, pools: Mapping[str, ThreadPool]) -> Iterator[Metric]:
    answers = metrics.counter("ease_http_answers", "Requests that were answered.", "method", "route", "status")
    for (method, route, status), count in tally.answers.items():
        answers.add_metric([method, route, str(status)], count)
    yield answers
    words = "Until the answer was there, waiting for a thread included, by pool."
    yield metrics.histogram("ease_http_seconds", words, tally.seconds, "pool")
    waiting = metrics.gauge("ease_pool_waiting", "Calls that wait for a thread, by pool.", "pool")
    running = metrics.gauge("ease_pool_running", "Calls that run, by pool.", "pool")
    refused = metrics.counter("ease_pool_refused", "Calls that were turned away because too many waited.", "pool")
    for name, pool in pools.items():
        waiting.add_metric([name], pool.waiting)
        running.add_metric([name], pool.running)
        refused.add_metric([name], pool.refused)
    yield from (waiting, running, refused)
    yield metrics.number("ease_draining", "Whether the process is about to end.", int(lifecycle.is_draining()))


class _Told(Collector):
    """Families that are there already, for the library that writes them down."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


def _shows_token(scope: Mapping[str, Any]) -> bool:
    given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    scheme, _, token = bytes(given).partition(b" ")
    return scheme.lower() == b"bearer" and compare_digest(token.strip(), settings.METRICS_TOKEN.encode())
