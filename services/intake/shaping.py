"""
How many requests begin in an hour, so that a storm of one source starves nobody. Pure.

Whatever is beyond the limit is sealed and waits; of those who wait, who must be answered first goes first.
Nobody waits for longer than a day, whatever the limit says: the clock of the law runs from the receipt.

Law:
    GDPR Art. 12(3): the time runs from the receipt; 11 CCR § 7021(a): the receipt is confirmed in ten days.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.intake.domain import PUBLIC_DOORS
from shared.events import BurstDeclared, Code, RequestLodged

HOUR = timedelta(hours=1)
LONGEST_WAIT = timedelta(days=1)
OTHERS = "*"
"""Each source that is not named."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Requests that are counted together."""

    name: str
    per_hour: int | None
    """How many may begin in an hour; any number where nothing is said."""
    incident: Code | None = None
    """The declared incident that they belong to."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A sealed request that wants to begin."""

    lodged: RequestLodged
    meant_for: date
    """The day by which its answer is meant to be sent."""
    received_at: datetime

    @property
    def urgency(self) -> tuple[date, datetime]:
        """What is smaller for whoever goes first."""
        return self.meant_for, self.received_at


def lane_of(
    source: str, received_at: datetime, limits: Mapping[str, int], bursts: Iterable[BurstDeclared]
) -> Lane:
    """
    Return the lane of a request.

    In the time of a declared incident the requests of all sources it names are one lane, if it has a limit
    of its own. People at a public door are in no other lane: each address has its own limit there.
    """
    burst = next((burst for burst in bursts if _is_of(burst, source, received_at)), None)
    incident = None if burst is None else burst.incident
    if burst is not None and burst.per_hour is not None:
        return Lane(f"incident {burst.incident}", burst.per_hour, incident)
    limit = None if source in PUBLIC_DOORS else limits.get(source, limits.get(OTHERS))
    return Lane(f"source {source}", limit, incident)


def _is_of(burst: BurstDeclared, source: str, received_at: datetime) -> bool:
    return burst.since <= received_at < burst.until and burst.source in {None, source}


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
