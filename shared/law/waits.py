"""
How long the answer of a person can be waited for: no longer than the law leaves time for the answer to them.

Pure. Proof of identity, the confirmation of an erasure, the agreement to a fee: each wait ends by this rule.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.law.applicable_laws import Calendars, DeadlineCalculator, strictest
from shared.law.clock import ONE_DAY, DueDate, internal_due
from shared.law.company import CompanyProfile
from shared.law.policies import Policy, PolicyLibrary, TimedDuty
from shared.law.terms import Right

IDENTITY, SPECIFICATION = "identity", "specification"
"""Kinds of pauses: until the person has proven their identity, or named the data that the request means."""
LEAST_WAIT = timedelta(days=1)
"""Time that each person has to answer, also if their request reaches Habeas on its last day."""


@dataclass(frozen=True, slots=True)
class AnswerPeriod:
    """The facts that decide the time left for the answer to one request."""

    laws: tuple[str, ...]
    """The ids of the editions that protect the person."""
    right: Right
    received_at: datetime
    duty: TimedDuty = TimedDuty.ANSWER
    paused_days: int = 0
    """For how many days the person was awaited, in all."""
    paused_for: str | None = None
    """Kind of the pause (:class:`Pause`) for which the clock may stand still now."""


@dataclass(frozen=True, slots=True)
class ClockRules:
    """The laws and the calendar of the controller; a case keeps its first editions."""

    company: CompanyProfile
    policies: PolicyLibrary
    calendars: Calendars
    window: timedelta = ONE_DAY
    """The window before an erasure, which follows a proof."""

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which days begin and end."""
        return self.company.zone

    def laws(self, ids: Iterable[str]) -> list[Policy]:
        """Return the editions called *ids*."""
        return [self.policies.named(id_) for id_ in ids]

    def last_day(self, period: AnswerPeriod) -> DueDate | None:
        """Return the last day for the answer by the clocks that run; None if all stand still."""
        laws = self.laws(period.laws)
        running = [one for one in laws if not one.stands_still_for(period.paused_for)]
        counting = DeadlineCalculator(self.company, self.calendars, period.received_at, period.paused_days)
        counted = strictest(running, period.duty, period.right, counting)
        return None if counted is None else counted.last

    def end_of_windows(self, period: AnswerPeriod) -> datetime | None:
        """Return when windows must have ended: the answer follows on the last day; None without that day."""
        last = self.last_day(period)
        return None if last is None else begin_of(last.due_on, self.zone)

    def last_wait(self, period: AnswerPeriod) -> datetime | None:
        """
        Return the end of the time that the laws leave to wait for the person; None if all clocks stand still.

        It is the beginning of the target day of the answer, so the staff has the margin for its part. Half of
        the period is the person's at least; the last day and the window before it are the company's.
        """
        last = self.last_day(period)
        if last is None:
            return None
        half = last.received_on + (last.due_on - last.received_on) / 2
        target = max(internal_due(last, margin=self.company.margin), half)
        return min(begin_of(target, self.zone), begin_of(last.due_on, self.zone) - self.window)


def stand_still(laws: Sequence[Policy], kinds: Iterable[str]) -> bool:
    """Return whether the period stands still for one of *kinds*: each of *laws* must allow it."""
    return any(all(law.stands_still_for(kind) for law in laws) for kind in kinds)


def end_of_wait(begun_at: datetime, patience: timedelta, last_wait: datetime | None) -> datetime:
    """Return the end of a wait for a person: after *patience*, and not later than the law leaves time."""
    usual = begun_at + patience
    return usual if last_wait is None else min(usual, max(last_wait, begun_at + LEAST_WAIT))


def begin_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which *day* begins in *zone*."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which *day* is over in *zone*."""
    return begin_of(day + ONE_DAY, zone)


def whole_days(since: datetime, until: datetime) -> int:
    """Return the whole days that have passed; a part of a day moves no deadline: early is lawful."""
    return max((until - since).days, 0)
