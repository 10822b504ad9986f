"""
The laws that protect a person, and the strictest of their values.

Several can: that of the residence, that of a place of establishment, the one the person invokes. Each is
counted by itself, and the case says which of them gave which day.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeAlias

from shared.law.clock import ONE_DAY, Calendar, ClockPause, DueDate, due, months_later
from shared.law.company import CompanyProfile
from shared.law.policies import DeadlineRule, Policy, PolicyLibrary, ProofRule, TimedDuty, lies_in
from shared.law.terms import FeeReason, GivenCopies, Money, Regulation, Right, Role

WEEKENDS = Calendar("weekends", lambda _year: {})
Calendars: TypeAlias = Callable[[str], Calendar]
"""Gives the calendar of a place."""


@dataclass(frozen=True, slots=True)
class ProtectedPerson:
    """The facts about a person that decide which laws protect them."""

    place: str | None = None
    """Where they live: a country or a part of one (``US-CA``); None if unknown."""
    role: Role = Role.CONSUMER
    invoked: Regulation | None = None
    """The law that they say they ask under."""


@dataclass(frozen=True, slots=True)
class Strictest:
    """The earliest of the days that several laws give, and which law it is of."""

    policy: Policy
    last: DueDate


def applicable(
    policies: PolicyLibrary, company: CompanyProfile, person: ProtectedPerson, day: date
) -> tuple[Policy, ...]:
    """
    Return the laws that protect *person* on *day*: first the one that a request is answered under.

    No request is refused because the residence is unknown or unproven: people outside all laws have rights
    that the company grants to all people. So have people that only laws protect which do not apply, because
    their deadlines were not read and the operator has not accepted them (see :func:`laws_not_accepted`).

    Law:
        GDPR Art. 3(1), UK GDPR Art. 3(1): where the company is established in the Union, or in the United
        Kingdom, the law protects all requesters, also from elsewhere; Art. 3(2): residents, besides.
        Cal. Civ. Code § 1798.140(i): a consumer is a resident of California. Va. Code § 59.1-575 and the
        laws of other States: not people acting for a company, or as an employee.
    """
    found = [policy for policy in _protecting(policies, company, person, day) if policies.applies(policy)]
    return tuple(found) or (policies.in_force(company.grants_to_others, day),)


def possibly_applicable(
    policies: PolicyLibrary, company: CompanyProfile, person: ProtectedPerson, day: date
) -> tuple[Policy, ...]:
    """Return the laws that may protect *person* on *day*: those of all places if the residence is unknown."""
    places = [place for policy in policies.of_that_day(day) for place in policy.places]
    homes = [person, *(replace(person, place=place) for place in places if person.place is None)]
    found = (policy for home in homes for policy in applicable(policies, company, home, day))
    return tuple({policy.id: policy for policy in found}.values())


def laws_not_accepted(
    policies: PolicyLibrary, company: CompanyProfile, person: ProtectedPerson, day: date
) -> tuple[Policy, ...]:
    """Return the laws that protect *person* on *day*, but do not apply: their deadlines were not read."""
    protecting = _protecting(policies, company, person, day)
    return tuple(policy for policy in protecting if not policies.applies(policy))


def _protecting(
    policies: PolicyLibrary, company: CompanyProfile, person: ProtectedPerson, day: date
) -> Iterable[Policy]:
    """Return the laws that protect *person* on *day*, each once: first the one that is answered under."""
    that_day = policies.of_that_day(day)
    scoped = [(policy, policy.scope) for policy in that_day if policy.scope]
    residence = [policy for policy, scope in scoped if scope.covers(person.place, person.role)]
    establishment = [policy for policy in that_day if policy.reaches(company.places)]
    invoked = [policy for policy in that_day if policy.answered_as is person.invoked]
    if person.invoked in {Regulation.US_STATE, Regulation.OTHER}:
        invoked = [policy for policy in invoked if policy in residence]
    residence.sort(key=lambda policy: policy.is_of_a_part, reverse=True)
    granted = [policies.in_force(law, day) for law in (company.grants_to_everybody,) if law]
    found = [*invoked, *residence, *establishment, *granted]
    return {policy.id: policy for policy in found}.values()


def strictest(
    laws: Iterable[Policy], duty: TimedDuty, right: Right, counted: Callable[[Policy, DeadlineRule], DueDate]
) -> Strictest | None:
    """
    Return the earliest last day that *laws* give for *duty*; of two alike, that of the first law.

    None where none of them sets a period. A law that knows no extension holds an extended answer to the
    ordinary last day.
    """
    if not any(policy.rule(duty, right) for policy in laws):
        return None
    found = [Strictest(policy, counted(policy, rule)) for policy, rule in _rules(laws, duty, right)]
    return min(found, key=lambda one: one.last.due_on)


def strictest_proof(laws: Iterable[Policy], right: Right, *, sensitive: bool = False) -> ProofRule:
    """Return the strictest rule of *laws* on proof of identity; of two alike, that of the first law."""
    rules = (policy.proof_for(right, sensitive=sensitive) for policy in laws)
    return max(rules, key=lambda rule: rule.strictness)


def opens_categories(laws: Iterable[Policy], right: Right) -> bool:
    """Return whether one of *laws* opens the kinds of data to weaker proof than *right* needs."""
    return any(policy.proof_for(right, sensitive=False).categories for policy in laws)


def is_child(laws: Iterable[Policy], born_on: date, day: date) -> bool:
    """Return whether a person *born_on* a day is a child on *day* by any of *laws*: the oldest age counts."""
    years = age_on(day, born_on)
    return any(years < policy.childhood.below for policy in laws if policy.childhood)


def age_on(day: date, born_on: date) -> int:
    """Return the age, in years, of a person *born_on* a day on *day*."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


def may_cost(laws: Iterable[Policy], reason: FeeReason, fee: Money, before: GivenCopies) -> bool:
    """
    Return whether *fee* may be taken for *reason* from a person that *laws* protect: every one must let it.

    *before* are the copies that the person was given within twelve months.

    Law:
        GDPR Art. 12(5), 15(3); DPO Art. 19(2): at most 300 francs; Cal. Civ. Code §§ 1798.130(b),
        1798.145(h)(3); the laws of other States: once or twice a year for nothing (``policies/``).
    """
    grounds = [policy.fee_for(reason) for policy in laws]
    return bool(grounds) and all(ground is not None and ground.stands(fee, before) for ground in grounds)


def opt_in_locked_until(laws: Iterable[Policy], right: Right, day: date) -> date | None:
    """
    Return the last day on which a person that opts out on *day* may not be asked to opt in; None without one.

    A month without such a day ends the time with the first of the next one: asking late is always lawful.

    Law:
        Cal. Civ. Code § 1798.135(c)(4); 11 CCR §§ 7026(k), 7027(l): at least 12 months.
    """
    locks = [policy.opt_in_lock for policy in laws if policy.opt_in_lock]
    months = max((lock.months for lock in locks if right in lock.rights), default=0)
    if not months:
        return None
    later = months_later(day, months)
    return later if later.day == day.day else later + ONE_DAY


def may_narrow(laws: Iterable[Policy], right: Right) -> bool:
    """
    Return whether a person that *laws* protect may be asked which data a request means: each must let it.

    Law:
        GDPR recital 63; UK GDPR Art. 12A(5)-(6).
    """
    return all(policy.narrows(right) for policy in laws)


@dataclass(frozen=True, slots=True)
class DeadlineCalculator:
    """Counts the days of one request under each law."""

    company: CompanyProfile
    calendars: Calendars
    received_at: datetime
    paused_days: int = 0
    """For how long the person was asked for proof of identity, in all."""
    scope_days: int = 0
    """For how long the person was asked which data is meant, besides."""

    def __call__(self, policy: Policy, rule: DeadlineRule) -> DueDate:
        """Return the last day of *rule*, which is one of *policy*."""
        return due(
            rule, self.received_at, self.company.zone, self._calendar(policy), self._stood_still(policy)
        )

    def _calendar(self, policy: Policy) -> Calendar:
        """
        Return the holidays of the place under that law at which the company is established, if there is one.

        A part of a country has more than the country. No holiday of elsewhere makes a period longer.
        """
        places = policy.places if policy.scope and policy.scope.by_establishment else ()
        here = next((place for place in self.company.places if lies_in(place, places)), policy.calendar)
        return WEEKENDS if here is None else self.calendars(here)

    def _stood_still(self, policy: Policy) -> ClockPause | None:
        """In California the clock runs, regardless of the time for verification (11 CCR § 7021(b))."""
        waited = (("identity", self.paused_days), ("specification", self.scope_days))
        stood = [(pause, days) for kind, days in waited if days > 0 and (pause := policy.pause(kind))]
        provisions = "; ".join(pause.provision for pause, _ in stood)
        return ClockPause(sum(days for _, days in stood), provisions) if stood else None


def _rules(laws: Iterable[Policy], duty: TimedDuty, right: Right) -> Iterator[tuple[Policy, DeadlineRule]]:
    for policy in laws:
        rule = policy.rule(duty, right)
        if rule is None and duty is TimedDuty.EXTENDED_ANSWER:
            rule = policy.answer(right)
        if rule is not None:
            yield policy, rule
