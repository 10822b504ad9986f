"""
How long an incident is kept. Pure.

Law:
    Règlement sur les incidents de confidentialité (Quebec), s. 8: five years after the enterprise knew.
    Breach of Security Safeguards Regulations (Canada), s. 6(1): 24 months; DPO Art. 15(4): two years.
    GDPR Art. 33(5): breaches are documented; Art. 5(1)(e): who was affected, no longer than it is needed.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime

from services.intake.breach.clocks import IncidentTimer

PEOPLE_KEPT, RECORD_KEPT = "people", "record"
"""Moments: nobody need know any more who was told; the incident leaves the register."""
KEPT = frozenset({PEOPLE_KEPT, RECORD_KEPT})


@dataclass(frozen=True, slots=True)
class IncidentRetention:
    """For how many months what is kept."""

    record: int
    people: int

    def waits(self, phase: int, registered_at: datetime) -> list[IncidentTimer]:
        """Return when what of *phase* goes that was registered then."""
        return [self._wait(PEOPLE_KEPT, phase, registered_at), self._wait(RECORD_KEPT, phase, registered_at)]

    def later(self, name: str, now: datetime) -> IncidentTimer | None:
        """Return when to come back, where the moment called *name* was set while less was to be kept."""
        kind, phase, registered, _ = name.split("_")
        wait = self._wait(kind, int(phase), datetime.strptime(registered, "%Y%m%d").replace(tzinfo=UTC))
        return wait if wait.at > now else None

    def _wait(self, kind: str, phase: int, registered_at: datetime) -> IncidentTimer:
        day = registered_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        at = _months_later(day, self.people if kind == PEOPLE_KEPT else self.record)
        return IncidentTimer(f"{kind}_{phase}_{day:%Y%m%d}_{at:%Y%m%d}", at)


def phase_of(name: str) -> int:
    """Return which phase the moment called *name* is about."""
    return int(name.split("_")[1])


def _months_later(day: datetime, months: int) -> datetime:
    """Return the end of the day of that number, *months* later; of a shorter month, of its last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return day.replace(year=year, month=month + 1, day=min(day.day, last), hour=23, minute=59, second=59)
