"""What this process counts, for Prometheus (`/metrics`): plain numbers where things happen, words when somebody asks.

The paths that serve people pay an addition to an int and take no lock: each number is written by one thread only, the
event loop's, and read on it. Families are made from the numbers when they are asked for (djangocrud/metrics.py).

    metrics.counted(tell)       # called on the event loop, so it must not wait
    metrics.asked("audit", tell)  # called in a thread of its own, may ask the database; its fault is a metric, too

"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

import structlog
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from backend.common.database import repeatable

log = structlog.get_logger(__name__)

Source = Callable[[], Iterable[Metric]]

ASKED_AGAIN_S = 5.0  # several who ask at once, or often, cost the database no more than one
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_counted: list[Source] = []
_asked: dict[str, Source] = {}
_last: tuple[float, list[Metric]] = (float("-inf"), [])


class Histogram:
    """Observations in buckets. One writer at a time."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """Return the buckets as Prometheus has them: each with all below it."""
        found, so_far = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            so_far += count
            found.append((bound, float(so_far)))
        return found


def counted(source: Source) -> None:
    """Have `source()` tell its families whenever somebody asks; it runs on the event loop."""
    _counted.append(source)


def asked(name: str, source: Source) -> None:
    """Have `source()` tell its families in a thread that may read the database."""
    _asked[name] = source


def now_counted() -> list[Metric]:
    return [family for source in _counted for family in source()]


def now_asked() -> list[Metric]:
    """Return what the sources in the database say, no older than a few seconds. A source that fails says so itself."""
    global _last
    at, found = _last
    if time.monotonic() - at < ASKED_AGAIN_S:
        return found
    answered = gauge("ease_source_answers", "Whether a source of metrics could be read: 1, or 0.", "source")
    found = [answered]
    for name, source in _asked.items():
        try:
            found += repeatable(_families, source)
        except Exception as fault:  # noqa: BLE001 - what cannot be read must not hide the rest
            log.warning("metrics.unread", source=name, fault=type(fault).__name__)
            answered.add_metric([name], 0)
        else:
            answered.add_metric([name], 1)
    _last = (time.monotonic(), found)
    return found


def _families(source: Source) -> list[Metric]:
    return list(source())


def forget_asked() -> None:
    """Have the next who asks read anew."""
    global _last
    _last = (float("-inf"), [])


def gauge(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, labels=labels)


def number(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=value)


def counter(name: str, words: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(name, words, labels=labels)


def total(name: str, words: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, words, value=value)


def histogram(name: str, words: str, by: dict[str, Histogram], label: str) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, words, labels=[label])
    for value, one in by.items():
        family.add_metric([value], one.buckets(), one.total)
    return family
