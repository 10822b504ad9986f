"""
Rate limits: requests that may begin in an hour, so that a storm from one source delays no other. Pure.

Requests over the limit are sealed and wait; the earliest deadline begins first. No request waits longer than
a day, as the deadline runs from the receipt. A request does not wait if its last day would pass, or if it
takes effect at once.

Law:
    GDPR Art. 12(3): the time runs from the receipt; 11 CCR § 7021(a): the receipt is confirmed in ten days.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from services.intake.domain import (
    PUBLIC_SOURCES,
    RequestLodged,
)
from shared.contract.events import BurstDeclared, Code, RequestReceived, RequestSubmitted
from shared.contract.sources import OWN_SOURCES
from shared.law import TimedDuty, needs_proof

HOUR = timedelta(hours=1)
LONGEST_WAIT = timedelta(days=1)
OTHERS = "*"
"""Every system without an entry."""


@dataclass(frozen=True, slots=True)
class RateLane:
    """A rate lane: requests that are counted together."""

    name: str
    per_hour: int | None
    """Requests that may begin in an hour; None is no limit."""
    incident: Code | None = None
    """The declared incident that they belong to."""


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """A sealed request that is ready to begin."""

    lodged: RequestLodged
    meant_for: date
    received_at: datetime
    at_once: bool = False
    """Whether it begins in spite of the limit; it is counted all the same."""


def lane_of(
    source: str, received_at: datetime, limits: Mapping[str, int], bursts: Iterable[BurstDeclared]
) -> RateLane:
    """
    Return the lane of a request.

    During a declared incident with a limit, the requests of all its sources are one lane. People on public
    channels stay apart: each address has its own limit there. Habeas' own requests have one only if named.
    """
    during = (burst for burst in bursts if burst.since <= received_at < burst.until)
    burst = next((burst for burst in during if burst.source in {None, source}), None)
    incident = None if burst is None else burst.incident
    if burst is not None and burst.per_hour is not None:
        return RateLane(f"incident {burst.incident}", burst.per_hour, incident)
    return RateLane(f"source {source}", limit_of(source, limits), incident)


def limit_of(source: str, limits: Mapping[str, int]) -> int | None:
    """Return how many requests of *source* may begin in an hour; None if unlimited."""
    if source in PUBLIC_SOURCES:
        return None
    return limits.get(source, None if source.startswith(OWN_SOURCES) else limits.get(OTHERS))


def takes_effect_at_once(asked: RequestSubmitted | RequestReceived) -> bool:
    """
    Return whether an effect of the request needs no proof and must be immediate: a day is too long for it.

    With a child's request the sale of the data stops, for any right.

    Law:
        GDPR Art. 21(3), 7(3): no more marketing after an objection, no more processing after a withdrawal.
        11 CCR §§ 7026(f), 7027(g): opt-outs and limits as soon as feasibly possible.
    """
    return asked.child or not needs_proof(asked.right, direct_marketing=asked.direct_marketing)


def begins_at_once(received: RequestReceived, now: datetime, zone: tzinfo) -> bool:
    """Return whether a request must not wait: it takes effect at once, or its last day would pass."""
    latest = (now + LONGEST_WAIT).astimezone(zone).date()
    acknowledged = (day.on for day in received.last_days if day.duty is TimedDuty.ACKNOWLEDGEMENT)
    return takes_effect_at_once(received) or min([received.due_on, *acknowledged]) <= latest


def allowance(per_hour: int | None, *, waiting: int, begun: int, oldest: datetime, now: datetime) -> int:
    """
    Return how many of the waiting requests may begin now.

    Their lane has a limit *per_hour*, of which *begun* are used; the first of the *waiting* came at *oldest*.
    """
    if per_hour is None:
        return waiting
    left = max((oldest + LONGEST_WAIT - now) // HOUR, 1)
    # Spread over the hours left: requests that came together would otherwise be due together.
    needed = -(-(waiting + begun) // left)
    return min(waiting, max(per_hour, needed) - begun) if max(per_hour, needed) > begun else 0


def next_hour(now: datetime) -> datetime:
    """Return the start of the next clock hour."""
    return now.replace(minute=0, second=0, microsecond=0) + HOUR
