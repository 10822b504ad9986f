"""Periods in hours, as for notices of a breach: they run through nights, weekends and holidays."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.law.clock import ONE_DAY, Calendar

ONE_HOUR = timedelta(hours=1)
LEAST_WORKING_DAYS = 2
LONG_ENOUGH_H = 48
"""From two days on, a period has two working days at least (Reg. 1182/71 Art. 3(5))."""


@dataclass(frozen=True, slots=True)
class LastHour:
    """The end of a period in hours, in two readings."""

    due_at: datetime
    """The hours from the very moment: in time by every reading."""
    latest_at: datetime
    """Not to be relied on: the hour of the event does not count, and two working days are in the period."""


def hours_later(hours: int, aware_at: datetime, zone: ZoneInfo, calendar: Calendar) -> LastHour:
    """
    Return the end of a period of *hours* that begins with an event at *aware_at*.

    Law:
        Reg. (EEC, Euratom) 1182/71 Art. 3(1): the hour in which something happens is not counted;
        Art. 3(4): such a period is not moved off a day off; Art. 3(5): one of two days or more has two
        working days at least.
        GDPR Art. 33(1): 72 hours after having become aware of a breach.
    """
    if aware_at.tzinfo is None:
        raise ValueError("aware_at must say its offset from UTC")
    at = aware_at.astimezone(UTC)
    begun = at.replace(minute=0, second=0, microsecond=0)
    if begun < at:
        begun += ONE_HOUR
    ended = begun + timedelta(hours=hours)
    if hours >= LONG_ENOUGH_H:
        ended = max(ended, _second_working_day(begun, zone, calendar))
    return LastHour((at + timedelta(hours=hours)).astimezone(zone), ended.astimezone(zone))


def _second_working_day(begun: datetime, zone: ZoneInfo, calendar: Calendar) -> datetime:
    """Return the end of the second whole working day after *begun*."""
    day, found = begun.astimezone(zone).date(), 0
    while found < LEAST_WORKING_DAYS:
        day += ONE_DAY
        found += calendar.is_working_day(day)
    return datetime.combine(day + ONE_DAY, time.min, zone).astimezone(UTC)
