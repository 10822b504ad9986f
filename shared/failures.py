"""
What becomes of a message that was not handled: tried again after a growing delay, or parked. Pure.

The parked message carries why, how often it was tried, since when, and where it came from.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared import topology
from shared.bus import Delivery, Message
from shared.errors import HabeasError, TransientError

ATTEMPT = "x-habeas-attempt"
FIRST_FAILURE = "x-habeas-first-failure"
EXCHANGE = "x-habeas-exchange"
ROUTING_KEY = "x-habeas-routing-key"
REASON = "x-habeas-reason"
ERROR = "x-habeas-error"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a message was first published."""

    exchange: str
    routing_key: str


def origin_of(delivery: Delivery) -> Origin:
    """Return where *delivery* was first published, however often it has been sent round since."""
    return Origin(
        exchange=str(delivery.headers.get(EXCHANGE, delivery.exchange)),
        routing_key=str(delivery.headers.get(ROUTING_KEY, delivery.routing_key)),
    )


@dataclass(frozen=True, slots=True)
class Failure:
    """A message on its way to another try, or to the parking queue."""

    message: Message
    parked: bool
    fields: dict[str, Any]
    """What the log says of it."""


def after_failure(
    delivery: Delivery, error: Exception, service: str, *, now: datetime, retry_for: timedelta
) -> Failure:
    """
    Decide what becomes of *delivery*, whose handling raised *error*.

    An unknown error is permanent: parked and loud, not retried for ever.
    """
    attempt = int(delivery.headers.get(ATTEMPT, 0)) + 1
    first = str(delivery.headers.get(FIRST_FAILURE, now.isoformat()))
    parked = not isinstance(error, TransientError) or now - datetime.fromisoformat(first) >= retry_for
    origin = origin_of(delivery)
    headers = {
        **{name: value for name, value in delivery.headers.items() if not name.startswith("x-death")},
        ATTEMPT: attempt,
        FIRST_FAILURE: first,
        EXCHANGE: origin.exchange,
        ROUTING_KEY: origin.routing_key,
    }
    if parked:
        headers |= {REASON: _reason(error), ERROR: type(error).__name__}
    delay = list(topology.DELAYS)[min(attempt, len(topology.DELAYS)) - 1]
    message = Message(
        exchange="" if parked else topology.RETRY,
        routing_key=topology.parking_of(service) if parked else f"{delay}.{service}",
        body=delivery.body,
        message_id=delivery.message_id or f"{service}-{delivery.tag}",
        content_type=delivery.content_type or "application/octet-stream",
        headers=headers,
    )
    fields = {
        "attempt": attempt,
        "event_id": delivery.message_id,
        "type": origin.routing_key,
        "error": type(error).__name__,
        "reason": _reason(error),
    }
    return Failure(message, parked, fields)


def _reason(error: Exception) -> str:
    """Return our own errors' message; another's may quote data, so its class must do."""
    return str(error) if isinstance(error, HabeasError) else type(error).__name__
