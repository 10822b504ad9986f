"""
What the laws say of an incident, of which phase after phase has told more. Pure.

A duty runs from when it was known what it is about: from the first phase that makes it owed, or that finds
more people after all others were told. Of the moments that this and later phases state the earliest counts:
no later statement gives more time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from services.intake.breach.domain import Incident, categories_of, residents_of
from services.intake.breach.duties import PEOPLE
from services.intake.breach.phases import Phase
from shared.contract.breaches import BreachDeclared
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
    """What the laws say of breaches, and whose duty it is."""

    policies: BreachPolicies
    company: CompanyProfile
    calendars: Calendars


@dataclass(frozen=True, slots=True)
class Statement:
    """A phase that stands, and what it declared."""

    phase: Phase
    declared: BreachDeclared

    @property
    def detected_at(self) -> datetime:
        """When it was noticed, which is not after it was known."""
        return min(self.declared.detected_at, self.phase.aware_at)


def duties_of(
    incident: Incident, statements: Sequence[Statement], law: BreachLaw, names: Mapping[str, str]
) -> tuple[Clock, ...]:
    """
    Return every duty to tell of *incident*, by what *statements* say, also those that are not owed.

    As a controller the company tells authorities and people; as a processor its customers. Where phases say
    that it is both, each counts what is breached in its own part, and who is told in one is not in the other.

    Clocks are named after customers in events and logs: by *names*, as a rule numbers.
    """
    found: dict[str, Clock] = {}
    for role in BreachRole:
        theirs = tuple(one for one in statements if one.declared.role is role)
        for clock in _RolePhases(incident, theirs, law, names).duties() if theirs else ():
            found[clock.id] = min(found.get(clock.id, clock), clock, key=_first_owed)
    return tuple(found.values())


def _first_owed(clock: Clock) -> tuple[bool, datetime, datetime]:
    """Return by what one of two clocks of a name counts: it is owed, or ends or has begun earlier."""
    return not clock.owed, clock.due_at or NEVER, clock.begun_at or NEVER


@dataclass(frozen=True, slots=True)
class _RolePhases:
    """What phases say in which the company is the same to the data."""

    incident: Incident
    statements: Sequence[Statement]
    law: BreachLaw
    names: Mapping[str, str]
    """What customers are called in events, by their ids."""

    def duties(self) -> Iterator[Clock]:
        """Yield every duty, each from the phase on that it runs from."""
        last = len(self.statements)
        counted = {0: self._counted(last, 0)}
        begun = self._begun(counted[0]) if last > 1 else {}
        for id_ in counted[0]:
            first = begun.get(id_, 0)
            if first not in counted:
                counted[first] = self._counted(last, first)
            yield counted[first][id_]

    def _begun(self, by_all: Mapping[str, Clock]) -> dict[str, int]:
        """Return by which statement each duty of *by_all* began: the first that makes it owed."""
        begun: dict[str, int] = {}
        for number in range(len(self.statements)):
            for clock in self._counted(number + 1, 0).values():
                if clock.owed:
                    # Whom it concerns was not known, and that it must be told was.
                    unnamed = begun.get(_unnamed(clock), number)
                    begun.setdefault(clock.id, min(number, unnamed))
        return {**begun, **self._again(by_all)}

    def _again(self, by_all: Mapping[str, Clock]) -> dict[str, int]:
        """Return which duties have begun again, for people found after the others were told, and by which."""
        place = {one.phase.number: number for number, one in enumerate(self.statements)}
        stops = [stop for stop in self.incident.stops if stop.phase in place]
        return {stop.duty.clock: place[stop.phase] for stop in stops if stop.duty.clock in by_all}

    def _counted(self, known: int, first: int) -> dict[str, Clock]:
        """Count by the first *known* statements, from when the one numbered *first* knew."""
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
    """Return what the duty is called while nobody knows which customer it is about; itself for others."""
    return (
        f"{clock.policy.law}.{clock.recipient}"
        if clock.recipient is NoticeRecipientKind.CONTROLLER
        else clock.id
    )


def _customers(declared: Iterable[BreachDeclared], names: Mapping[str, str]) -> Iterator[ProcessorCustomer]:
    """Yield the customers of all phases, each with the shortest of the periods that were declared for it."""
    hours: dict[str, int] = {}
    for one in declared:
        for customer in one.breach.controllers:
            hours[customer.id] = min(customer.hours, hours.get(customer.id, customer.hours))
    return (ProcessorCustomer(names[id_], most) for id_, most in hours.items())


def _contained_at(declarations: Sequence[BreachDeclared]) -> datetime | None:
    """Return when the incident was dealt with that had gone on: the earliest that was said since it did."""
    ongoing = [number for number, one in enumerate(declarations) if one.ongoing]
    since = declarations[ongoing[-1] + 1 :] if ongoing else ()
    return min((one.handled_at for one in since if one.handled_at is not None), default=None)


def _notified_since(incident: Incident, since: Phase | None) -> dict[str, datetime]:
    """
    Return since when people are being told, by their clocks; whom *since* and later phases tell, if given.

    What runs from their notice does not wait for the last of them, nor for what is stopped before its end.

    Law:
        Cal. Civ. Code § 1798.82(f), and the like: days of notifying consumers.
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
