"""Deadlines for notifying each recipient of a breach, every step explained."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from functools import partial
from typing import TypeAlias

from shared.law.applicable_laws import WEEKENDS, Calendars
from shared.law.breaches.obligations import Exemption, exemption, laws_left_out, on, protecting
from shared.law.breaches.policies import BreachPolicies, BreachPolicy, NoticeRule
from shared.law.breaches.terms import (
    Breach,
    BreachRole,
    NoticeRecipientKind,
    NoticeStage,
    PeriodStart,
    ProcessorCustomer,
)
from shared.law.clock import Calendar, DayStep, Move, counted, hours_later
from shared.law.company import CompanyProfile
from shared.law.policies import StatutoryPeriod, lies_in

LAST_MINUTE = time(23, 59)
NOT_ACCEPTED = "the law does not apply: a deadline was not read, and HABEAS_LAWS_ACCEPTED does not name it"
CONTRACT = "contract"
"""Stands in for a law where only a contract demands notices to customers."""
_End: TypeAlias = tuple[datetime | None, tuple[DayStep, ...]]
"""When a period is over, and how that was counted."""
UNKNOWN_PEOPLE: Mapping[str | None, int] = {None: 0}
"""Before the people affected are known: the laws of the establishment hold all the same."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One duty to notify one recipient of a breach."""

    id: str
    """``gdpr.authority.DE``; a stage that is not the first stands between."""
    policy: BreachPolicy
    notice: NoticeRule
    recipient: NoticeRecipientKind
    place: str | None
    """The authority's place, where each Member State has its own; None where the law has but one."""
    begun_at: datetime | None
    """When its period began; None if it begins with another notice, not sent yet."""
    due_at: datetime | None
    """None: no number, so without undue delay; or it has not begun."""
    owed: bool
    why: tuple[DayStep, ...]
    """How the moment was counted, or why it is not owed."""


@dataclass(frozen=True, slots=True)
class _Counting:
    """The common input of all clocks of one breach."""

    breach: Breach
    company: CompanyProfile
    calendars: Calendars
    counted: bool
    """Whether it is known how many people are affected."""

    def done_at(self, clock: str) -> datetime | None:
        """Return when *clock* was done; None while it is not."""
        return dict(self.breach.done_clocks).get(clock)


def clocks(
    breach: Breach,
    residents: Mapping[str | None, int],
    policies: BreachPolicies,
    company: CompanyProfile,
    calendars: Calendars,
) -> tuple[Clock, ...]:
    """
    Return every duty to notify of *breach*, also those that are not owed, with the reason.

    *residents* are the numbers of people affected by residence, empty before the search. If no people were
    found, their number is unknown.

    Law:
        GDPR Art. 33(1): 72 hours, where feasible, after becoming aware. EDPB Guidelines 9/2022: without an
        establishment in a Member State, the authority of each is notified in which people are affected.
        GDPR Art. 33(2): a processor notifies the controller without undue delay; the contract says the hours.
    """
    # A breach of data affects people: if none were found, they are unknown.
    counting = _Counting(breach, company, calendars, any(residents.values()))
    bound = list(_bound(breach, residents or UNKNOWN_PEOPLE, policies, company))
    found = [clock for law, people in bound for clock in _of_law(law, people, counting)]
    left_out = _left_out(residents or UNKNOWN_PEOPLE, policies, counting)
    return (*found, *_to_customers(counting, [law for law, _ in bound], policies), *left_out)


def _left_out(places: Iterable[str | None], policies: BreachPolicies, counting: _Counting) -> Iterator[Clock]:
    """Yield a clock that is not owed for each notice of a law that does not apply, so that staff see it."""
    day = on(counting.breach, counting.company)
    laws = (law for place in places for law in laws_left_out(place, day, policies, counting.company))
    for law in {law.id: law for law in laws}.values():
        for notice in law.notices:
            step = DayStep(day, NOT_ACCEPTED, notice.provision)
            id_ = _Duty(law, notice, None, counting).id
            yield Clock(id_, law, notice, notice.to, None, None, None, owed=False, why=(step,))


def _bound(
    breach: Breach, residents: Mapping[str | None, int], policies: BreachPolicies, company: CompanyProfile
) -> Iterator[tuple[BreachPolicy, dict[str | None, int]]]:
    """Yield the laws that demand notices, with the people that each protects, by place."""
    people: dict[str, dict[str | None, int]] = {}
    day = on(breach, company)
    for place, number in residents.items():
        for policy in protecting(place, day, policies, company):
            people.setdefault(policy.id, {})[place] = number
    for id_, by_place in people.items():
        yield policies.named(id_), by_place


def _of_law(policy: BreachPolicy, people: Mapping[str | None, int], counting: _Counting) -> Iterator[Clock]:
    number = sum(people.values()) if counting.counted else None
    # The law itself may want it, or only the company, which grants it to all: then only people are notified.
    binds = any(lies_in(place, policy.places) for place in (*people, *counting.company.places))
    for notice in policy.notices:
        if notice.to is NoticeRecipientKind.CONTROLLER or not (
            binds or notice.to is NoticeRecipientKind.PEOPLE
        ):
            continue
        places = _states(policy, people, counting.company) if notice.each_state else (None,)
        for place in places:
            yield _Duty(policy, notice, place, counting).clock(number)


def _states(policy: BreachPolicy, people: Mapping[str | None, int], company: CompanyProfile) -> list[str]:
    """
    Return the Member States with authorities to notify: the lead one, or all where people live.

    Law:
        GDPR Art. 55, 56: the authority of the main establishment leads. EDPB Guidelines 9/2022 para. 73.
    """
    here = [_state(policy, place) for place in company.places if lies_in(place, policy.places)]
    there = {_state(policy, place) for place, number in people.items() if place and number}
    return here[:1] or sorted(state for state in there if lies_in(state, policy.places))


def _state(policy: BreachPolicy, place: str) -> str:
    country = place.partition("-")[0]
    return policy.states.get(country, country)


@dataclass(frozen=True, slots=True)
class _Duty:
    """The duty to send one notice to one recipient."""

    policy: BreachPolicy
    notice: NoticeRule
    place: str | None
    """As in :class:`Clock`."""
    counting: _Counting

    @property
    def id(self) -> str:
        """The id of its clock."""
        stage = None if self.notice.stage is NoticeStage.NOTICE else self.notice.stage
        return ".".join(part for part in (self.policy.law, self.notice.to, stage, self.place) if part)

    def clock(self, people: int | None) -> Clock:
        """Return its clock; *people* is the number of people affected, if known."""
        breach, notice = self.counting.breach, self.notice
        begun_at = self.begun_at()
        clock = partial(Clock, self.id, self.policy, notice, notice.to, self.place, begun_at)
        reason = exemption(self.policy, notice, breach, breach.categories, people)
        end = self.end(begun_at)
        goes_on = breach.goes_on_at(end[0])
        if reason is None and notice.while_ongoing and not goes_on:
            reason = Exemption("the incident does not go on: the final report is due", notice.provision)
        if reason is not None:
            step = DayStep(on(breach, self.counting.company), reason.reason, reason.provision)
            return clock(due_at=None, owed=False, why=(step,))
        if notice.handled is not None and goes_on:
            return self._once_handled().clock(people)
        due_at, why = self._brought_forward(end)
        return clock(due_at=due_at, owed=True, why=why)

    def _once_handled(self) -> "_Duty":
        """
        Return the duty for an incident that goes on when its notice would be due.

        Law:
            NIS2 Art. 23(4)(e): a progress report then, and the final one within a month of the handling.
        """
        changes = {"since": PeriodStart.HANDLED, "provision": self.notice.handled, "handled": None}
        return replace(self, notice=self.notice.model_copy(update=changes))

    def _brought_forward(self, end: _End) -> _End:
        """
        Return *end*, or the moment of notices that must not precede this one, if that is earlier.

        Law:
            Conn. Gen. Stat. § 36a-701b(b)(2), and the like: not later than notice to residents.
        """
        first = self.notice.not_after
        done_at = self.counting.done_at(f"{self.policy.law}.{first}") if first else None
        due_at, why = end
        if done_at is None or (due_at is not None and due_at.timestamp() <= done_at.timestamp()):
            return end
        local = done_at.astimezone(self.counting.company.zone)
        says = f"not after the {first}, notified at {local:%H:%M}"
        return local, (*why, DayStep(local.date(), says, self.notice.provision))

    def begun_at(self) -> datetime | None:
        """Return when the period began; None where that has not happened yet."""
        breach, notice = self.counting.breach, self.notice
        match notice.since:
            case PeriodStart.AWARE:
                return breach.aware_at
            case PeriodStart.DISCOVERED:
                return breach.detected_at
            case PeriodStart.ASSESSED:
                return breach.assessed_at or breach.aware_at
            case PeriodStart.PEOPLE_NOTIFIED:
                return self.counting.done_at(f"{self.policy.law}.{NoticeRecipientKind.PEOPLE}")
            case PeriodStart.HANDLED:
                return breach.handled_at
            case PeriodStart.RECIPIENT_NOTIFIED:
                before = replace(self, notice=notice.model_copy(update={"stage": notice.after}))
                return self.counting.done_at(before.id)

    def end(self, begun_at: datetime | None) -> _End:
        """Return when the period is over, and how that was counted."""
        notice, company = self.notice, self.counting.company
        if begun_at is None:
            awaited = f"counted from {notice.since}, which has not happened yet"
            day = on(self.counting.breach, company)
            return None, (DayStep(day, awaited, notice.provision, Move.RECEIVED),)
        begun = _begun_step(begun_at.astimezone(company.zone), notice)
        if notice.length is None:
            return None, (begun, DayStep(begun.day, "no number: without undue delay", notice.provision))
        small = notice.doubled_for_small if company.small else None
        doubled = () if small is None else (DayStep(begun.day, "twice as long for a small company", small),)
        period = notice.period(2 if doubled else 1)
        if period is None:
            due_at, steps = _in_hours(notice.length, begun_at, notice.provision, self.counting)
            return due_at, (begun, *steps)
        calendar = self._calendar()
        zones = {str(zone): zone for zone in (company.zone, self.policy.zone) if zone}.values()
        ends = (_last_day(period, notice, begun_at.astimezone(zone), calendar) for zone in zones)
        due_at, steps = min(ends, key=_when)
        return due_at, (*doubled, *steps)

    def _calendar(self) -> Calendar:
        """
        Return the holidays of the law's place; else of the company's, or of the Member State, under that law.

        No holiday of elsewhere makes a period longer.
        """
        company, calendars = self.counting.company, self.counting.calendars
        here = next((at for at in company.places if lies_in(at, self.policy.places)), self.place)
        named = self.policy.calendar or here
        return WEEKENDS if named is None else calendars(named)


def _last_day(
    period: StatutoryPeriod, notice: NoticeRule, begun_at: datetime, calendar: Calendar
) -> tuple[datetime, tuple[DayStep, ...]]:
    """Count from the day of *begun_at* to the end of the last one, both in its zone."""
    begun = _begun_step(begun_at, notice)
    steps = counted(period, begun.day, notice.since, calendar)
    return datetime.combine(steps[-1].day, LAST_MINUTE, begun_at.tzinfo), (begun, *steps)


def _when(end: tuple[datetime, tuple[DayStep, ...]]) -> float:
    """Return the instant of *end*, to compare ends of several zones, and ends in repeated hours."""
    return end[0].timestamp()


def _begun_step(local: datetime, notice: NoticeRule) -> DayStep:
    reason = f"{notice.since} at {local:%H:%M} {local.tzinfo}"
    return DayStep(local.date(), reason, notice.provision, Move.RECEIVED)


def _in_hours(
    hours: int, begun_at: datetime, provision: str, counting: _Counting
) -> tuple[datetime, tuple[DayStep, ...]]:
    """
    Count the plain hours, which are in time by every reading.

    Law:
        Reg. (EEC, Euratom) 1182/71 Art. 3(1), (4)-(5).
    """
    here = counting.calendars(counting.company.established_in)
    last = hours_later(hours, begun_at, counting.company.zone, here)
    reason = f"{hours} hours later, nights and days off included: {last.due_at:%H:%M}"
    if last.latest_at.timestamp() > last.due_at.timestamp():
        reason += f"; by another reading, not to be relied on, {last.latest_at:%Y-%m-%d %H:%M}"
    return last.due_at, (DayStep(last.due_at.date(), reason, provision),)


def _to_customers(
    counting: _Counting, laws: Sequence[BreachPolicy], policies: BreachPolicies
) -> Iterator[Clock]:
    """
    Yield one clock for each customer: by the hours of its contract, or earlier where a law is stricter.

    The contract holds where no law binds the company.

    Law:
        GDPR Art. 33(2); Cal. Civ. Code § 1798.82(b) and the laws of other States: immediately, or in days.
    """
    breach = counting.breach
    unnamed = (ProcessorCustomer(""),) if breach.role is BreachRole.PROCESSOR else ()
    that_day = policies.of_that_day(on(breach, counting.company))
    contract = (policy for policy in that_day if policy.law == CONTRACT)
    duties = _for_customers(laws, counting) or _for_customers(contract, counting)
    if duties:
        for customer in breach.controllers or unnamed:
            yield _to_customer(customer, duties)


def _for_customers(laws: Iterable[BreachPolicy], counting: _Counting) -> list[_Duty]:
    notices = ((law, notice) for law in laws for notice in law.notices)
    to = NoticeRecipientKind.CONTROLLER
    return [_Duty(law, notice, None, counting) for law, notice in notices if notice.to is to]


def _to_customer(customer: ProcessorCustomer, duties: Sequence[_Duty]) -> Clock:
    law, notice, counting = duties[0].policy, duties[0].notice, duties[0].counting
    begun_at = counting.breach.aware_at
    due_at, steps = _in_hours(customer.hours, begun_at, "Contract; our policy", counting)
    begun = _begun_step(begun_at.astimezone(counting.company.zone), notice)
    laws = [duty.end(duty.begun_at()) for duty in duties]
    ends = ((due_at, (begun, *steps)), *((at, steps) for at, steps in laws if at))
    due_at, why = min(ends, key=_when)
    id_ = ".".join(part for part in (law.law, notice.to, customer.id) if part)
    return Clock(id_, law, notice, notice.to, None, begun_at, due_at, owed=True, why=why)
