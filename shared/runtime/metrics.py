"""
Prometheus metrics of a process. Labels are services, events and codes; never a request or a person.

Each metric has a label, so that a process exports a series only once it has something to report: features
that are off export nothing. docs/reference/metrics.md lists all of them.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version
from platform import python_version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
"""Upper bounds of the buckets of times, in seconds."""


class _Reported(CollectorRegistry):
    """Leaves out what has no series: its name and help text alone."""

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics with a series."""
        return (metric for metric in super().collect() if metric.samples)


disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = _Reported()
ProcessCollector(registry=REGISTRY)


def counter(name: str, text: str, *labels: str) -> Counter:
    """Return the counter *name* of this process."""
    return Counter(name, text, labels, registry=REGISTRY)


def gauge(name: str, text: str, *labels: str) -> Gauge:
    """Return the gauge *name* of this process."""
    return Gauge(name, text, labels, registry=REGISTRY)


def histogram(name: str, text: str, *labels: str, buckets: Sequence[float] = LATENCIES) -> Histogram:
    """Return the histogram *name* of this process, of times by default."""
    return Histogram(name, text, labels, buckets=buckets, registry=REGISTRY)


_BUILD = Info("habeas_build", "Version of the product and of Python.", ["service"], registry=REGISTRY)
_EVENTS = counter(
    "habeas_events_total",
    "Events handled; `redelivered` ones had been handled before: at most their facts went out again.",
    "service",
    "event",
    "outcome",
)
_FAILED = counter("habeas_failures_total", "Messages sent to another try, or parked.", "service", "outcome")
_BATCH = histogram(
    "habeas_batch_size",
    "Messages committed together.",
    "service",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
)
_COMMIT = histogram("habeas_commit_seconds", "Time to make a batch durable and publish it.", "service")
_HANDLER = histogram(
    "habeas_handler_seconds",
    "Time of a handler for one event, without the commit of its batch.",
    "service",
    "event",
)
_STORE = histogram(
    "habeas_store_seconds",
    "Time of a command to MongoDB; the store `own` is the database of Habeas.",
    "store",
    "command",
    "outcome",
)
_HTTP = histogram(
    "habeas_http_request_seconds",
    "Time until an answer begins; the route is the template of the path.",
    "service",
    "method",
    "route",
    "status",
)
_CONNECTED = gauge("habeas_consuming", "Whether the service's queue is being consumed.", "service")
_READY = gauge(
    "habeas_ready",
    "Whether a part that the process needs answered last: each scrape and each call of /readyz ask it anew.",
    "part",
)
_BLOCKED = gauge(
    "habeas_broker_blocked",
    "Whether the broker accepts no messages of the service, because of an alarm of memory or disk.",
    "service",
)
_DROP = gauge(
    "habeas_drop_seconds_left",
    "Time until California's deletion lists must be fetched, and the last ones answered; negative when late.",
    "service",
)
_DROP_SET_ASIDE = gauge(
    "habeas_drop_set_aside",
    "Lists of California, or parts of them, that cannot be read and are the staff's to answer.",
    "service",
)
_WAITING = gauge(
    "habeas_requests_waiting", "Requests that wait their turn, because their source sends many.", "service"
)
_WRONG_CODES = counter(
    "habeas_wrong_codes_total", "One-time codes that were wrong, over all requests.", "service"
)
_GUESSING = gauge(
    "habeas_code_alarm",
    "Whether so many codes were wrong within an hour that they may be guesses.",
    "service",
)
INTAKE = "intake"


def start(service: str) -> None:
    """Set the version of a service that runs, and begin its counts of failures at 0."""
    _BUILD.labels(service).info({"version": version("habeas"), "python": python_version()})
    for outcome in ("parked", "retried"):
        _FAILED.labels(service, outcome)


def drop(*, seconds_left: float, set_aside: int) -> None:
    """Set the time left to fetch California's lists, negative when overdue, and the lists set aside."""
    _DROP.labels(INTAKE).set(seconds_left)
    _DROP_SET_ASIDE.labels(INTAKE).set(set_aside)


def wrong_code() -> None:
    """Count a wrong code."""
    _WRONG_CODES.labels(INTAKE).inc()


def code_alarm(*, on: bool) -> None:
    """Report whether so many codes were wrong that the alarm is on."""
    _GUESSING.labels(INTAKE).set(on)


def events(service: str, event: str, count: int, *, new: bool) -> None:
    """Count handled events."""
    _EVENTS.labels(service, event, "handled" if new else "redelivered").inc(count)


def failed(service: str, *, parked: bool) -> None:
    """Count a message that was not handled."""
    _FAILED.labels(service, "parked" if parked else "retried").inc()


def batch(service: str, *, size: int, seconds: float) -> None:
    """Record a committed batch."""
    _BATCH.labels(service).observe(size)
    _COMMIT.labels(service).observe(seconds)


def handler_time(service: str, event: str) -> AbstractContextManager[object]:
    """Time the handler of an event."""
    return _HANDLER.labels(service, event).time()


def store_time(store: str, command: str, seconds: float, *, failed: bool) -> None:
    """Record the time of a command to a store."""
    _STORE.labels(store, command, "failed" if failed else "ok").observe(seconds)


def http_time(service: str, method: str, route: str, status: int, seconds: float) -> None:
    """Record the time until an answer began; *route* is the template of the path."""
    _HTTP.labels(service, method, route, status).observe(seconds)


def readiness(part: str, *, answers: bool) -> None:
    """Set whether *part* answered the process."""
    _READY.labels(part).set(answers)


def connections(service: str, *, consuming: bool, blocked: bool) -> None:
    """Set whether a service's queue is being consumed, and whether the broker blocks its publications."""
    _CONNECTED.labels(service).set(consuming)
    _BLOCKED.labels(service).set(blocked)


def waiting(requests: int) -> None:
    """Set the number of waiting requests."""
    _WAITING.labels(INTAKE).set(requests)


def replace_series(gauge: Gauge, figures: Iterable[tuple[Sequence[str], float]]) -> None:
    """Set the series of *gauge*: label values and figure; all others end."""
    gauge.clear()
    for labels, figure in figures:
        gauge.labels(*labels).set(figure)


def exposition() -> bytes:
    """Return all figures in Prometheus' text format."""
    return generate_latest(REGISTRY)
