"""Prometheus metrics. Labels are services and event names; never a request or a person."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_EVENTS = Counter(
    "habeas_events",
    "Events handled; `redelivered` ones had been handled before and only their facts went out again.",
    ["service", "event", "outcome"],
    registry=REGISTRY,
)
_FAILED = Counter(
    "habeas_failures", "Messages sent to another try, or parked.", ["service", "outcome"], registry=REGISTRY
)
_BATCH = Histogram(
    "habeas_batch_size",
    "Messages committed together.",
    ["service"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
    registry=REGISTRY,
)
_COMMIT = Histogram(
    "habeas_commit_seconds", "Time to make a batch durable and publish it.", ["service"], registry=REGISTRY
)
_CONNECTED = Gauge(
    "habeas_consuming", "Whether the service's queue is being consumed.", ["service"], registry=REGISTRY
)
_DROP = Gauge(
    "habeas_drop_days_left",
    "Days until California's deletion lists must be fetched, and the last ones answered.",
    registry=REGISTRY,
)


_DROP_SET_ASIDE = Gauge(
    "habeas_drop_set_aside",
    "Lists of California, or parts of them, that cannot be read and are the staff's to answer.",
    registry=REGISTRY,
)


def drop(*, days_left: float, set_aside: int) -> None:
    """Set the days left to fetch California's lists, negative when overdue, and the lists set aside."""
    _DROP.set(days_left)
    _DROP_SET_ASIDE.set(set_aside)


_WAITING = Gauge(
    "habeas_requests_waiting",
    "Requests that wait their turn, because their source sends many.",
    registry=REGISTRY,
)


_WRONG_CODES = Counter(
    "habeas_wrong_codes", "One-time codes that were wrong, over all requests.", registry=REGISTRY
)
_GUESSING = Gauge(
    "habeas_code_alarm",
    "Whether so many codes were wrong within an hour that they may be guesses.",
    registry=REGISTRY,
)


def wrong_code() -> None:
    """Count a wrong code."""
    _WRONG_CODES.inc()


def code_alarm(*, on: bool) -> None:
    """Report whether so many codes were wrong that the alarm is on."""
    _GUESSING.set(on)


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


def consuming(service: str, *, connected: bool) -> None:
    """Set whether a service's queue is being consumed."""
    _CONNECTED.labels(service).set(connected)


def waiting(requests: int) -> None:
    """Set the number of waiting requests."""
    _WAITING.set(requests)


def exposition() -> bytes:
    """Return all figures in Prometheus' text format."""
    return generate_latest(REGISTRY)
