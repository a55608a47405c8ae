"""What `/metrics` tells of sockets, feeds and commits of this process."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import Metric

from backend.common.metrics import Histogram, counter, gauge, histogram, number, total
from backend.realtime import runtime
from backend.realtime.runtime import Runtime


def tell() -> Iterator[Metric]:
    """Tell of the runtime on this loop, if there is one."""
    found = runtime.found()
    if found is not None:
        yield from _sockets(found)
        yield from _hub(found)
        yield from _commits(found)


def _sockets(found: Runtime) -> Iterator[Metric]:
    open_ones = gauge("ease_sockets_open", "WebSockets that are open, by what they are.", "kind")
    for kind, count in Counter(type(one).__name__ for one in found.sockets).items():
        open_ones.add_metric([kind], count)
    yield open_ones
    yield total("ease_sockets_opened", "WebSockets that were let in.", found.opened)
    closed = counter("ease_sockets_closed", "WebSockets that this process closed, by close code.", "code")
    for code, count in found.closed.items():
        closed.add_metric([str(code)], count)
    yield closed


def _hub(found: Runtime) -> Iterator[Metric]:
    hub, tally = found.hub, found.hub.tally
    yield number("ease_feeds", "Topics that somebody here listens to.", len(hub.feeds))
    yield number("ease_layer_joined", "Whether this process ever reached the channel layer.", int(hub.layer_joined))
    yield total("ease_layer_losses", "How often the channel layer's connection was lost.", tally.layer_losses)
    yield total("ease_rings_lost", "Messages that the channel layer did not take.", tally.rings_lost)
    yield total("ease_events_rung", "Events of this process that were delivered and rung.", tally.rung)
    yield total("ease_events_heard", "Events of other processes that the layer brought.", tally.heard)
    yield total("ease_events_healed", "Events that no ring brought, read from the database.", tally.healed)
    yield number(
        "ease_head_lag_events", "Events that feeds were behind the stored heads, at the last look.", tally.behind
    )
    lag = {"loop": tally.loop_lag}
    yield histogram("ease_loop_lag_seconds", "How much later than due the event loop woke, once a second.", lag, "of")


def _commits(found: Runtime) -> Iterator[Metric]:
    yield number(
        "ease_commits_waiting", "Messages that wait for their commit.", sum(one.waiting for one in found.committers)
    )
    yield total(
        "ease_messages_committed", "Messages that were answered.", sum(one.committed for one in found.committers)
    )
    seconds = Histogram()
    for one in found.committers:
        seconds.counts = [a + b for a, b in zip(seconds.counts, one.seconds.counts, strict=True)]
        seconds.total += one.seconds.total
    yield histogram("ease_commit_seconds", "How long a batch of messages took.", {"chat": seconds}, "of")
