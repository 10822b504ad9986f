"""
The clock of the law beside a calendar that is walked day by day: ``python -m bench.clock [--cases N]``.

For each edition of each law, on requests and on breaches, random moments are given a last day by
``shared.law`` and by a walk that knows neither ``datetime`` nor the library that counts months: it steps
from day to day, by the rule of leap years, and asks nothing but which days are public holidays. Ends
with 1 when the two ever disagree.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count, islice
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from shared.law import Calendar, DayOff, FirstDay, PeriodUnit, Policy, Right, StatutoryPeriod, TimedDuty, due
from shared.law.breaches import BreachPolicy
from shared.law.calendars import calendar_named
from shared.law.library import breach_policies, policies

MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
FIRST, LAST = datetime(2018, 5, 25, tzinfo=UTC), datetime(2034, 1, 1, tzinfo=UTC)
"""Further on, the public holidays of some places are not known yet."""
ELSEWHERE = "DE-BE"
"""The public holidays of the place that answers, where the law does not say whose count."""
ZONES = tuple(ZoneInfo(name) for name in ("Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "UTC"))
EXPLAINED = 3


@dataclass(frozen=True, slots=True, order=True)
class Day:
    """A day of a calendar of its own; a Monday has the weekday 0."""

    year: int
    month: int
    day: int
    weekday: int

    def after(self) -> "Day":
        """Return the next day."""
        weekday = (self.weekday + 1) % 7
        if self.day < _length(self.year, self.month):
            return Day(self.year, self.month, self.day + 1, weekday)
        if self.month < len(MONTHS):
            return Day(self.year, self.month + 1, 1, weekday)
        return Day(self.year + 1, 1, 1, weekday)

    def before(self) -> "Day":
        """Return the day before."""
        weekday = (self.weekday - 1) % 7
        if self.day > 1:
            return Day(self.year, self.month, self.day - 1, weekday)
        year, month = (self.year, self.month - 1) if self.month > 1 else (self.year - 1, len(MONTHS))
        return Day(year, month, _length(year, month), weekday)

    def works(self, calendar: Calendar) -> bool:
        """Tell whether it is a working day."""
        holiday = calendar.holidays_in(self.year).get(date(self.year, self.month, self.day))
        return self.weekday < 5 and holiday is None


def _length(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return MONTHS[month - 1] + (leap and month == 2)


def walked(rule: StatutoryPeriod, received: Day, calendar: Calendar) -> Day:
    """Return the last day of *rule*, by walking there."""
    match rule.unit:
        case PeriodUnit.MONTH:
            end = _after_months(received, rule.length)
        case PeriodUnit.CALENDAR_DAY:
            end = received if rule.first_day is FirstDay.RECEIPT else received.after()
            for _ in range(rule.length - 1):
                end = end.after()
        case PeriodUnit.BUSINESS_DAY:
            return _after_working_days(received, rule.length, calendar)
    while not end.works(calendar):
        end = end.after() if rule.day_off is DayOff.NEXT else end.before()
    return end


def _after_months(received: Day, months: int) -> Day:
    """Walk into the month that is meant, and in it to the same day or to its last."""
    at = received
    while months:
        at = at.after()
        months -= at.day == 1
    while at.day < received.day and at.after().day != 1:
        at = at.after()
    return at


def _after_working_days(received: Day, days: int, calendar: Calendar) -> Day:
    at = received
    while days:
        at = at.after()
        days -= at.works(calendar)
    return at


@dataclass(frozen=True, slots=True)
class Case:
    """What begins a period under a law, and where it is counted."""

    rule: StatutoryPeriod
    received_at: datetime
    zone: ZoneInfo
    calendar: Calendar

    @property
    def agrees(self) -> bool:
        """Whether the clock and the walk come to the same day."""
        last = due(self.rule, self.received_at, self.zone, self.calendar)
        on = last.received_on
        end = walked(self.rule, Day(on.year, on.month, on.day, on.weekday()), self.calendar)
        return (last.due_on.year, last.due_on.month, last.due_on.day) == (end.year, end.month, end.day)


def rules_of(policy: Policy | BreachPolicy) -> list[StatutoryPeriod]:
    """Return the periods that *policy* sets in days and months."""
    if isinstance(policy, BreachPolicy):
        return [period for notice in policy.notices if (period := notice.period()) is not None]
    return [rule for duty in TimedDuty for right in Right if (rule := policy.rule(duty, right)) is not None]


def cases(policy: Policy | BreachPolicy, dice: random.Random) -> Iterator[Case]:
    """Yield moments under *policy* for ever, each with a few holidays that only it has."""
    rules = rules_of(policy)
    place = calendar_named(policy.calendar or ELSEWHERE)
    for _ in count():
        seconds = dice.randrange(int((LAST - FIRST).total_seconds()))
        at = FIRST + timedelta(seconds=seconds)
        yield Case(dice.choice(rules), at, dice.choice(ZONES), _with_more(place, at, dice))


def _with_more(place: Calendar, at: datetime, dice: random.Random) -> Calendar:
    more = {at.date() + timedelta(days=dice.randrange(120)): "one more" for _ in range(dice.randrange(6))}
    return Calendar(place.name, lambda year: {**place.holidays_in(year), **more})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.clock", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="for each edition of each law")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    out, table = Console(), Table("policy", "cases", "disagree", "µs a case", title="the clock of the law")
    wrong: list[Case] = []
    for policy in (*policies(), *(law for law in breach_policies() if rules_of(law))):
        dice, began = random.Random(f"{given.seed} {policy.id}"), time.perf_counter()
        odd = [case for case in islice(cases(policy, dice), given.cases) if not case.agrees]
        spent = (time.perf_counter() - began) / given.cases * 1e6
        name = f"breaches/{policy.id}" if isinstance(policy, BreachPolicy) else policy.id
        table.add_row(name, f"{given.cases:,}", f"{len(odd):,}", f"{spent:.0f}")
        out.print(f"  {name}: {len(odd):,} of {given.cases:,} disagree", highlight=False)
        wrong += odd
    out.print(table)
    for case in wrong[:EXPLAINED]:
        out.print(f"  {case.rule} received {case.received_at} in {case.zone}", highlight=False)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
