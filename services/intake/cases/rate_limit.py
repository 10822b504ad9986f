"""
How many requests begin in an hour, so that a storm of one source starves nobody. Pure.

Whatever is beyond the limit is sealed and waits; of those who wait, who must be answered first goes first.
Nobody waits for longer than a day, whatever the limit says: the clock of the law runs from the receipt. Nor
does anybody wait whose last day would come meanwhile, or whose request takes effect at once.

Law:
    GDPR Art. 12(3): the time runs from the receipt; 11 CCR § 7021(a): the receipt is confirmed in ten days.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from services.intake.domain import OWN_DOOR, PUBLIC_DOORS
from shared.contract.events import BurstDeclared, Code, RequestLodged, RequestReceived, RequestSubmitted
from shared.law import TimedDuty, needs_proof

HOUR = timedelta(hours=1)
LONGEST_WAIT = timedelta(days=1)
OTHERS = "*"
"""Each system that is not named."""


@dataclass(frozen=True, slots=True)
class RateLane:
    """Requests that are counted together."""

    name: str
    per_hour: int | None
    """How many may begin in an hour; any number where nothing is said."""
    incident: Code | None = None
    """The declared incident that they belong to."""


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """A sealed request that wants to begin."""

    lodged: RequestLodged
    meant_for: date
    """The day by which its answer is meant to be sent."""
    received_at: datetime
    at_once: bool = False
    """Whether it begins whatever the limit says; it is counted all the same."""

    @property
    def urgency(self) -> tuple[date, datetime]:
        """What is smaller for whoever goes first."""
        return self.meant_for, self.received_at


def lane_of(
    source: str, received_at: datetime, limits: Mapping[str, int], bursts: Iterable[BurstDeclared]
) -> RateLane:
    """
    Return the lane of a request.

    In the time of a declared incident the requests of all sources it names are one lane, if it has a limit
    of its own. People at a public door are in no other lane: each address has its own limit there. What
    Habeas passes on itself has a limit only where it is named.
    """
    burst = next((burst for burst in bursts if _is_of(burst, source, received_at)), None)
    incident = None if burst is None else burst.incident
    if burst is not None and burst.per_hour is not None:
        return RateLane(f"incident {burst.incident}", burst.per_hour, incident)
    return RateLane(f"source {source}", limit_of(source, limits), incident)


def limit_of(source: str, limits: Mapping[str, int]) -> int | None:
    """Return how many requests of *source* may begin in an hour; None where there is no limit."""
    if source in PUBLIC_DOORS:
        return None
    return limits.get(source, None if source.startswith(OWN_DOOR) else limits.get(OTHERS))


def _is_of(burst: BurstDeclared, source: str, received_at: datetime) -> bool:
    return burst.since <= received_at < burst.until and burst.source in {None, source}


def takes_effect_at_once(asked: RequestSubmitted | RequestReceived) -> bool:
    """
    Tell whether something stops with a request, which nobody is asked to prove: a day is too long for it.

    With that of a child the sale of their data stops, whatever is asked.

    Law:
        GDPR Art. 21(3), 7(3): no more marketing after an objection, no more processing after a withdrawal.
        11 CCR §§ 7026(f), 7027(g): opt-outs and limits as soon as feasibly possible.
    """
    return asked.child or not needs_proof(asked.right, direct_marketing=asked.direct_marketing)


def begins_at_once(received: RequestReceived, now: datetime, zone: tzinfo) -> bool:
    """Tell whether a request must not wait: it takes effect at once, or a last day comes meanwhile."""
    latest = (now + LONGEST_WAIT).astimezone(zone).date()
    acknowledged = (day.on for day in received.last_days if day.duty is TimedDuty.ACKNOWLEDGEMENT)
    return takes_effect_at_once(received) or min([received.due_on, *acknowledged]) <= latest


def allowance(per_hour: int | None, *, waiting: int, begun: int, oldest: datetime, now: datetime) -> int:
    """
    Return how many of those who wait may begin now.

    Args:
        per_hour: The limit of their lane.
        waiting: How many wait.
        begun: How many of the lane have begun in this hour.
        oldest: Since when the first of them waits.
        now: The present moment.
    """
    if per_hour is None:
        return waiting
    left = max((oldest + LONGEST_WAIT - now) // HOUR, 1)
    # Spread over the hours that are left: who all came at once would else all be due at once.
    needed = -(-(waiting + begun) // left)
    return min(waiting, max(per_hour, needed) - begun) if max(per_hour, needed) > begun else 0


def next_hour(now: datetime) -> datetime:
    """Return when the next hour begins: hours are those of the clock."""
    return now.replace(minute=0, second=0, microsecond=0) + HOUR
