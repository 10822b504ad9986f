"""
Retention of incidents. Pure.

Law:
    Règlement sur les incidents de confidentialité (Quebec), s. 8: five years after the enterprise knew.
    Breach of Security Safeguards Regulations (Canada), s. 6(1): 24 months; DPO Art. 15(4): two years.
    GDPR Art. 33(5): breaches are documented; Art. 5(1)(e): the people affected, only as long as needed.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime

from services.intake.breach.clocks import IncidentTimer

PEOPLE_KEPT, RECORD_KEPT = "people", "record"
"""Moments: the people notified are forgotten; the incident leaves the register."""
KEPT = frozenset({PEOPLE_KEPT, RECORD_KEPT})


@dataclass(frozen=True, slots=True)
class IncidentRetention:
    """The months that incidents and their people are kept."""

    record: int
    people: int

    def waits(self, phase: int, registered_at: datetime) -> list[IncidentTimer]:
        """Return the moments at which data of *phase*, registered at that time, expires."""
        return [self._wait(PEOPLE_KEPT, phase, registered_at), self._wait(RECORD_KEPT, phase, registered_at)]

    def later(self, name: str, now: datetime) -> IncidentTimer | None:
        """Return the next check, if the moment called *name* was set for a shorter retention."""
        kind, phase, registered, _ = name.split("_")
        wait = self._wait(kind, int(phase), datetime.strptime(registered, "%Y%m%d").replace(tzinfo=UTC))
        return wait if wait.at > now else None

    def _wait(self, kind: str, phase: int, registered_at: datetime) -> IncidentTimer:
        day = registered_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        at = _months_later(day, self.people if kind == PEOPLE_KEPT else self.record)
        return IncidentTimer(f"{kind}_{phase}_{day:%Y%m%d}_{at:%Y%m%d}", at)


def phase_of(name: str) -> int:
    """Return the phase of the moment called *name*."""
    return int(name.split("_")[1])


def _months_later(day: datetime, months: int) -> datetime:
    """Return the end of the same day of the month, *months* later; the last day in a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return day.replace(year=year, month=month + 1, day=min(day.day, last), hour=23, minute=59, second=59)
