"""
Assessment of an incident by the breach laws, over all of its phases, and its customers. Pure.

A duty runs from the first phase that makes it owed, or that finds more people after all others were notified.
Of the moments that this and later phases state the earliest counts: no later statement gives more time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from services.intake.breach.domain import Incident, categories_of, residents_of
from services.intake.breach.duties import PEOPLE
from services.intake.breach.phases import Phase
from shared.contract.affected_people import NoticeRecipient
from shared.contract.events.breaches import AffectedController, BreachDeclared, customer_numbers
from shared.law import Calendars, CompanyProfile
from shared.law.breaches import (
    BreachPolicies,
    BreachRole,
    Clock,
    NoticeRecipientKind,
    ProcessorCustomer,
    clocks,
)

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BreachLaw:
    """The breach laws, and the company's roles under them."""

    policies: BreachPolicies
    company: CompanyProfile
    calendars: Calendars


@dataclass(frozen=True, slots=True)
class Statement:
    """A phase that stands, and its declaration."""

    phase: Phase
    declared: BreachDeclared

    @property
    def detected_at(self) -> datetime:
        """The time of discovery, at the latest the time of awareness."""
        return min(self.declared.detected_at, self.phase.aware_at)


def duties_of(
    incident: Incident, statements: Sequence[Statement], law: BreachLaw, names: Mapping[str, str]
) -> tuple[Clock, ...]:
    """
    Return every duty to notify about *incident* by *statements*, also those not owed.

    As a controller the company notifies authorities and people; as a processor its customers, named by
    *names*. If phases state both roles, each counts its own data, and people notified in one count in that
    one alone.
    """
    found: dict[str, Clock] = {}
    for role in BreachRole:
        theirs = tuple(one for one in statements if one.declared.role is role)
        for clock in _RolePhases(incident, theirs, law, names).duties() if theirs else ():
            found[clock.id] = min(found.get(clock.id, clock), clock, key=_first_owed)
    return tuple(found.values())


def _first_owed(clock: Clock) -> tuple[bool, datetime, datetime]:
    """Return which of two clocks of one name counts: the owed one, else the earlier end or beginning."""
    return not clock.owed, clock.due_at or NEVER, clock.begun_at or NEVER


@dataclass(frozen=True, slots=True)
class _RolePhases:
    """The phases in which the company has the same role."""

    incident: Incident
    statements: Sequence[Statement]
    law: BreachLaw
    names: Mapping[str, str]

    def duties(self) -> Iterator[Clock]:
        """Yield every duty, each from the phase from which it runs."""
        last = len(self.statements)
        counted = {0: self._counted(last, 0)}
        begun = self._begun(counted[0]) if last > 1 else {}
        for id_ in counted[0]:
            first = begun.get(id_, 0)
            if first not in counted:
                counted[first] = self._counted(last, first)
            yield counted[first][id_]

    def _begun(self, by_all: Mapping[str, Clock]) -> dict[str, int]:
        """Return which statement began each duty of *by_all*: the first that makes it owed."""
        begun: dict[str, int] = {}
        for number in range(len(self.statements)):
            for clock in self._counted(number + 1, 0).values():
                if clock.owed:
                    # The people were not known, but the duty to notify them was.
                    unnamed = begun.get(_unnamed(clock), number)
                    begun.setdefault(clock.id, min(number, unnamed))
        return {**begun, **self._again(by_all)}

    def _again(self, by_all: Mapping[str, Clock]) -> dict[str, int]:
        """Return the duties that began again for people found later, each with its statement."""
        place = {one.phase.number: number for number, one in enumerate(self.statements)}
        stops = [stop for stop in self.incident.stops if stop.phase in place]
        return {stop.duty.clock: place[stop.phase] for stop in stops if stop.duty.clock in by_all}

    def _counted(self, known: int, first: int) -> dict[str, Clock]:
        """Count by the first *known* statements, from the knowledge of the phase numbered *first*."""
        said = self.statements[:known]
        phases = [one.phase for one in said]
        last, since = said[-1].declared, said[first:]
        aware_at = min(one.phase.aware_at for one in since)
        declarations = [one.declared for one in said]
        declared = (category for one in declarations for category in one.categories)
        breach = replace(
            last.breach,
            judged_at=self.incident.judged_at,
            detected_at=min(*(one.detected_at for one in since), aware_at),
            aware_at=aware_at,
            categories=tuple(dict.fromkeys((*declared, *categories_of(phases)))),
            controllers=tuple(_customers(declarations, self.names)),
            sensitive_to_security=any(one.sensitive_to_security for one in declarations),
            unintelligible=last.encrypted and not any(one.key_taken for one in declarations),
            handled_at=_contained_at(declarations),
            unreached=any(phase.unreached for phase in phases),
            done_clocks=tuple(_notified_since(self.incident, since[0].phase if first else None).items()),
        )
        law = self.law
        found = clocks(breach, residents_of(phases), law.policies, law.company, law.calendars)
        return {clock.id: clock for clock in found}


def _unnamed(clock: Clock) -> str:
    """Return the name of the duty while its customer is unknown; the duty's own name for others."""
    return (
        f"{clock.policy.law}.{clock.recipient}"
        if clock.recipient is NoticeRecipientKind.CONTROLLER
        else clock.id
    )


def _customers(declared: Iterable[BreachDeclared], names: Mapping[str, str]) -> Iterator[ProcessorCustomer]:
    """Yield the customers of all phases, each with the shortest period declared for it."""
    hours: dict[str, int] = {}
    for one in declared:
        for customer in one.breach.controllers:
            hours[customer.id] = min(customer.hours, hours.get(customer.id, customer.hours))
    return (ProcessorCustomer(names[id_], most) for id_, most in hours.items())


def _contained_at(declarations: Sequence[BreachDeclared]) -> datetime | None:
    """Return when an ongoing incident was dealt with: the earliest time stated since it ended."""
    ongoing = [number for number, one in enumerate(declarations) if one.ongoing]
    since = declarations[ongoing[-1] + 1 :] if ongoing else ()
    return min((one.handled_at for one in since if one.handled_at is not None), default=None)


def _notified_since(incident: Incident, since: Phase | None) -> dict[str, datetime]:
    """
    Return since when people are being notified, by clock; only those of *since* and later phases, if given.

    Clocks that depend on a notice start with the first letter (Cal. Civ. Code § 1798.82(f), and the like),
    and ignore clocks stopped before their end.
    """
    found = dict(incident.first_stopped)
    for duty in incident.clocks:
        if duty.recipient == PEOPLE:
            if since is not None:
                found.pop(duty.clock, None)
                stopped = incident.stopped.get(duty.clock)
                if stopped is not None and stopped >= since.aware_at:
                    found[duty.clock] = stopped
            least = since.number if since else 1
            about = (one for one in incident.standing if one.number >= least and one.concerns(duty))
            out = [phase.out_at for phase in about if phase.out_at is not None]
            if out:
                found[duty.clock] = min(*out, found.get(duty.clock, out[0]))
    return found


def customer_labels(incident: Incident, declared: Sequence[BreachDeclared]) -> Mapping[str, str]:
    """Return the number of each customer in events, by id; ids stay where clocks of *incident* have them."""
    numbers = customer_numbers(declared)
    known = {duty.customer for duty in incident.duties if duty.customer is not None}
    return numbers if known <= set(numbers.values()) else {id_: id_ for id_ in numbers}


def customers_in(people: Iterable[NoticeRecipient], declared: BreachDeclared) -> Iterator[str]:
    """Yield the ids of the *declared* customers among *people*, the people of a batch."""
    for reached in people:
        at = [one for one in declared.affected.controllers if one.email == reached.email]
        yield from (one.id for one in _with_name(at, reached))


def _with_name(at: list[AffectedController], reached: NoticeRecipient) -> list[AffectedController]:
    """Return the customers *at* one address with that name, or all; an envelope may have cut a long name."""
    exactly = [one for one in at if one.name == reached.name]
    begun = [one for one in at if reached.name and one.name.startswith(reached.name)]
    return exactly or begun or at
