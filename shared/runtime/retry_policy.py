"""
The decision on a message that was not handled: tried again after a growing delay, or parked.

The parked message carries the reason, the number of tries, since when, its origin, its request, and the class
and location of the error; of values only those that our own errors state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from traceback import walk_tb
from typing import Any

from shared import __name__ as package
from shared.contract import topology
from shared.contract.envelope import decode
from shared.contract.events import Fact
from shared.errors import ContentMissing, HabeasError, TransientError
from shared.runtime.broker import Delivery, Message
from shared.runtime.message_origin import (
    Origin,
    OriginSeals,
    publishers_headers,
    stated_headers,
    stated_origin,
)

ATTEMPT = "x-habeas-attempt"
FIRST_FAILURE = "x-habeas-first-failure"
MISSING = "x-habeas-missing"
"""Tries at which content was missing."""
REASON = "x-habeas-reason"
ERROR = "x-habeas-error"
LOCATION = "x-habeas-location"
"""Where the error was raised: module, function and line of the innermost frame of our own code."""
REQUEST = "x-habeas-request"
"""The request that a fact speaks of."""
REPUBLISHED = "x-habeas-republished"
"""On facts that were ordered again: :mod:`shared.runtime.republication`."""

TRIES_FOR_CONTENT = 3
"""Tries of a message whose content is missing: at the third, six seconds later, a decision is on record."""
OWN_CODE = tuple(f"{package.removesuffix('shared')}{name}." for name in ("shared", "services", "habeas"))
"""Beginnings of the names of our modules."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A message on its way to another try, or to the parking queue."""

    message: Message
    parked: bool
    fields: dict[str, Any]
    """The fields for the log."""


def after_failure(
    delivery: Delivery, error: Exception, seals: OriginSeals, *, now: datetime, retry_for: timedelta
) -> Failure:
    """
    Return the decision on *delivery* after its handling raised *error*.

    An unknown error is permanent: parked and loud, not retried for ever. Content that is missing may have
    been discarded by a decision that the next try sees. An origin that is not believed is never sealed: the
    message keeps what it states.
    """
    ours = {} if _is_replayed(delivery) else _our_headers(delivery)
    attempt = attempts_in(ours) + 1
    first = datetime.fromisoformat(str(ours.get(FIRST_FAILURE, now.isoformat())))
    missing = _number(ours, MISSING) + isinstance(error, ContentMissing)
    again = isinstance(error, TransientError) or (
        isinstance(error, ContentMissing) and missing < TRIES_FOR_CONTENT
    )
    parked = not again or now - first >= retry_for
    delay = list(topology.DELAYS)[min(attempt, len(topology.DELAYS)) - 1]
    message = Message(
        exchange=topology.PARKING if parked else topology.RETRY,
        routing_key=seals.service if parked else f"{delay}.{seals.service}",
        body=delivery.body,
        message_id=delivery.message_id or f"{seals.service}-{delivery.tag}",
        content_type=delivery.content_type or "application/octet-stream",
        headers=publishers_headers(delivery.headers),
    )
    believed = seals.origin_of(delivery, now)
    origin = believed or stated_origin(delivery)
    request, location = request_of(delivery, origin), location_of(error)
    headers = {
        **message.headers,
        ATTEMPT: attempt,
        FIRST_FAILURE: first.isoformat(),
        **({MISSING: missing} if missing else {}),
        **(stated_headers(delivery) if believed is None else seals.sealed(message, believed)),
    }
    if parked:
        headers |= {REASON: _reason(error), ERROR: type(error).__name__, LOCATION: location}
        headers |= {} if request is None else {REQUEST: request}
    fields = {
        "attempt": attempt,
        **_named(delivery, origin),
        **({} if request is None else {"request_id": request}),
        "error": type(error).__name__,
        "location": location,
        "reason": _reason(error),
    }
    return Failure(replace(message, headers=headers), parked, fields)


def request_of(delivery: Delivery, origin: Origin) -> str | None:
    """Return the request that a fact speaks of; None where *delivery* is none, or does not read."""
    kind, headers = delivery.content_type, delivery.headers
    try:
        event = decode(delivery.body, exchange=origin.exchange, content_type=kind, headers=headers).event
    except HabeasError:  # also where only a newer version can read it
        return None
    return event.request_id if isinstance(event, Fact) else None


def location_of(error: Exception) -> str:
    """
    Return module, function and line of the innermost frame of our own code; empty without one.

    The function that translates a driver's errors is passed over: it is the same for all.
    """
    frames = [
        f"{module}:{frame.f_code.co_qualname}:{line}"
        for frame, line in walk_tb(error.__traceback__)
        if (module := str(frame.f_globals.get("__name__"))).startswith(OWN_CODE)
        and frame.f_code.co_name != "translated"
    ]
    return frames[-1] if frames else ""


def attempts_in(headers: Mapping[str, Any]) -> int:
    """Return the number of tries that *headers* state; 0 without one, or where a publisher wrote another."""
    return _number(headers, ATTEMPT)


def _number(headers: Mapping[str, Any], name: str) -> int:
    known = headers.get(name, 0)
    return known if isinstance(known, int) else 0


def _is_replayed(delivery: Delivery) -> bool:
    """Return whether a person has handed *delivery* back: it is tried as often as a new one."""
    return delivery.routing_key.startswith(f"{topology.REPLAYED}.")


def _our_headers(delivery: Delivery) -> Mapping[str, Any]:
    return delivery.headers if delivery.exchange == topology.REDELIVERY else {}


def _named(delivery: Delivery, origin: Origin) -> dict[str, Any]:
    """Return the message's names for the log: ids that upstream systems chose may hold anything."""
    if origin.exchange == topology.EVENTS:
        return {"event_id": delivery.message_id, "type": origin.routing_key}
    return {"type": origin.exchange}


def _reason(error: Exception) -> str:
    """Return our own errors' message; another's may quote data, so its class must do."""
    return str(error) if isinstance(error, HabeasError) else type(error).__name__
