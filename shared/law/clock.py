"""From the instant of receipt to the last day of a period, every step explained."""

from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count, islice
from typing import assert_never
from zoneinfo import ZoneInfo

from shared.law.policies import DayOff, FirstDay, Policy, Rule, Unit
from shared.law.scope import Right

ONE_DAY = timedelta(days=1)
WEEKEND = {5: "Saturday", 6: "Sunday"}

SAFE_MONTH = timedelta(days=28)
"""No month is shorter (ICO guidance on time limits)."""

INTERNAL_MARGIN = {
    Unit.MONTH: timedelta(0),  # the 28 days are the margin
    Unit.CALENDAR_DAY: timedelta(days=5),
    Unit.BUSINESS_DAY: timedelta(days=7),  # a working week
}
"""How long before the last day the answer is meant to be sent, unless the controller chose otherwise."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The public holidays of one place, by name; *holidays_in* gives those of a year."""

    name: str
    holidays_in: Callable[[int], Mapping[date, str]]

    def is_working_day(self, day: date) -> bool:
        """
        Tell whether *day* is neither a Saturday, a Sunday nor a public holiday.

        Law:
            Reg. (EEC, Euratom) 1182/71 Art. 2(2): every other day is a working day.
        """
        return self.day_off(day) is None

    def day_off(self, day: date) -> str | None:
        """Name what makes *day* no working day, if anything does."""
        return self.holidays_in(day.year).get(day) or WEEKEND.get(day.weekday())


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a computation: the *day* it arrives at, why, and by which provision."""

    day: date
    reason: str
    provision: str

    def __str__(self) -> str:
        return f"{self.day}  {self.reason} [{self.provision}]"


@dataclass(frozen=True, slots=True)
class DueDate:
    """The last day of a period, with all that it was computed from."""

    received_on: date
    due_on: date
    """The last day, until its midnight in *zone*, on which the answer may be sent."""
    rule: Rule
    zone: str
    calendar: str
    steps: tuple[Step, ...]


def due(rule: Rule, received_at: datetime, zone: ZoneInfo, calendar: Calendar) -> DueDate:
    """
    Return the last day of the period that *rule* sets, counted from the day of receipt in *zone*.

    Law:
        ICO guidance on time limits: that day counts until its last minute, working day or not.
        GDPR Art. 12(3), 11 CCR § 7021(b): an extended period is counted from receipt, too, and not from the
        notice of the extension.
    """
    if received_at.tzinfo is None:
        raise ValueError("received_at must say its offset from UTC")
    # By way of UTC: a wall time that the clocks skip is otherwise kept as it stands.
    local = received_at.astimezone(UTC).astimezone(zone)
    received = Step(local.date(), f"received at {local:%H:%M} {zone}", rule.provision)
    steps = (received, *_count(rule, received.day, calendar))
    return DueDate(received.day, steps[-1].day, rule, str(zone), calendar.name, steps)


def internal_due(legal: DueDate, *, margin: timedelta | None = None) -> date:
    """
    Return the day to answer by in practice: *margin* before the last day, and within 28 days a month.

    No law asks for it. Queues, reminders and alarms go by it, so that the last day is never needed.
    """
    target = legal.due_on - (INTERNAL_MARGIN[legal.rule.unit] if margin is None else margin)
    if legal.rule.unit is Unit.MONTH:
        target = min(target, legal.received_on + legal.rule.length * SAFE_MONTH)
    return max(legal.received_on, min(target, legal.due_on))


def due_after_pauses(policy: Policy, right: Right, due_on: date, days: int, calendar: Calendar) -> date:
    """
    Return the last day of a period that ended on *due_on* and has stood still for *days* days.

    Law:
        EDPB Guidelines 01/2022 section 5.3: while the person is asked, without delay, for what is needed to
        identify them, the period is suspended. ICO guidance on time limits: it begins when that is there.
        11 CCR § 7021(b): in California it runs on, whatever time verification takes.
    """
    if days <= 0 or not policy.stands_still_for("identity"):
        return due_on
    rule = policy.answer(right)
    moved = Step(due_on + days * ONE_DAY, "", "")
    return next((step.day for step in _moved_off_holidays(moved, rule, calendar)), moved.day)


def _count(rule: Rule, received_on: date, calendar: Calendar) -> tuple[Step, ...]:
    match rule.unit:
        case Unit.MONTH:
            return _count_months(rule, received_on, calendar)
        case Unit.CALENDAR_DAY:
            return _count_calendar_days(rule, received_on, calendar)
        case Unit.BUSINESS_DAY:
            return _count_business_days(rule, received_on, calendar)
        case _:
            assert_never(rule.unit)


def _count_months(rule: Rule, received_on: date, calendar: Calendar) -> tuple[Step, ...]:
    """
    Go to the same day of a later month, and from a day off to the next working day.

    Days off inside the period do not lengthen it.

    Law:
        Reg. (EEC, Euratom) 1182/71 Art. 3(2)(c): same date, or the month's last day where there is none.
        Reg. (EEC, Euratom) 1182/71 Art. 3(4): an end on a day off becomes the next working day.
        ICO guidance on time limits: both, for the United Kingdom.
    """
    end = _months_later(received_on, rule.length)
    missing = "" if end.day == received_on.day else f", the last day: there is no day {received_on.day}"
    ended = Step(end, f"{rule.period} later{missing}", rule.counting)
    return (ended, *_moved_off_holidays(ended, rule, calendar))


def _months_later(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    _, last = monthrange(year, month)
    return date(year, month, min(day.day, last))


def _count_calendar_days(rule: Rule, received_on: date, calendar: Calendar) -> tuple[Step, ...]:
    """
    Count every day, and from a day off go where the rule says.

    Law:
        11 CCR § 7021(b): the period begins on the day of receipt. No provision moves its end later, so
        an end on a day off is brought forward.
    """
    on_receipt = rule.first_day is FirstDay.RECEIPT
    end = received_on + (rule.length - on_receipt) * ONE_DAY
    first = "the day of receipt being day 1" if on_receipt else "the day after receipt being day 1"
    ended = Step(end, f"day {rule.length}, {first}", rule.counting)
    return (ended, *_moved_off_holidays(ended, rule, calendar))


def _moved_off_holidays(ended: Step, rule: Rule, calendar: Calendar) -> tuple[Step, ...]:
    later = rule.day_off is not DayOff.BEFORE
    day, passed = ended.day, []
    while name := calendar.day_off(day):
        passed.append(f"{day} ({name})")
        day += ONE_DAY if later else -ONE_DAY
    if not passed:
        return ()
    reason = "next working day after" if later else "nothing moves the end later, so before"
    return (Step(day, f"{reason} {', '.join(passed)}", ended.provision),)


def _count_business_days(rule: Rule, received_on: date, calendar: Calendar) -> tuple[Step, ...]:
    """
    Count the working days after the day of receipt.

    Law:
        11 CCR §§ 7021(a), 7026(f)(1), 7027(g)(1): business days, which the text does not define; the
        calendar of the State is taken.
    """
    days = (received_on + n * ONE_DAY for n in count(1))
    end = next(islice(filter(calendar.is_working_day, days), rule.length - 1, None))
    holidays = _weekday_holidays(received_on, end, calendar)
    reason = f"{rule.period} after the day of receipt, without weekends{holidays}"
    return (Step(end, reason, rule.counting),)


def _weekday_holidays(after: date, before: date, calendar: Calendar) -> str:
    days = (after + n * ONE_DAY for n in range(1, (before - after).days))
    weekdays = (day for day in days if day.weekday() not in WEEKEND)
    return "".join(f", {day} ({name})" for day in weekdays if (name := calendar.day_off(day)))
