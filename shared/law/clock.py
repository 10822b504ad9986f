"""The end of a statutory period, in days or in hours, every step explained. Pure."""

from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import count, islice
from typing import TypeVar, assert_never
from zoneinfo import ZoneInfo

from shared.law.policies import DayOff, FirstDay, PeriodUnit, StatutoryPeriod

Day = TypeVar("Day", bound=date)
ONE_DAY = timedelta(days=1)
RECEIPT = "receipt"
WEEKEND = {5: "Saturday", 6: "Sunday"}

SAFE_MONTH = timedelta(days=28)
"""No month is shorter (ICO guidance on time limits)."""

INTERNAL_MARGIN = {
    PeriodUnit.MONTH: timedelta(0),  # the 28 days are the margin
    PeriodUnit.CALENDAR_DAY: timedelta(days=5),
    PeriodUnit.BUSINESS_DAY: timedelta(days=7),  # a working week
}
"""How long before the last day the answer is meant to be sent, unless the controller chose otherwise."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The public holidays of one place, by name; *holidays_in* gives those of a year."""

    name: str
    holidays_in: Callable[[int], Mapping[date, str]]

    def is_working_day(self, day: date) -> bool:
        """
        Return whether *day* is neither a Saturday, a Sunday nor a public holiday.

        Law:
            Reg. (EEC, Euratom) 1182/71 Art. 2(2): every other day is a working day.
        """
        return self.day_off(day) is None

    def day_off(self, day: date) -> str | None:
        """Return the reason why *day* is no working day, if there is one."""
        return self.holidays_in(day.year).get(day) or WEEKEND.get(day.weekday())


class Move(StrEnum):
    """The effect of a step of a computation."""

    RECEIVED = "received"
    COUNTED = "counted"
    STOOD_STILL = "stood still"
    OFF = "moved off days off"


@dataclass(frozen=True, slots=True)
class DayStep:
    """One step of a computation: the *day* it arrives at, why, and by which provision."""

    day: date
    reason: str
    provision: str
    move: Move = Move.COUNTED
    passed: tuple[date, ...] = ()
    """Days off that it passes, for explanations in other words."""

    def __str__(self) -> str:
        return f"{self.day}  {self.reason} [{self.provision}]"


@dataclass(frozen=True, slots=True)
class ClockPause:
    """The days, in all, that a period stood still, and the provision."""

    days: int
    provision: str


@dataclass(frozen=True, slots=True)
class DueDate:
    """The last day of a period, with all that it was computed from."""

    received_on: date
    due_on: date
    """The last day, until its midnight in *zone*, on which the answer may be sent."""
    rule: StatutoryPeriod
    zone: str
    calendar: str
    steps: tuple[DayStep, ...]
    stood_still: int = 0
    """For how many days the period stood still."""


def due(
    rule: StatutoryPeriod,
    received_at: datetime,
    zone: ZoneInfo,
    calendar: Calendar,
    stood_still: ClockPause | None = None,
) -> DueDate:
    """
    Return the last day of the period that *rule* sets, counted from the day of receipt in *zone*.

    Law:
        ICO guidance on time limits: that day counts until its last minute, working day or not.
        GDPR Art. 12(3), 11 CCR § 7021(b): an extended period is counted from receipt, too, and not from the
        notice of the extension.
        EDPB Guidelines 01/2022 section 5.3: while the person is asked, without delay, for data needed to
        identify them, the period is suspended. ICO guidance on time limits: it begins when that is there.
    """
    if received_at.tzinfo is None:
        raise ValueError("received_at must say its offset from UTC")
    # By way of UTC: a wall time that the clocks skip is otherwise kept as it stands.
    local = received_at.astimezone(UTC).astimezone(zone)
    received = DayStep(local.date(), f"received at {local:%H:%M} {zone}", rule.provision, Move.RECEIVED)
    if stood_still is None:
        steps = [received, *counted(rule, received.day, RECEIPT, calendar)]
    else:
        ended = _count(rule, received.day, calendar, RECEIPT)
        days = "1 day" if stood_still.days == 1 else f"{stood_still.days} days"
        reason = f"the clock stood still for {days}: proof was awaited"
        day = ended.day + stood_still.days * ONE_DAY
        later = DayStep(day, reason, stood_still.provision, Move.STOOD_STILL)
        steps = [received, ended, later, *_moved_off_holidays(later, rule, calendar)]
    stood = stood_still.days if stood_still else 0
    return DueDate(received.day, steps[-1].day, rule, str(zone), calendar.name, tuple(steps), stood)


def internal_due(legal: DueDate, *, margin: timedelta | None = None) -> date:
    """
    Return the day to answer by in practice: *margin* before the last day, and within 28 days a month.

    In February 28 days are the whole month: then it is the day before the last one. Where the period may end
    earlier by another reading of its words, the answer is meant for that end at the latest.

    No law asks for it. Queues, reminders and alarms go by it, so that the last day is never needed.
    """
    target = legal.due_on - (INTERNAL_MARGIN[legal.rule.unit] if margin is None else margin)
    if legal.rule.unit is PeriodUnit.MONTH:
        safe = legal.rule.length * SAFE_MONTH + legal.stood_still * ONE_DAY
        target = min(target, legal.received_on + safe, legal.due_on - ONE_DAY)
    if legal.rule.other_reading is not None:
        counted_end = [step.day for step in legal.steps if step.move is not Move.OFF][-1]
        target = min(target, counted_end - legal.rule.other_reading.days_earlier * ONE_DAY)
    return max(legal.received_on, min(target, legal.due_on))


@lru_cache(maxsize=4_096)
def counted(rule: StatutoryPeriod, begun_on: date, begun: str, calendar: Calendar) -> tuple[DayStep, ...]:
    """Return the steps from *begun_on*, the day of an event (``awareness``), to the end of its period."""
    ended = _count(rule, begun_on, calendar, begun)
    return (ended, *_moved_off_holidays(ended, rule, calendar))


def _count(rule: StatutoryPeriod, received_on: date, calendar: Calendar, begun: str) -> DayStep:
    match rule.unit:
        case PeriodUnit.MONTH:
            return _count_months(rule, received_on)
        case PeriodUnit.CALENDAR_DAY:
            return _count_calendar_days(rule, received_on, begun)
        case PeriodUnit.BUSINESS_DAY:
            return _count_business_days(rule, received_on, calendar, begun)
        case _:
            assert_never(rule.unit)


def _count_months(rule: StatutoryPeriod, received_on: date) -> DayStep:
    """
    Return the step to the same day of a later month.

    Law:
        Reg. (EEC, Euratom) 1182/71 Art. 3(2)(c): same date, or the month's last day where there is none.
        ICO guidance on time limits: the same, for the United Kingdom.
    """
    end = months_later(received_on, rule.length)
    missing = "" if end.day == received_on.day else f", the last day: there is no day {received_on.day}"
    return DayStep(end, f"{rule.period} later{missing}", rule.counting)


def months_later(day: Day, months: int) -> Day:
    """Return the same day *months* later, earlier if negative; the last day of a month without that day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    _, last = monthrange(year, month + 1)
    return day.replace(year=year, month=month + 1, day=min(day.day, last))


def _count_calendar_days(rule: StatutoryPeriod, received_on: date, begun: str) -> DayStep:
    """Count every day (11 CCR § 7021(b): the period begins on the day of receipt)."""
    on_receipt = rule.first_day is FirstDay.RECEIPT
    end = received_on + (rule.length - on_receipt) * ONE_DAY
    first = f"the day of {begun} being day 1" if on_receipt else f"the day after {begun} being day 1"
    return DayStep(end, f"day {rule.length}, {first}", rule.counting)


def _moved_off_holidays(ended: DayStep, rule: StatutoryPeriod, calendar: Calendar) -> tuple[DayStep, ...]:
    """
    Go from a day off to the working day that the rule says; days off inside the period do not lengthen it.

    Law:
        Reg. (EEC, Euratom) 1182/71 Art. 3(4), ICO guidance on time limits: the next one.
        No provision moves the end of a Californian period later, so it is brought forward.
    """
    later = rule.day_off is not DayOff.BEFORE
    day, passed = ended.day, dict[date, str]()
    while name := calendar.day_off(day):
        passed[day] = name
        day += ONE_DAY if later else -ONE_DAY
    if not passed:
        return ()
    reason = "next working day after" if later else "nothing moves the end later, so before"
    named = ", ".join(f"{off} ({name})" for off, name in passed.items())
    return (DayStep(day, f"{reason} {named}", ended.provision, Move.OFF, tuple(passed)),)


def _count_business_days(rule: StatutoryPeriod, received_on: date, calendar: Calendar, begun: str) -> DayStep:
    """
    Count the working days after the day of receipt.

    Law:
        11 CCR §§ 7021(a), 7026(f)(1), 7027(g)(1): business days, which the text does not define; the
        calendar of the State is taken.
    """
    days = (received_on + n * ONE_DAY for n in count(1))
    end = next(islice(filter(calendar.is_working_day, days), rule.length - 1, None))
    holidays = _weekday_holidays(received_on, end, calendar)
    named = "".join(f", {day} ({name})" for day, name in holidays.items())
    reason = f"{rule.period} after the day of {begun}, without weekends{named}"
    return DayStep(end, reason, rule.counting, passed=tuple(holidays))


def _weekday_holidays(after: date, before: date, calendar: Calendar) -> Mapping[date, str]:
    days = (after + n * ONE_DAY for n in range(1, (before - after).days))
    weekdays = (day for day in days if day.weekday() not in WEEKEND)
    return {day: name for day in weekdays if (name := calendar.day_off(day))}


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
